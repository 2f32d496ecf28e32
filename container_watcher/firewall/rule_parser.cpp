// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/rule_parser.h"

#include <algorithm>
#include <utility>

#include "core/number.h"

namespace berth::firewall {
namespace {

using Words = std::initializer_list<std::string_view>;

bool among(std::string_view word, Words list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool is_meta(std::string_view word) {
  return among(
      word, {"iif",      "oif",      "iifname",   "oifname",   "iifgroup", "oifgroup", "iiftype", "oiftype", "skuid",
             "skgid",    "nftrace",  "rtclassid", "cpu",       "pkttype",  "cgroup",   "mark",    "l4proto", "nfproto",
             "protocol", "priority", "length",    "random",    "time",     "hour",     "day",     "ibrname", "obrname",
             "iifkind",  "oifkind",  "ibrpvid",   "ibrvproto", "secpath",  "sdif",     "sdifname"});
}

bool is_header(std::string_view word) {
  return among(word, {"ip",     "ip6",    "tcp",   "udp",     "udplite", "sctp",   "dccp",   "th",  "icmp",
                      "icmpv6", "igmp",   "ah",    "esp",     "comp",    "ether",  "vlan",   "arp", "rt",
                      "frag",   "hbh",    "dst",   "mh",      "srh",     "exthdr", "socket", "ct",  "fib",
                      "osf",    "numgen", "jhash", "symhash", "ipsec",   "meta"}) ||
         is_raw(word);
}

bool is_statement(std::string_view word) {
  return among(
      word, {"accept", "drop",     "return", "continue", "jump",    "goto",    "reject", "queue", "masquerade", "snat",
             "dnat",   "redirect", "tproxy", "xt",       "comment", "counter", "limit",  "log",   "notrack",    "quota",
             "last",   "meter",    "add",    "update",   "delete",  "flow",    "dup",    "fwd",   "synproxy",   "XT"});
}

bool begins(std::string_view word) {
  return is_statement(word) || is_header(word) || among(word, {"iifname", "oifname", "iif", "oif", "vmap"}) ||
         word.starts_with('#');
}

class RuleParser {
 public:
  RuleParser(const std::vector<Token>& tokens, std::string_view listing) : tokens_(tokens), listing_(listing) {}

  Rule run() {
    while (more()) {
      if (tokens_[at_].quoted) {
        ++at_;
        opaque("\"…\"");
        continue;
      }
      const std::string_view first = next();
      if (first.starts_with('#'))
        handle(first);
      else if (!statement(first))
        match(first);
    }
    rule_.text = text();
    return std::move(rule_);
  }

 private:
  bool more() const { return at_ < tokens_.size(); }
  std::string_view peek(std::size_t ahead = 0) const {
    return at_ + ahead < tokens_.size() && !tokens_[at_ + ahead].quoted ? tokens_[at_ + ahead].text
                                                                        : std::string_view();
  }
  std::string_view next() { return more() ? tokens_[at_++].text : std::string_view(); }
  std::string word() { return std::string(next()); }
  bool take(std::string_view word) { return more() && tokens_[at_].is(word) && (++at_, true); }
  bool take_any(Words words) {
    return more() && !tokens_[at_].quoted && among(tokens_[at_].text, words) && (++at_, true);
  }
  void skip_to_begin() {
    while (more() && (tokens_[at_].quoted || !begins(peek()))) ++at_;
  }
  void skip_block() {
    int depth = 0;
    do {
      if (peek() == "{") ++depth;
      if (peek() == "}") --depth;
      ++at_;
    } while (more() && depth > 0);
  }
  // What is left of the rule, but its comment and handle.
  std::string rest() {
    std::string out;
    while (more() && (tokens_[at_].quoted || (peek() != "comment" && !peek().starts_with('#')))) {
      if (!out.empty()) out += ' ';
      out += next();
    }
    return out;
  }

  std::string text() const {
    std::size_t end = tokens_.empty() ? 0 : tokens_[0].begin;
    for (const Token& token : tokens_)
      if (token.quoted || !token.text.starts_with('#')) end = token.end;
    return tokens_.empty() ? std::string() : std::string(listing_.substr(tokens_[0].begin, end - tokens_[0].begin));
  }
  void handle(std::string_view note) {
    static constexpr std::string_view kWord = "# handle ";
    if (const std::size_t at = note.rfind(kWord); at != std::string_view::npos)
      rule_.handle = parse_number<std::uint64_t>(note.substr(at + kWord.size())).value_or(rule_.handle);
  }
  Statement& add(Do what, std::string target = {}) {
    rule_.statements.push_back({});
    rule_.statements.back().what = what;
    rule_.statements.back().target = std::move(target);
    return rule_.statements.back();
  }
  void opaque(std::string_view what) { add(Do::Opaque, std::string(what)); }

  // Verdicts, and what changes or tells. False: not one of them.
  bool statement(std::string_view first) {
    if (first == "accept") return add(Do::Accept), true;
    if (first == "drop") return add(Do::Drop), true;
    if (first == "return") return add(Do::Return), true;
    if (first == "continue" || first == ";") return true;
    if (first == "jump" || first == "goto") return add(first == "jump" ? Do::Jump : Do::Goto, word()), true;
    if (first == "reject") return reject(), true;
    if (first == "queue" || first == "synproxy") return rest(), add(Do::Queue), true;
    if (first == "masquerade" || first == "snat" || first == "dnat" || first == "redirect") {
      if (peek() == "ip" || peek() == "ip6") only("meta protocol", std::string(peek()));  // snat ip to …
      return add(first == "masquerade" || first == "snat" ? Do::SourceNat : Do::DestinationNat, rest()), true;
    }
    if (first == "tproxy") return skip_to_begin(), add(Do::DestinationNat), true;
    if (first == "notrack") return add(Do::Notrack), true;
    if (first == "comment") return rule_.comment = word(), true;
    if (first == "counter") return counter(), true;
    if (first == "log") return log(), true;
    if (first == "xt" || first == "XT") return xt(), true;
    return statement_with_limit(first);
  }

  bool statement_with_limit(std::string_view first) {
    if (first == "limit" || first == "quota") return skip_to_begin(), add(Do::Varies), true;
    if (first == "last" || first == "dup") return skip_to_begin(), true;
    if (first == "fwd") return rest(), add(Do::Drop), true;
    if (first == "flow") return next(), next(), true;
    if (!among(first, {"add", "update", "delete", "meter"})) return false;
    while (more() && peek() != "{") ++at_;
    const std::size_t from = at_;
    skip_block();
    for (std::size_t i = from; i < at_ && i < tokens_.size(); ++i)
      if (tokens_[i].is("limit") || tokens_[i].is("quota") ||
          (tokens_[i].is("ct") && i + 1 < at_ && tokens_[i + 1].is("count")))
        return add(Do::Varies), true;
    return true;
  }

  // What a statement asks of a packet by itself: in the family inet an answer by ICMP is for IPv4 alone.
  void only(const std::string& key, const std::string& value) {
    Statement& match = add(Do::Match);
    match.operands.push_back({key});
    match.elements.push_back({{value}});
  }
  void reject() {
    const std::string with = rest();
    if (with.starts_with("with icmp ")) only("meta protocol", "ip");
    if (with.starts_with("with icmpv6 ")) only("meta protocol", "ip6");
    if (with.starts_with("with tcp ")) only("meta l4proto", "tcp");
    add(Do::Drop);
  }

  void counter() {
    if (take("name")) next();
    if (take("packets")) next();
    if (take("bytes")) next();
  }

  void log() {
    add(Do::Nothing);
    while (more() && !tokens_[at_].quoted) {
      if (take_any({"prefix", "level", "group", "snaplen", "queue-threshold"})) {
        next();
      } else if (take("flags")) {
        do {
          const bool tcp = take("tcp");
          if (!tcp) take("ip");
          next();
          while (tcp && take(",")) next();
        } while (take(","));
      } else {
        return;
      }
    }
  }

  // What iptables made and nft can't translate: only the name is printed.
  void xt() {
    const std::string_view kind = next(), name = next();
    if (kind == "match") {
      if (name != "comment") opaque("xt match " + std::string(name));
      return;
    }
    if (peek() == "not" && peek(1) == "found") at_ += 2;
    if (among(name, {"MASQUERADE", "SNAT", "NETMAP"})) return static_cast<void>(add(Do::SourceNat, "?"));
    if (among(name, {"DNAT", "REDIRECT", "TPROXY"})) return static_cast<void>(add(Do::DestinationNat, "?"));
    if (name == "REJECT") return static_cast<void>(add(Do::Drop));
    if (name == "MARK" || name == "CONNMARK") {
      add(name == "MARK" ? Do::SetMark : Do::SetCtMark).assigned.key = "?";
      return;
    }
    if (among(name, {"NOTRACK", "CT"})) return;
    if (among(name, {"LOG",         "NFLOG", "TCPMSS",    "CHECKSUM", "CLASSIFY",    "DSCP",  "TOS",
                     "HL",          "TTL",   "TRACE",     "SET",      "ULOG",        "AUDIT", "ECN",
                     "TCPOPTSTRIP", "LED",   "IDLETIMER", "SECMARK",  "CONNSECMARK", "TEE"}))
      return static_cast<void>(add(Do::Nothing));
    add(Do::Queue, std::string(name));  // it may end there
  }

  // The words of a key, after its first.
  std::string key(std::string_view first) {
    if (is_meta(first)) return "meta " + std::string(first);
    if (first.starts_with('@')) return std::string(first);
    if (first == "meta") return "meta " + word();
    if (first == "fib") {
      std::string out = "fib " + word();
      while (take(".")) out += " . " + word();
      return out + " " + word();
    }
    if (first == "ct") return ct_key();
    if (first == "numgen" || first == "symhash" || first == "jhash") return hash_key(first);
    if (first == "osf") return take("ttl") ? (next(), "osf " + word()) : "osf " + word();
    if (first == "exthdr") return "exthdr " + word();
    if (first == "ipsec") {
      while (more() && !among(peek(), {"reqid", "spi", "saddr", "daddr"})) ++at_;
      return "ipsec " + word();
    }
    if (first == "rt" && (peek() == "ip" || peek() == "ip6")) next();
    if (first == "socket" && take("cgroupv2")) return next(), next(), "socket cgroupv2";
    if ((first == "tcp" || first == "ip") && take("option")) {
      next();
      take_any({"kind", "length", "size", "count", "left", "right", "tsval", "tsecr", "type", "ptr", "addr", "value"});
      return std::string(first) + " option";
    }
    return std::string(first) + " " + word();
  }

  std::string ct_key() {
    std::string out = "ct " + word();
    if (out != "ct original" && out != "ct reply") return out;
    out += " " + word();
    if (out.ends_with(" ip") || out.ends_with(" ip6")) out += " " + word();
    return out;
  }

  std::string hash_key(std::string_view first) {
    while (more() && peek() != "mod") ++at_;
    next();
    next();
    if (take("seed")) next();
    if (take("offset")) next();
    return std::string(first);
  }

  // "0xff", "(fin | syn)", "fin,syn": one word, the parts joined by commas.
  std::string mask() {
    std::string out;
    int depth = 0;
    do {
      std::string part = word();
      depth += static_cast<int>(std::count(part.begin(), part.end(), '(')) -
               static_cast<int>(std::count(part.begin(), part.end(), ')'));
      std::erase_if(part, [](char c) { return c == '(' || c == ')'; });
      if (!part.empty() && part != "|") out += (out.empty() ? "" : ",") + part;
    } while (more() && (depth > 0 || take(",")));
    return out;
  }

  void masks(Operand* operand) {
    while (more()) {
      const char op = take_any({"&", "and"})       ? '&'
                      : take_any({"|", "or"})      ? '|'
                      : take_any({"^", "xor"})     ? '^'
                      : take_any({"<<", "lshift"}) ? '<'
                      : take_any({">>", "rshift"}) ? '>'
                                                   : ' ';
      if (op == ' ') return;
      operand->mask.emplace_back(op, mask());
    }
  }

  Operand operand(std::string_view first) {
    Operand out{key(first)};
    masks(&out);
    return out;
  }

  // That key, and those that are joined to it: `ip saddr . tcp dport`.
  std::vector<Operand> joined(std::string_view first) {
    std::vector<Operand> out{operand(first)};
    while (take(".")) out.push_back(operand(next()));
    return out;
  }

  bool comparison(Statement* out) {
    if (take_any({"==", "eq"})) return out->comparison = Comparison::Equal, true;
    if (take_any({"!=", "ne"})) return out->comparison = Comparison::NotEqual, true;
    if (take_any({"<=", "le"})) return out->comparison = Comparison::LessOrEqual, true;
    if (take_any({">=", "ge"})) return out->comparison = Comparison::GreaterOrEqual, true;
    if (take_any({"<", "lt"})) return out->comparison = Comparison::Less, true;
    if (take_any({">", "gt"})) return out->comparison = Comparison::Greater, true;
    if (take("!")) return out->comparison = Comparison::NoneOf, true;
    return false;
  }

  std::string value() {
    std::string out = word();
    if (peek().starts_with('-') && more()) {  // a range of quoted words
      out += next();
      if (out.ends_with('-')) out += next();
    }
    return out;
  }

  void values(Statement* out) {
    if (take("{")) {
      out->listed = true;
      out->elements = elements_of(tokens_, &at_);
      return;
    }
    if (peek().starts_with('@')) {
      out->listed = true;
      out->set = next().substr(1);
      return;
    }
    do {
      Element each;
      do each.parts.push_back(value());
      while (take("."));
      std::erase_if(each.parts.back(), [](char c) { return c == '(' || c == ')'; });
      out->elements.push_back(std::move(each));
    } while (take(",") || take("|"));
    if (take("/")) {
      out->operands.back().mask.emplace_back('&', mask());
      out->bits = false;
    }
  }

  void match(std::string_view first) {
    if (!is_header(first) && !is_meta(first)) {
      opaque(first);
      return skip_to_begin();
    }
    Statement out;
    out.operands = joined(first);
    if (out.operands[0].key == "ct count" || out.operands[0].key == "ct helper") {
      const bool sets = peek() == "set";
      skip_to_begin();
      if (!sets) add(Do::Varies);
      return;
    }
    if (take("set")) return setter(out.operands[0]);
    if (take("vmap")) {
      out.what = Do::Vmap;
      values(&out);
    } else {
      out.what = Do::Match;
      out.bits = !comparison(&out) && peek() != "{" && !peek().starts_with('@');
      values(&out);
    }
    rule_.statements.push_back(std::move(out));
  }

  void setter(const Operand& target) {
    const std::string& key = target.key;
    Statement out;
    out.what = key == "meta mark" ? Do::SetMark : key == "ct mark" ? Do::SetCtMark : Do::Nothing;
    if (among(key, {"ip saddr", "ip6 saddr", "ip daddr", "ip6 daddr"})) {
      rest();
      add(Do::Rewrite, key);
      return;
    }
    if (out.what == Do::Nothing) return set_nothing(target);
    if (is_header(peek()) || is_meta(peek())) {
      out.operands = joined(next());
      out.assigned = out.operands[0];
    } else {
      out.assigned.key = word();
      masks(&out.assigned);
    }
    if (take("map"))
      values(&out);
    else
      out.operands.clear();
    rule_.statements.push_back(std::move(out));
  }

  // What is set decides nothing, but the rule ends where the kernel finds no header to write to or nothing to write.
  void set_nothing(const Operand& target) {
    Statement header;
    header.what = Do::Nothing;
    if (!target.key.starts_with("meta ") && !target.key.starts_with("ct ")) header.operands.push_back(target);
    rule_.statements.push_back(std::move(header));
    if (is_header(peek()) || is_meta(peek())) {
      Statement value;
      value.operands = joined(next());
      value.what = take("map") ? Do::Match : Do::Nothing;
      if (value.what == Do::Match) values(&value);
      rule_.statements.push_back(std::move(value));
    }
    skip_to_begin();
  }

  const std::vector<Token>& tokens_;
  std::string_view listing_;
  std::size_t at_ = 0;
  Rule rule_;
};

}  // namespace

Rule rule_of(const std::vector<Token>& tokens, std::string_view listing) {
  return RuleParser(tokens, listing).run();
}

}  // namespace berth::firewall
