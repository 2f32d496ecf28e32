// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/rule_parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace berth::nft {
namespace {

bool among(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool is_verdict(std::string_view word) {
  return among(word, {"accept", "drop", "return", "continue", "jump", "goto", "reject", "queue", "masquerade", "snat",
                      "dnat", "redirect", "tproxy", "xt", "comment", "vmap"});
}

// Where a statement may begin: what is skipped ends here. None of these words occurs inside of what is skipped.
bool begins(std::string_view word) {
  return is_verdict(word) ||
         among(word, {"counter", "ip", "ip6", "meta", "iifname", "oifname", "iif", "oif", "ct", "fib", "tcp", "udp",
                      "th", "icmp", "icmpv6", "ether", "limit", "log"}) ||
         word.starts_with('#');
}

std::string protocol_name(const std::string& word) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kNames{
      {{"6", "tcp"}, {"17", "udp"}, {"1", "icmp"}, {"58", "ipv6-icmp"}, {"icmpv6", "ipv6-icmp"}}};
  for (const auto& [number, name] : kNames)
    if (word == number) return std::string(name);
  return word;
}

std::optional<std::uint32_t> number(std::string_view word) {
  int base = 10;
  if (word.starts_with("0x")) word.remove_prefix(2), base = 16;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, base);
  if (error != std::errc() || end != word.data() + word.size() || word.empty()) return std::nullopt;
  return value;
}

class RuleParser {
 public:
  RuleParser(const std::vector<Token>& tokens, std::string_view listing) : tokens_(tokens), listing_(listing) {}

  std::vector<Rule> run() {
    while (more()) {
      const std::string first = next();
      if (first.starts_with('#'))
        handle(first);
      else if (!tail(first) && !lost_)
        expression(first);
    }
    rule_.text = text();
    for (Rule& each : expanded_) each.text = rule_.text, each.handle = rule_.handle, each.comment = rule_.comment;
    if (expanded_.empty() || rule_.action != Action::None) expanded_.push_back(rule_);
    return std::move(expanded_);
  }

 private:
  bool more() const { return at_ < tokens_.size(); }
  std::string_view peek(std::size_t ahead = 0) const {
    if (at_ + ahead >= tokens_.size() || tokens_[at_ + ahead].quoted) return {};
    return tokens_[at_ + ahead].text;
  }
  std::string next() { return more() ? tokens_[at_++].text : std::string(); }
  bool take(std::string_view word) { return more() && peek() == word && (++at_, true); }
  void skip_to_begin() {
    while (more() && (tokens_[at_].quoted || !begins(peek()))) ++at_;
  }

  std::string text() const {
    std::size_t end = tokens_.empty() ? 0 : tokens_[0].begin;
    for (const Token& token : tokens_)
      if (token.quoted || !token.text.starts_with('#')) end = token.end;
    if (tokens_.empty()) return {};
    return std::string(listing_.substr(tokens_[0].begin, end - tokens_[0].begin));
  }
  void handle(const std::string& note) {
    static constexpr std::string_view kWord = "# handle ";
    if (note.starts_with(kWord)) std::from_chars(note.data() + kWord.size(), note.data() + note.size(), rule_.handle);
  }

  // After something that is not understood no further match may narrow the rule: only its verdict is looked for.
  void lose() {
    if (!lost_) rule_.matches.push_back({Key::Unknown, false, "", {}});
    lost_ = true;
  }
  void act(Action action, std::string target = {}) {
    if (rule_.action != Action::None) return;
    rule_.action = action;
    rule_.target = std::move(target);
  }

  // Verdicts and what changes no verdict. False: not one of them.
  bool tail(const std::string& first) {
    if (at_ > 0 && tokens_[at_ - 1].quoted) return false;
    if (first == "accept") return act(Action::Accept), true;
    if (first == "drop") return act(Action::Drop), true;
    if (first == "return") return act(Action::Return), true;
    if (first == "continue") return true;
    if (first == "jump") return act(Action::Jump, next()), true;
    if (first == "goto") return act(Action::Goto, next()), true;
    if (first == "reject") return act(Action::Drop), rest(), true;
    if (first == "queue" || first == "tproxy") return lose(), act(Action::Drop), rest(), true;
    if (among(first, {"masquerade", "snat", "dnat", "redirect"})) return act(Action::Translate), rest(), true;
    if (first == "comment") return rule_.comment = next(), true;
    if (first == "vmap") return lose(), act(Action::Drop), rest(), true;  // of a key that is not understood
    if (first == "counter" || first == "log") return skip_to_begin(), true;
    if (first == "notrack") return true;
    if (first == "xt") return xt(), true;
    return false;
  }
  void rest() {
    while (more() && (tokens_[at_].quoted || (peek() != "comment" && !peek().starts_with('#')))) ++at_;
  }

  void xt() {
    const std::string kind = next(), name = next();
    if (kind == "match" && name == "comment") return;
    if (kind != "target") return lose();
    if (among(name, {"MASQUERADE", "SNAT", "NETMAP", "DNAT", "REDIRECT"})) return act(Action::Translate);
    if (name == "REJECT") return act(Action::Drop);
    if (name == "MARK" || name == "CONNMARK") {
      rule_.sets_mark = true;
      return;
    }
    if (among(name, {"LOG", "NFLOG", "TCPMSS", "CT", "NOTRACK", "CHECKSUM", "CLASSIFY", "DSCP", "TOS", "HL", "TTL",
                     "TRACE", "SET", "ULOG", "AUDIT", "ECN"}))
      return;
    lose();
    act(Action::Drop);
  }

  void expression(const std::string& first) {
    if (among(first, {"iifname", "iif"})) return compare({Key::InName, false, "", {}});
    if (among(first, {"oifname", "oif"})) return compare({Key::OutName, false, "", {}});
    if (first == "meta") return meta(next());
    if (first == "ip" || first == "ip6") return network(first, next());
    if (among(first, {"tcp", "udp", "sctp", "dccp", "udplite"})) return transport(first, next());
    if (first == "th") return transport("", next());
    if (first == "icmp" || first == "icmpv6") {
      rule_.matches.push_back({Key::Protocol, false, "", {first == "icmp" ? "icmp" : "ipv6-icmp"}});
      return sometimes();
    }
    if (first == "ct") return tracked(next());
    if (first == "fib") return fib();
    if (first == "limit") return sometimes();
    if (first == "ether" && (peek() == "saddr" || peek() == "daddr"))
      return next(), compare({Key::Sometimes, false, "", {}});
    lose();
  }

  void sometimes() {
    const std::size_t from = at_;
    skip_to_begin();
    bool negated = false, set = false;
    for (std::size_t i = from; i < at_; ++i) {
      negated = negated || (!tokens_[i].quoted && among(tokens_[i].text, {"!=", "!"}));
      set = set || (!tokens_[i].quoted && tokens_[i].text == "set");
    }
    if (!set) rule_.matches.push_back({Key::Sometimes, negated, "", {}});
  }

  void meta(const std::string& key) {
    if (among(key, {"iifname", "iif", "oifname", "oif"})) return expression(key);
    if (key == "mark") return mark();
    if (key == "l4proto") return compare({Key::Protocol, false, "", {}});
    if (key == "nfproto") return compare({Key::Family, false, "", {}});
    if (key == "pkttype") return compare({Key::DestinationType, false, "", {}});
    if (take("set")) return skip_to_begin();
    lose();
  }

  void mark() {
    if (!take("set")) {
      if (peek() == "&" || peek() == "and" || peek() == "." || peek() == "vmap") return lose();
      return compare({Key::Mark, false, "", {}});
    }
    rule_.sets_mark = true;
    const std::string value = next();
    if (more() && !begins(peek()) && !peek().empty()) {  // an expression
      skip_to_begin();
      return;
    }
    rule_.mark = number(value);
    if (value == "meta" || value == "ct") lose();  // set from something: what follows belongs to it
  }

  void network(const std::string& family, const std::string& field) {
    if (peek() == "set") {
      if (field == "saddr" || field == "daddr") act(Action::Translate);
      return skip_to_begin();
    }
    if (field == "saddr") return compare({Key::Source, false, family, {}});
    if (field == "daddr") return compare({Key::Destination, false, family, {}});
    if (field == "protocol" || field == "nexthdr") {
      rule_.matches.push_back({Key::Family, false, "", {family == "ip" ? "ipv4" : "ipv6"}});
      return compare({Key::Protocol, false, "", {}});
    }
    rule_.matches.push_back({Key::Family, false, "", {family == "ip" ? "ipv4" : "ipv6"}});
    sometimes();  // ttl, dscp, length, fragments
  }

  void transport(const std::string& protocol, const std::string& field) {
    if (!protocol.empty()) rule_.matches.push_back({Key::Protocol, false, "", {protocol}});
    if (field == "dport") return compare({Key::DestinationPort, false, "", {}});
    if (field == "sport") return compare({Key::SourcePort, false, "", {}});
    sometimes();
  }

  void tracked(const std::string& field) {
    if (field == "state") return compare({Key::State, false, "", {}});
    if (field == "status") return sometimes();
    if (peek() == "set" || field == "helper") return skip_to_begin();
    lose();
  }

  void fib() {
    const std::string end = next();
    bool more_keys = false;
    while (take(".")) more_keys = true, static_cast<void>(next());
    const std::string what = next();
    if (what == "type") return compare({end == "saddr" ? Key::SourceType : Key::DestinationType, false, "", {}});
    // the way back, as rp_filter asks it: packets of a routed network have one
    if (more_keys && end == "saddr" && (what == "oif" || what == "oifname")) return sometimes();
    lose();
  }

  // [==|!=] value | { value, … } | value,value | @set | vmap { value : verdict, … }
  void compare(Match match) {
    if (peek() == ".") return lose();
    if (take("vmap")) return verdict_map(match);
    if (take("!=")) match.negated = true;
    take("==");
    if (among(peek(), {"<", ">", "<=", ">=", "&", "|", "and", "or", "xor", "!", "^"}) || peek().starts_with('@'))
      return lose();
    if (take("{")) {
      while (more() && !take("}")) {
        if (take(",")) continue;
        if (peek() == ".") return lose();
        match.values.push_back(next());
        while (more() && peek() != "," && peek() != "}") {
          if (peek() == ".") return lose();
          next();  // timeout, counter, comment of an element
        }
      }
    } else {
      match.values.push_back(next());
      while (take(",")) match.values.push_back(next());
    }
    if (among(peek(), {"/", "&", "|", "."})) return lose();
    if (match.key == Key::Protocol)
      for (std::string& value : match.values) value = protocol_name(value);
    rule_.matches.push_back(std::move(match));
  }

  void verdict_map(const Match& match) {
    if (!take("{")) return lose(), act(Action::Drop), rest();
    const Rule before = rule_;
    while (more() && !take("}")) {
      if (take(",")) continue;
      Rule each = before;
      Match value = match;
      value.values.push_back(next());
      if (match.key == Key::Protocol) value.values[0] = protocol_name(value.values[0]);
      const bool understood = take(":");
      each.matches.push_back(understood ? value : Match{});
      const std::string verdict = next();
      each.action = verdict == "accept"     ? Action::Accept
                    : verdict == "return"   ? Action::Return
                    : verdict == "jump"     ? Action::Jump
                    : verdict == "goto"     ? Action::Goto
                    : verdict == "continue" ? Action::None
                                            : Action::Drop;
      if (verdict == "jump" || verdict == "goto") each.target = next();
      while (more() && peek() != "," && peek() != "}") next();
      expanded_.push_back(std::move(each));
    }
  }

  const std::vector<Token>& tokens_;
  std::string_view listing_;
  std::size_t at_ = 0;
  bool lost_ = false;
  Rule rule_;
  std::vector<Rule> expanded_;
};

}  // namespace

std::vector<Rule> rules_of(const std::vector<Token>& tokens, std::string_view listing) {
  return RuleParser(tokens, listing).run();
}

}  // namespace berth::nft
