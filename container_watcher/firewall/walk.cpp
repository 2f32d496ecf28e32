// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/walk.h"

#include <algorithm>
#include <climits>
#include <map>
#include <utility>

#include "container_watcher/firewall/cut.h"

namespace berth::firewall {
namespace {

constexpr std::size_t kMostSteps = 400000;  // boxes met by rules, of one walk
constexpr std::size_t kMostBoxes = 4096;    // at one place
constexpr std::size_t kMostCuts = 256;      // entries of one map that are cut out of what is left
constexpr std::size_t kCoalesceFrom = 24;   // boxes
constexpr int kMostDepth = 16;              // the kernel's own limit of jumps
constexpr int kBridgeNetfilter = 0;         // NF_BR_PRI_BRNF
constexpr int kConntrack = -200;            // NF_IP_PRI_CONNTRACK
constexpr int kDestinationNat = -100;       // NF_IP_PRI_NAT_DST
constexpr int kSourceNat = 100;             // NF_IP_PRI_NAT_SRC

using Kind = Op::Kind;

// The kernel asks all chains of type nat at one place, whatever their priorities are; these order them among each other.
std::pair<int, int> place_of(const Chain& chain) {
  if (chain.type != "nat") return {chain.priority, 0};
  return {chain.hook == "prerouting" ? kDestinationNat : kSourceNat, chain.priority};
}

bool comes_first(const Chain& a, const Chain& b) {
  const auto at = place_of(a), other = place_of(b);
  if (at != other) return at < other;
  return std::pair(a.table_handle, a.handle) > std::pair(b.table_handle, b.handle);
}

class Walker {
 public:
  Walker(const Program& program, const WalkOptions& options, Passage* out)
      : program_(program), options_(options), out_(out) {
    for (std::size_t i = 0; i < program.interfaces.all.size(); ++i)
      if (program.interfaces.all[i].kind == "bridge") bridges_ = bridges_ | IntervalSet::of(Interfaces::kFirst + i);
  }

  void run(Boxes boxes) {
    for (Box& each : boxes) begin(&each);
    view_.reply = options_.reply;
    view_.host = &program_.host;
    const Boxes by_port = apart(&boxes, Field::In, bridges_), by_device = std::move(boxes);
    Boxes inside = ip("prerouting", device("ingress", Field::In, by_device));
    for (Boxes& each : by_master(by_port, Field::In)) {
      each = from_bridge(std::move(each));
      inside.insert(inside.end(), each.begin(), each.end());
    }
    for (const char* hook : {"forward", "postrouting"}) inside = ip(hook, std::move(inside));
    inside = device("egress", Field::Out, std::move(inside));
    Boxes done;
    const Boxes to_port = apart(&inside, Field::Out, bridges_);
    done = std::move(inside);
    for (Boxes& each : by_master(to_port, Field::Out)) {
      each = bridge("postrouting", Field::Out, bridge("output", Field::Out, std::move(each)));
      each = device_of_port("egress", Field::Out, std::move(each));
      done.insert(done.end(), each.begin(), each.end());
    }
    coalesce(&done);
    out_->passed = std::move(done);
    out_->gave_up = out_->gave_up || gave_up_;
  }

 private:
  void begin(Box* box) const {
    (*box)[Field::Mark] = IntervalSet::of(0);
    box->mark_unknown = false;
    box->half_tracked = box->half_tracked || (*box)[Field::State] == IntervalSet::of(kUntracked);
    (*box)[Field::State] = state();
    if (options_.state == FlowState::New) {
      (*box)[Field::Status] = IntervalSet::of(0);
      (*box)[Field::CtMark] = IntervalSet::of(0);
      return;
    }
    // seen-reply, confirmed, which direction; assured or not
    const Word bits = 2 | 8 | (options_.reply ? 0x8000 : 0) | (box->source_nat >= 0 ? kSnatStatus : 0);
    (*box)[Field::Status] = IntervalSet({{bits, bits}, {bits | 4, bits | 4}});
  }
  IntervalSet state() const { return IntervalSet::of(options_.state == FlowState::New ? kNew : kEstablished); }

  // Takes those out whose interface is one of `numbers`.
  static Boxes apart(Boxes* boxes, Field field, const IntervalSet& numbers) {
    Boxes out, rest;
    for (Box& each : *boxes) {
      const IntervalSet common = each[field] & numbers;
      if (common.empty()) {
        rest.push_back(std::move(each));
        continue;
      }
      if (!(common == each[field])) {
        rest.push_back(each);
        rest.back()[field] = each[field] - common;
      }
      out.push_back(std::move(each));
      out.back()[field] = common;
    }
    *boxes = std::move(rest);
    return out;
  }
  // By the bridge, one list for each.
  static std::vector<Boxes> by_master(Boxes boxes, Field field) {
    std::vector<Boxes> out;
    while (!boxes.empty())
      out.push_back(apart(&boxes, field, IntervalSet::of(boxes.front()[field].intervals()[0].first)));
    return out;
  }
  IntervalSet ports(const Boxes& boxes, Field field) const {
    const Interface* bridge = boxes.empty() ? nullptr : program_.interfaces.find(boxes[0][field].intervals()[0].first);
    return bridge ? program_.interfaces.ports_of(bridge->name) : IntervalSet::of(Interfaces::kAny);
  }

  std::vector<int> chains_at(const std::string& hook, bool (*family)(const std::string&)) const {
    std::vector<int> out;
    for (std::size_t i = 0; i < program_.chains.size(); ++i)
      if (const Chain& chain = *program_.chains[i].chain; chain.hook == hook && family(chain.family))
        out.push_back(static_cast<int>(i));
    std::reverse(out.begin(), out.end());  // the younger first, where handles do not say it
    std::stable_sort(out.begin(), out.end(), [&](int a, int b) { return comes_first(chain_at(a), chain_at(b)); });
    return out;
  }

  Boxes ip(const char* hook, Boxes boxes) {
    const auto is_ip = [](const std::string& family) { return family == "ip" || family == "ip6" || family == "inet"; };
    hook_ = hook;
    const bool before_routing = hook_ == "prerouting";
    view_.out.reset();
    if (before_routing) view_.out = IntervalSet::of(Interfaces::kNone);
    for (const int chain : chains_at(hook, is_ip)) {
      view_.tracked = !before_routing || chain_at(chain).priority >= kConntrack;
      boxes = base(chain, std::move(boxes));
    }
    view_.out.reset();
    return boxes;
  }

  // Chains of devices: those packets that go through the device.
  Boxes device(const char* hook, Field field, Boxes boxes) {
    const auto has_devices = [](const std::string& family) { return family == "netdev" || family == "inet"; };
    hook_ = hook;
    for (const int chain : chains_at(hook, has_devices)) {
      Boxes through;
      const IntervalSet devices =
          program_.interfaces.numbers(chain_at(chain).devices) - IntervalSet::of(Interfaces::kAny);
      if (devices.empty()) continue;
      through = apart(&boxes, field, devices);
      through = base_of_device(chain, field, std::move(through));
      boxes.insert(boxes.end(), through.begin(), through.end());
    }
    return boxes;
  }
  Boxes base_of_device(int chain, Field field, Boxes boxes) {
    view_.tracked = field == Field::Out;
    if (field == Field::In) view_.out = IntervalSet::of(Interfaces::kNone);
    boxes = base(chain, std::move(boxes));
    view_.out.reset();
    return boxes;
  }

  // The same of the ports of a bridge. Which of several ports a packet takes is left open.
  Boxes device_of_port(const char* hook, Field field, Boxes boxes) {
    const auto has_devices = [](const std::string& family) { return family == "netdev" || family == "inet"; };
    const IntervalSet known = ports(boxes, field);
    hook_ = hook;
    for (const int chain : chains_at(hook, has_devices)) {
      const IntervalSet devices =
          program_.interfaces.numbers(chain_at(chain).devices) - IntervalSet::of(Interfaces::kAny);
      if ((devices & known).empty()) continue;
      Boxes beside = (devices & known) == known ? Boxes() : boxes;
      (field == Field::In ? view_.in : view_.out) = known;
      boxes = base_of_device(chain, field, std::move(boxes));
      view_.in.reset();
      boxes.insert(boxes.end(), beside.begin(), beside.end());
    }
    return boxes;
  }

  // To where a packet of a bridge's port has been through the prerouting of IP.
  Boxes from_bridge(Boxes boxes) {
    boxes = device_of_port("ingress", Field::In, std::move(boxes));
    if (program_.v4 ? program_.interfaces.bridge_calls_v4 : program_.interfaces.bridge_calls_v6) {
      boxes = bridge("prerouting", Field::In, std::move(boxes), INT_MIN, kBridgeNetfilter - 1);
      boxes = ip("prerouting", std::move(boxes));
      boxes = bridge("prerouting", Field::In, std::move(boxes), kBridgeNetfilter, INT_MAX);
      boxes = bridge("input", Field::In, std::move(boxes));
      return device("ingress", Field::In, std::move(boxes));
    }
    boxes = bridge("input", Field::In, bridge("prerouting", Field::In, std::move(boxes)));
    return ip("prerouting", device("ingress", Field::In, std::move(boxes)));
  }

  Boxes bridge(const char* hook, Field field, Boxes boxes, int from = INT_MIN, int to = INT_MAX) {
    const auto is_bridge = [](const std::string& family) { return family == "bridge"; };
    const IntervalSet known = ports(boxes, field);
    (field == Field::In ? view_.in : view_.out) = known;
    (field == Field::In ? view_.out : view_.in) = IntervalSet::of(Interfaces::kNone);
    view_.ct_unknown = true;
    hook_ = hook;
    for (const int chain : chains_at(hook, is_bridge)) {
      if (chain_at(chain).priority < from || chain_at(chain).priority > to) continue;
      view_.tracked = true;
      boxes = base(chain, std::move(boxes));
    }
    view_.ct_unknown = false;
    view_.in.reset();
    view_.out.reset();
    return boxes;
  }

  const Chain& chain_at(int chain) const { return *program_.chains[static_cast<std::size_t>(chain)].chain; }

  Boxes base(int number, Boxes boxes) {
    const Chain& chain = chain_at(number);
    Boxes beside;  // whom the chain is not asked about
    if (chain.type == "nat") {
      Boxes asked;
      for (Box& each : boxes) {
        const bool connection =
            (options_.state == FlowState::New || each.half_tracked) && knows_connection(each, view_);
        (connection && each.source_nat < 0 ? asked : beside).push_back(std::move(each));
      }
      boxes = std::move(asked);
    }
    if (!view_.tracked)
      for (Box& each : boxes)
        if (knows_connection_later(each)) each[Field::State] = IntervalSet::of(kInvalid);
    const int at = place_of(chain).first;
    const bool early = chain.hook == "prerouting" || chain.hook == "ingress" || chain.hook == "input";
    const bool is_ip =
        chain.family != "bridge" && chain.family != "netdev" && chain.hook != "ingress" && chain.hook != "egress";
    view_.destination_hidden = options_.reply && early && (!is_ip || at < kDestinationNat);
    view_.source_hidden = !options_.reply && !early && chain.hook != "forward" && (!is_ip || at > kSourceNat);
    accepted_.clear();
    Boxes ended;
    run_chain(number, std::move(boxes), 0, &ended);
    if (chain.drops && !options_.past_drops)
      for (Box& each : ended) drop(std::move(each), {&chain, nullptr});
    else
      accepted_.insert(accepted_.end(), ended.begin(), ended.end());
    accepted_.insert(accepted_.end(), beside.begin(), beside.end());
    for (Box& each : accepted_)
      if (each[Field::State] == IntervalSet::of(kInvalid)) each[Field::State] = state();
    if (options_.trace && chain.drops && !ended.empty()) step(chain, "policy drop", "drop");
    coalesce(&accepted_);
    return std::move(accepted_);
  }
  static bool knows_connection_later(const Box& box) { return !(box[Field::State] == IntervalSet::of(kUntracked)); }

  std::size_t decision(const Decision& what) {
    const auto [at, fresh] = known_.emplace(std::pair(what.chain, what.rule), out_->decisions.size());
    if (fresh) out_->decisions.push_back(what);
    return at->second;
  }
  void drop(Box box, const Decision& by) { out_->dropped.push_back({std::move(box), decision(by)}); }

  void step(const Chain& chain, const std::string& rule, const std::string& outcome) {
    const std::string way = options_.reply ? "answer, " : options_.state == FlowState::Established ? "then, " : "";
    options_.trace->push_back({way + hook_, chain.title(), rule, outcome});
  }

  // `ended`: what comes to the chain's end, or returns.
  void run_chain(int number, Boxes live, int depth, Boxes* ended) {
    const CompiledChain& chain = program_.chains[static_cast<std::size_t>(number)];
    for (const CompiledRule& rule : chain.rules) {
      if (live.empty() || gave_up_) break;
      if ((rule.inert && !options_.trace) || !reaches(rule, live)) continue;
      Boxes next;
      if (steps_ > kMostSteps || live.size() > kMostBoxes || depth > kMostDepth) {
        gave_up_ = true;
        break;
      }
      for (const Box& each : live) run_rule(*chain.chain, rule, each, depth, &next, ended);
      live = std::move(next);
      if (live.size() > kCoalesceFrom) coalesce(&live);
    }
    ended->insert(ended->end(), live.begin(), live.end());
  }

  // Most rules hit nothing: that is found without a copy.
  bool reaches(const CompiledRule& rule, const Boxes& live) {
    steps_ += live.size();
    if (rule.ops.empty()) return true;
    const Op& first = rule.ops[0];
    if (first.kind == Kind::Never) return false;
    if (first.kind != Kind::Test || first.negated) return true;
    return std::any_of(live.begin(), live.end(),
                       [&](const Box& each) { return touches(each, first.parts[0], first.set, view_); });
  }

  struct Place {
    const Chain& chain;
    const Rule& rule;
    int depth;
    Boxes* next;
    Boxes* ended;
  };

  void run_rule(const Chain& chain, const CompiledRule& rule, const Box& box, int depth, Boxes* next, Boxes* ended) {
    const Place place{chain, *rule.rule, depth, next, ended};
    Boxes now{box};
    for (const Op& op : rule.ops) {
      if (now.empty()) return;
      if (op.kind < Kind::SetMark) {
        if (op.kind == Kind::Lookup && is_vmap(op)) return verdicts(op, now, place);
        const std::size_t before = next->size();
        now = matched(op, now, next);
        blame(op, place, &now, 0);
        blame(op, place, next, before);
      } else if (!act(op, &now, place)) {
        return;
      }
    }
    if (options_.trace && !now.empty()) step(chain, rule.rule->text, "goes on");
    next->insert(next->end(), now.begin(), now.end());
  }

  // Whom this rule made unsure. Of several the last counts, up to the rule that decides.
  void blame(const Op& op, const Place& place, Boxes* boxes, std::size_t from) {
    for (std::size_t i = from; i < boxes->size(); ++i)
      if (Box& each = (*boxes)[i]; each.unsure && (each.doubt < 0 || (op.kind == Kind::Unknown && each.source_nat < 0)))
        each.doubt = static_cast<int>(decision({&place.chain, &place.rule}));
  }

  static bool is_vmap(const Op& op) {
    return std::any_of(op.entries->begin(), op.entries->end(),
                       [](const Op::Entry& each) { return each.verdict != Kind::Never; });
  }

  Boxes matched(const Op& op, const Boxes& now, Boxes* misses) {
    Boxes hits;
    for (const Box& each : now) switch (op.kind) {
        case Kind::Test: cut(each, op.parts[0], op.set, op.negated, view_, &hits, misses); break;
        case Kind::Lookup: {
          Boxes left;
          look_up(op, each, &left, [&](const Op::Entry&, Boxes found) {
            Boxes& to = op.negated ? *misses : hits;
            to.insert(to.end(), found.begin(), found.end());
          });
          Boxes& to = op.negated ? hits : *misses;
          to.insert(to.end(), left.begin(), left.end());
          break;
        }
        case Kind::Varies:
        case Kind::Unknown: both(each, op.kind == Kind::Unknown, &hits, misses); break;
        case Kind::Connected:
          if (connection_unknown(each, view_)) {
            both(each, true, &hits, misses);
          } else {
            (knows_connection(each, view_) ? &hits : misses)->push_back(each);
          }
          break;
        case Kind::Ports: ports_only(each, &hits, misses); break;
        default: misses->push_back(each); break;  // Never
      }
    return hits;
  }

  static void ports_only(const Box& box, Boxes* hits, Boxes* misses) {
    static const IntervalSet kWithPorts({{6, 6}, {17, 17}, {33, 33}, {132, 132}, {136, 136}});
    Box with = box, without = box;
    with[Field::Protocol] = box[Field::Protocol] & kWithPorts;
    without[Field::Protocol] = box[Field::Protocol] - kWithPorts;
    if (!with[Field::Protocol].empty()) hits->push_back(std::move(with));
    if (without[Field::Protocol].empty()) return;
    misses->push_back(without);
    hits->push_back(std::move(without));
  }

  // Calls `found` with what of the box is in each entry; `left`: what is in none.
  template <class Found>
  void look_up(const Op& op, const Box& box, Boxes* left, Found found) {
    Boxes rest{box};
    std::size_t cuts = 0;
    for (const Op::Entry& entry : *op.entries) {
      if (rest.empty() || gave_up_) break;
      Boxes hits, misses;
      for (const Box& each : rest) {
        bool reached = true;
        for (std::size_t i = 0; i < op.parts.size() && reached; ++i)
          reached = !entry.sets[i].empty() && touches(each, op.parts[i], entry.sets[i], view_);
        if (!reached) {
          misses.push_back(each);
          continue;
        }
        Boxes now{each}, out;
        for (std::size_t i = 0; i < op.parts.size(); ++i) {
          Boxes inside;
          for (const Box& one : now) cut(one, op.parts[i], entry.sets[i], false, view_, &inside, &out);
          now = std::move(inside);
        }
        if (!now.empty() && ++cuts > kMostCuts && !out.empty()) out = {each};
        hits.insert(hits.end(), now.begin(), now.end());
        misses.insert(misses.end(), out.begin(), out.end());
      }
      steps_ += 1;
      if (steps_ > kMostSteps || misses.size() > kMostBoxes) gave_up_ = true;
      if (!hits.empty()) found(entry, std::move(hits));
      rest = std::move(misses);
      if (rest.size() > kCoalesceFrom) coalesce(&rest);
    }
    left->insert(left->end(), rest.begin(), rest.end());
  }

  void verdicts(const Op& op, const Boxes& now, const Place& place) {
    for (const Box& each : now)
      look_up(op, each, place.next, [&](const Op::Entry& entry, Boxes found) {
        Op verdict;
        verdict.kind = entry.verdict;
        verdict.chain = entry.chain;
        if (entry.verdict == Kind::Never || act(verdict, &found, place))
          place.next->insert(place.next->end(), found.begin(), found.end());
      });
  }

  // What a statement does. False: the rule is at its end, and the packets are where they belong.
  bool act(const Op& op, Boxes* now, const Place& place) {
    const Decision by{&place.chain, &place.rule};
    switch (op.kind) {
      case Kind::SetMark:
      case Kind::SetCtMark: set_mark(op, now, place); return true;
      case Kind::Notrack:
        for (Box& each : *now)
          if (!view_.tracked) each[Field::State] = IntervalSet::of(kUntracked);
        return true;
      case Kind::SourceNat:
      case Kind::DestinationNat: return translate(op, now, place);
      case Kind::Queue: return queue(now, by);
      case Kind::Accept:
        tell(place, "accept");
        accepted_.insert(accepted_.end(), now->begin(), now->end());
        return false;
      case Kind::Drop:
        tell(place, "drop");
        if (options_.past_drops) return true;
        for (Box& each : *now) drop(std::move(each), by);
        return false;
      case Kind::Return:
        tell(place, "return");
        place.ended->insert(place.ended->end(), now->begin(), now->end());
        return false;
      case Kind::Jump:
      case Kind::Goto: {
        if (op.chain < 0) return queue(now, by);
        tell(place, (op.kind == Kind::Jump ? "jump " : "goto ") + chain_at(op.chain).name);
        run_chain(op.chain, std::move(*now), place.depth + 1, op.kind == Kind::Jump ? place.next : place.ended);
        return false;
      }
      default: return true;
    }
  }
  void tell(const Place& place, const std::string& outcome) {
    if (options_.trace) step(place.chain, place.rule.text, outcome);
  }

  // Whoever reads the queue decides.
  bool queue(Boxes* now, const Decision& by) {
    for (Box& each : *now) {
      each.unsure = true;
      accepted_.push_back(each);
      if (!options_.past_drops) drop(std::move(each), by);
    }
    return false;
  }

  bool translate(const Op& op, Boxes* now, const Place& place) {
    const std::size_t by = decision({&place.chain, &place.rule});
    const bool nat = place_is_nat(place);
    const bool destination = op.kind == Kind::DestinationNat || (nat && hook_ == "prerouting");
    tell(place, destination ? "its destination is changed" : "its source is changed");
    for (Box& each : *now) {
      if (options_.state != FlowState::New && nat) {  // of a flow that conntrack did not see begin: it may break it
        each.unsure = true;
        accepted_.push_back(each);
        drop(std::move(each), {&place.chain, &place.rule});
        continue;
      }
      if (destination) {
        out_->diverted.push_back({std::move(each), by});
        continue;
      }
      each.source_nat = static_cast<int>(by);
      each[Field::Status] = IntervalSet::of(kSnatStatus);
      if (nat) accepted_.push_back(std::move(each));
    }
    return !destination && !nat;
  }
  bool place_is_nat(const Place& place) const {
    return place.rule.verdict() && place.rule.verdict()->what != Do::Rewrite;
  }

  void set_mark(const Op& op, Boxes* now, const Place& place) {
    const Field field = op.kind == Kind::SetMark ? Field::Mark : Field::CtMark;
    if (op.from == Op::From::Map) {
      Boxes out;
      for (const Box& each : *now)
        look_up(op, each, place.next, [&](const Op::Entry& entry, Boxes found) {
          for (Box& one : found) put_mark(field, entry.value, &one);
          out.insert(out.end(), found.begin(), found.end());
        });
      *now = std::move(out);
      return;
    }
    for (Box& each : *now) {
      if (field == Field::CtMark && !knows_connection(each, view_)) continue;
      std::optional<std::uint32_t> value;
      if (op.from == Op::From::Number) value = op.number;
      if (op.from == Op::From::Mark && !each.mark_unknown) value = first(each[Field::Mark]);
      if (op.from == Op::From::CtMark && !each.ct_mark_unknown) {
        value = first(each[Field::CtMark]);
      }
      if (value) value = masked(*value, op.mask);
      put_mark(field, value, &each);
    }
  }
  static std::uint32_t first(const IntervalSet& set) { return static_cast<std::uint32_t>(set.intervals().at(0).first); }
  static void put_mark(Field field, std::optional<std::uint32_t> value, Box* box) {
    (field == Field::Mark ? box->mark_unknown : box->ct_mark_unknown) = !value;
    (*box)[field] = IntervalSet::of(value.value_or(0));
  }

  const Program& program_;
  const WalkOptions& options_;
  Passage* out_;
  IntervalSet bridges_;
  View view_;
  std::string hook_;
  Boxes accepted_;  // by the base chain that is asked now
  std::map<std::pair<const Chain*, const Rule*>, std::size_t> known_;
  std::size_t steps_ = 0;
  bool gave_up_ = false;
};

}  // namespace

void walk(const Program& program, std::vector<Box> boxes, const WalkOptions& options, Passage* out) {
  Walker(program, options, out).run(std::move(boxes));
}

}  // namespace berth::firewall
