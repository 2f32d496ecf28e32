// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/rule_walk.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace berth {
namespace {

constexpr int kStepLimit = 200000;  // rules looked at for one flow; more counts as not judged
constexpr int kDepthLimit = 16;     // the kernel's own limit of jumps

// Set of hits: a rule's matches all hold, so the least of them says how much the rule hits.
Extent both(Extent a, Extent b) {
  return std::min(a, b);
}
Extent either(Extent a, Extent b) {
  return std::max(a, b);
}
Extent inverse(Extent hit) {
  if (hit == Extent::None) return Extent::All;
  return hit == Extent::All ? Extent::None : hit;
}

// "br-x", or "br*" for a beginning.
bool name_matches(std::string_view pattern, std::string_view name) {
  if (pattern.ends_with('*')) return name.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == name;
}

Extent hit_interface(const FlowInterface& interface, const std::string& value) {
  if (value == "*") return Extent::All;
  if (!interface.name.empty()) return name_matches(value, interface.name) ? Extent::All : Extent::None;
  if (!value.ends_with('*') &&
      std::find(interface.except.begin(), interface.except.end(), value) != interface.except.end())
    return Extent::None;
  return Extent::Some;
}

std::optional<IpAddress> next_address(const IpAddress& address) {
  std::vector<std::uint8_t> bytes(address.bytes().begin(), address.bytes().end());
  for (std::size_t i = bytes.size(); i-- > 0;)
    if (++bytes[i] != 0) return IpAddress::from_bytes(bytes);
  return std::nullopt;
}
IpAddress last_of(const Prefix& prefix) {
  std::vector<std::uint8_t> bytes(prefix.address().bytes().begin(), prefix.address().bytes().end());
  for (unsigned bit = prefix.length(); bit < prefix.address().bits(); ++bit) bytes[bit / 8] |= 0x80 >> (bit % 8);
  return *IpAddress::from_bytes(bytes);
}

// FIRST-LAST as the prefixes that it is made of.
std::optional<std::vector<Prefix>> prefixes_of(const std::string& value) {
  if (const auto one = Prefix::parse(value)) return std::vector{*one};
  const std::size_t dash = value.find('-');
  if (dash == std::string::npos) return std::nullopt;
  const auto first = IpAddress::parse(value.substr(0, dash)), last = IpAddress::parse(value.substr(dash + 1));
  if (!first || !last || first->is_v4() != last->is_v4() || *last < *first) return std::nullopt;
  std::vector<Prefix> out;
  std::optional<IpAddress> at = first;
  while (at && *at <= *last) {
    unsigned length = at->bits();
    while (length > 0 && Prefix::of(*at, length - 1).address() == *at && last_of(Prefix::of(*at, length - 1)) <= *last)
      --length;
    out.push_back(Prefix::of(*at, length));
    at = next_address(last_of(out.back()));
  }
  return out;
}

// Do the values together hold all of `part` that the flow has?
bool covered(const Prefix& part, const std::vector<Prefix>& values, const std::vector<Prefix>& except) {
  const auto holds = [&](const Prefix& each) { return each.contains(part); };
  const auto touches = [&](const Prefix& each) { return part.contains(each); };
  if (std::any_of(values.begin(), values.end(), holds) || std::any_of(except.begin(), except.end(), holds)) return true;
  if (part.is_host() || std::none_of(values.begin(), values.end(), touches)) return false;
  const Prefix low = Prefix::of(part.address(), part.length() + 1);
  return covered(low, values, except) &&
         covered(Prefix::of(*next_address(last_of(low)), part.length() + 1), values, except);
}

Extent hit_addresses(const FlowAddresses& flow, const Match& match) {
  if (!match.family.empty() && (match.family == "ip") != flow.prefix.is_v4()) return Extent::None;
  Extent hit = Extent::None;
  std::vector<Prefix> all;
  for (const std::string& value : match.values) {
    const auto prefixes = prefixes_of(value);
    if (!prefixes) return Extent::Unknown;
    for (const Prefix& prefix : *prefixes) {
      if (!prefix.overlaps(flow.prefix)) continue;
      const Prefix& common = prefix.length() > flow.prefix.length() ? prefix : flow.prefix;
      if (std::any_of(flow.except.begin(), flow.except.end(), [&](const Prefix& e) { return e.contains(common); }))
        continue;
      const Extent part = flow.ours ? Extent::OurSome : Extent::Some;
      hit = either(hit, prefix.contains(flow.prefix) ? Extent::All : part);
      all.push_back(prefix);
    }
  }
  if (hit != Extent::All && hit != Extent::None && covered(flow.prefix, all, flow.except)) return Extent::All;
  return hit;
}

Extent hit_port(const std::optional<unsigned>& port, const std::string& value) {
  if (!port) return Extent::Some;
  const std::size_t dash = value.find('-');
  const auto read = [](std::string_view text, unsigned* out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
    return error == std::errc() && end == text.data() + text.size() && !text.empty();
  };
  unsigned first = 0, last = 0;
  const std::string_view text = value;
  if (!read(text.substr(0, dash), &first)) return Extent::Unknown;
  if (dash == std::string::npos)
    last = first;
  else if (!read(text.substr(dash + 1), &last))
    return Extent::Unknown;
  return *port >= first && *port <= last ? Extent::All : Extent::None;
}

Extent hit_mark(const std::optional<std::uint32_t>& mark, const std::string& value) {
  std::string_view text = value;
  const int base = text.starts_with("0x") ? 16 : 10;
  if (base == 16) text.remove_prefix(2);
  std::uint32_t wanted = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wanted, base);
  if (!mark || error != std::errc() || end != text.data() + text.size()) return Extent::Unknown;
  return *mark == wanted ? Extent::All : Extent::None;
}

// One way of one flow over one hook.
class Walker {
 public:
  Walker(const Ruleset& rules, const Flow& flow, std::string hook, bool past_drops, WalkResult* result)
      : rules_(rules), flow_(flow), hook_(std::move(hook)), past_drops_(past_drops), result_(result) {}

  // False: dropped.
  bool base(const Chain& chain, std::optional<std::uint32_t>* mark) {
    mark_ = mark;
    Extent start = Extent::All;
    if (!chain.device.empty()) start = hit_interface(chain.hook == "egress" ? flow_.out : flow_.in, chain.device);
    const std::optional<Extent> left = walk(chain, start, 0);
    if (!left) return false;
    if (!chain.drops || past_drops_ || *left == Extent::None) return true;
    return !drop(chain, "policy drop", *left);
  }

 private:
  Extent hit_one(const Match& match, const std::string& value) const {
    switch (match.key) {
      case Key::InName: return hit_interface(flow_.in, value);
      case Key::OutName: return hook_ == "prerouting" ? Extent::None : hit_interface(flow_.out, value);
      case Key::Protocol:
        if (flow_.protocol.empty()) return Extent::Some;
        return flow_.protocol == value ? Extent::All : Extent::None;
      case Key::SourcePort: return hit_port(flow_.source_port, value);
      case Key::DestinationPort: return hit_port(flow_.destination_port, value);
      case Key::Family: return (value == "ipv4" || value == "2") == flow_.is_v4() ? Extent::All : Extent::None;
      case Key::State:
        return value == (flow_.state == FlowState::New ? "new" : "established") ? Extent::All : Extent::None;
      case Key::SourceType:  // neither end is the host itself
      case Key::DestinationType:
        return value == "unicast" || value == "host" || value == "other" ? Extent::All : Extent::None;
      case Key::Mark: return hit_mark(*mark_, value);
      default: return Extent::Unknown;
    }
  }

  Extent hit(const Match& match) const {
    Extent out = Extent::None;
    switch (match.key) {
      case Key::Unknown: return Extent::Unknown;
      case Key::Sometimes: return match.negated ? Extent::Unknown : Extent::Some;
      case Key::Source:
      case Key::Destination:
        out = hit_addresses(match.key == Key::Source ? flow_.source : flow_.destination, match);
        if (match.negated && !match.family.empty() && (match.family == "ip") != flow_.is_v4()) return Extent::None;
        break;
      default:
        for (const std::string& value : match.values) out = either(out, hit_one(match, value));
    }
    return match.negated ? inverse(out) : out;
  }

  Extent hit(const Rule& rule) const {
    Extent out = Extent::All;
    for (const Match& match : rule.matches) {
      out = both(out, hit(match));
      if (out == Extent::None) break;
    }
    return out;
  }

  static Decision decision(const Chain& chain, const std::string& text, Extent extent) {
    return {chain.family + " " + chain.table + " " + chain.name, text, extent != Extent::Unknown};
  }

  // True: the flow is lost. Else only some packets are, which is told.
  bool drop(const Chain& chain, const std::string& text, Extent extent) {
    if (extent > Extent::Some) {
      result_->drop = decision(chain, text, extent);
      return true;
    }
    result_->partial.push_back(decision(chain, text, extent));
    return false;
  }

  void translate(const Chain& chain, const Rule& rule, Extent extent) {
    const Decision what = decision(chain, rule.text, extent);
    if (hook_ == "postrouting") {
      result_->source_nat.push_back(what);
      if (extent > Extent::Some) result_->source_nat_all.push_back(what);
      return;
    }
    (extent > Extent::Some ? result_->redirected_all : result_->redirected).push_back(what);
  }

  // What goes on after the chain of `scope` packets that came in; nullopt: dropped.
  std::optional<Extent> walk(const Chain& chain, Extent scope, int depth) {
    Extent left = scope, returned = Extent::None;
    for (const Rule& rule : chain.rules) {
      if (left == Extent::None) break;
      if (++steps_ > kStepLimit || depth > kDepthLimit) {
        result_->drop = Decision{chain.family + " " + chain.table + " " + chain.name, "too many rules to judge", false};
        return std::nullopt;
      }
      const Extent found = hit(rule);
      if (found == Extent::None) continue;
      const Extent reached = both(left, found);
      if (rule.sets_mark) *mark_ = reached == Extent::All ? rule.mark : std::nullopt;
      const bool whole = found == Extent::All;  // of what is left
      switch (rule.action) {
        case Action::None: break;
        case Action::Accept:
          if (whole) left = Extent::None;
          break;
        case Action::Drop:
          if (past_drops_) break;
          if (drop(chain, rule.text, reached)) return std::nullopt;
          if (whole) left = Extent::None;
          break;
        case Action::Translate:
          translate(chain, rule, reached);
          if (whole && chain.type == "nat") left = Extent::None;
          break;
        case Action::Return:
          returned = either(returned, reached);
          if (whole) left = Extent::None;
          break;
        case Action::Jump:
        case Action::Goto: {
          const Chain* target = rules_.find(chain.family, chain.table, rule.target);
          const std::optional<Extent> after = target ? walk(*target, reached, depth + 1) : reached;
          if (!after) return std::nullopt;
          if (rule.action == Action::Goto) returned = either(returned, *after);
          if (whole) left = rule.action == Action::Goto ? Extent::None : *after;
          break;
        }
      }
    }
    return either(returned, left);
  }

  const Ruleset& rules_;
  const Flow& flow_;
  std::string hook_;
  bool past_drops_;
  WalkResult* result_;
  std::optional<std::uint32_t>* mark_ = nullptr;
  int steps_ = 0;
};

bool concerns(const Chain& chain, const Flow& flow, const std::string& hook) {
  if (chain.type == "nat" && flow.state != FlowState::New) return false;
  const bool at_device =
      (chain.hook == "ingress" && hook == "prerouting") || (chain.hook == "egress" && hook == "postrouting");
  if (chain.family == "netdev") return at_device;
  if (chain.hook != hook && !at_device) return false;
  return chain.family == "inet" || chain.family == (flow.is_v4() ? "ip" : "ip6");
}

}  // namespace

WalkResult walk_forward(const Ruleset& rules, const Flow& flow, bool past_drops) {
  WalkResult result;
  std::optional<std::uint32_t> mark = 0;  // as a packet comes in
  for (const char* hook : {"prerouting", "forward", "postrouting"}) {
    std::vector<const Chain*> chains;
    for (const Chain& chain : rules.chains)
      if (concerns(chain, flow, hook)) chains.push_back(&chain);
    std::stable_sort(chains.begin(), chains.end(), [](const Chain* a, const Chain* b) {
      if ((a->family == "netdev") != (b->family == "netdev")) return a->family == "netdev";
      return a->priority < b->priority;
    });
    Walker walker(rules, flow, hook, past_drops, &result);
    for (const Chain* chain : chains)
      if (!walker.base(*chain, &mark)) return result;
  }
  return result;
}

}  // namespace berth
