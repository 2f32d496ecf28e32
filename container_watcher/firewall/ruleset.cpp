// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/ruleset.h"

#include <algorithm>
#include <array>
#include <deque>
#include <iterator>
#include <map>
#include <utility>

#include "container_watcher/firewall/rule_parser.h"
#include "core/number.h"

namespace berth::firewall {

const Statement* Rule::verdict() const {
  for (auto at = statements.rbegin(); at != statements.rend(); ++at)
    if (at->what != Do::Match && at->what != Do::Nothing) return &*at;
  return nullptr;
}

const Chain* Ruleset::find(std::string_view family, std::string_view table, std::string_view name) const {
  for (const Chain& chain : chains)
    if (chain.family == family && chain.table == table && chain.name == name) return &chain;
  return nullptr;
}

namespace {

// The names that nft has for priorities; the bridge family has others.
int priority_of(std::string_view name, bool bridge) {
  struct Named {
    std::string_view name;
    int inet, bridge;
  };
  static constexpr std::array<Named, 7> kNames{{{"raw", -300, -300},
                                                {"mangle", -150, -150},
                                                {"dstnat", -100, -300},
                                                {"filter", 0, -200},
                                                {"security", 50, 50},
                                                {"srcnat", 100, 300},
                                                {"out", 100, 100}}};
  for (const Named& each : kNames)
    if (each.name == name) return bridge ? each.bridge : each.inet;
  return parse_number<int>(name).value_or(0);
}

// Blocks and lines; the inside of a rule is rule_parser's.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), tokens_(tokens_of(text)) {}

  Ruleset run() {
    while (at_ < tokens_.size()) {
      if (is("table") && at_ + 2 < tokens_.size()) {
        ++at_;
        family_ = is_family(word()) ? word() : "ip";  // nft's own default, where a file leaves it out
        if (is_family(word())) ++at_;
        table_ = word();
        ++at_;
        while (at_ < tokens_.size() && (is("\n") || tokens_[at_].text.starts_with('#'))) ++at_;
        if (is("{")) table();
      } else {
        ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  static bool is_family(std::string_view word) {
    return word == "ip" || word == "ip6" || word == "inet" || word == "bridge" || word == "netdev" || word == "arp";
  }
  std::string_view word() const { return at_ < tokens_.size() ? tokens_[at_].text : std::string_view(); }
  bool is(std::string_view text) const { return at_ < tokens_.size() && tokens_[at_].is(text); }

  // "# handle 7" behind the brace that opens a block.
  std::uint64_t handle() const {
    static constexpr std::string_view kWord = "# handle ";
    if (at_ >= tokens_.size() || tokens_[at_].quoted || !word().starts_with(kWord)) return 0;
    return parse_number<std::uint64_t>(word().substr(kWord.size())).value_or(0);
  }

  void table() {
    const std::size_t chains = out_.chains.size(), sets = out_.sets.size();
    bool dormant = false;
    ++at_;
    const std::uint64_t table_handle = handle();
    while (at_ < tokens_.size() && !is("}")) {
      const bool block = at_ + 2 < tokens_.size() && tokens_[at_ + 2].is("{");
      if (is("chain") && block) {
        Chain chain;
        chain.family = family_;
        chain.table = table_;
        chain.name = std::string(tokens_[at_ + 1].text);
        outer_ = chain.name;
        chain.table_handle = table_handle;
        at_ += 3;
        chain.handle = handle();
        body(&chain);
        add(std::move(chain));
      } else if ((is("set") || is("map")) && block) {
        Set set{family_, table_, std::string(tokens_[at_ + 1].text), is("map"), {}};
        at_ += 3;
        content(&set);
        out_.sets.push_back(std::move(set));
      } else if (is("flags")) {
        while (at_ < tokens_.size() && !is("\n") && !is(";") && !is("}")) dormant = is("dormant") || dormant, ++at_;
      } else if (is("{")) {
        skip_block();  // an object
      } else {
        ++at_;
      }
    }
    ++at_;
    if (!dormant) return;
    std::erase_if(known_, [&](const auto& each) { return each.second >= chains; });
    out_.chains.resize(chains);
    out_.sets.resize(sets);
  }

  // A chain that is written in two places is one.
  void add(Chain chain) {
    const auto [at, fresh] = known_.emplace(std::array{chain.family, chain.table, chain.name}, out_.chains.size());
    if (fresh) return out_.chains.push_back(std::move(chain));
    Chain& first = out_.chains[at->second];
    std::move(chain.rules.begin(), chain.rules.end(), std::back_inserter(first.rules));
    if (chain.hook.empty()) return;
    std::swap(first.rules, chain.rules);
    first = std::move(chain);
  }

  void skip_block() {
    int depth = 0;
    do {
      if (is("{")) ++depth;
      if (is("}")) --depth;
      ++at_;
    } while (at_ < tokens_.size() && depth > 0);
  }

  void content(Set* set) {
    while (at_ < tokens_.size() && !is("}")) {
      if (is("elements") && at_ + 2 < tokens_.size() && tokens_[at_ + 2].is("{")) {
        at_ += 3;
        set->elements = elements_of(tokens_, &at_);
      } else {
        ++at_;
      }
    }
    ++at_;
  }

  // The tokens of one statement line: to the end of the line outside of braces.
  std::vector<Token> line() {
    std::vector<Token> out;
    int depth = 0;
    while (at_ < tokens_.size()) {
      if (depth == 0 && (is("\n") || is(";") || is("}"))) break;  // "}": the chain's own
      if (is("{") && !out.empty() && (out.back().is("jump") || out.back().is("goto"))) {
        out.push_back(inner_chain());
        continue;
      }
      if (is("{")) ++depth;
      if (is("}")) --depth;
      if (!is("\n")) out.push_back(tokens_[at_]);
      ++at_;
    }
    return out;
  }

  // `jump { … }`: a chain without a name of its own. It gets one, which no other can have.
  Token inner_chain() {
    const Token open = tokens_[at_];
    const std::string& name = names_.emplace_back("{" + std::to_string(open.begin) + "}");
    Chain chain;
    chain.family = family_;
    chain.table = table_;
    chain.name = name;
    chain.outer = outer_;
    if (++depth_ > kDeepest) {  // of such a chain nothing is known
      skip_block();
    } else {
      ++at_;
      body(&chain);
      add(std::move(chain));
    }
    --depth_;
    return {name, false, open.begin, tokens_[at_ - 1].end};
  }

  void body(Chain* chain) {
    while (at_ < tokens_.size() && !is("}")) {
      if (is("\n") || is(";")) {
        ++at_;
        continue;
      }
      const std::vector<Token> found = line();
      if (found[0].text.starts_with('#') && !found[0].quoted) continue;
      if (found[0].is("type"))
        header(found, chain);
      else if (found[0].is("policy") && found.size() > 1)
        chain->drops = found[1].text == "drop";
      else if (!(found[0].is("comment") && found.size() == 2))
        chain->rules.push_back(rule(found));
    }
    ++at_;
  }

  // nft 1.0.6 knows iptables' NAT targets only in the family that it meets first; in the other it prints a blank for
  // them. In iptables' table "nat" what is missing at the end is one of those.
  Rule rule(const std::vector<Token>& found) const {
    Rule out = rule_of(found, text_);
    const std::size_t last = found.size() - 1;
    const bool blank = last > 0 && !found[last].quoted && found[last].text.starts_with('#') &&
                       found[last].begin > found[last - 1].end + 1;
    if (table_ != "nat" || !blank || out.verdict()) return out;
    Statement nat;
    nat.what = Do::SourceNat;  // program.h makes DNAT of it where the chain's hook says so
    nat.target = "?";
    out.statements.push_back(nat);
    out.text += " (and what nft can't print)";
    return out;
  }

  void header(const std::vector<Token>& found, Chain* chain) const {
    for (std::size_t i = 0; i + 1 < found.size(); ++i) {
      const std::string_view name = found[i].text, value = found[i + 1].text;
      if (name == "type") chain->type = value;
      if (name == "hook") chain->hook = value;
      if (name == "device") chain->devices.emplace_back(value);
      if (name == "devices")
        for (std::size_t at = i + 2; at < found.size() && !found[at].is("}"); ++at)
          if (!found[at].is("{") && !found[at].is(",") && !found[at].is("="))
            chain->devices.emplace_back(found[at].text);
      if (name == "priority") {
        chain->priority = priority_of(value, chain->family == "bridge");
        if (i + 3 < found.size() && (found[i + 2].is("+") || found[i + 2].is("-"))) {
          const int more = priority_of(found[i + 3].text, false);
          chain->priority += found[i + 2].is("+") ? more : -more;
        }
      }
      if (name == "policy") chain->drops = value == "drop";
    }
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  static constexpr int kDeepest = 32;  // the kernel takes 16
  std::size_t at_ = 0;
  int depth_ = 0;  // of chains in chains
  std::string family_, table_;
  std::string outer_;                                        // the chain with a name that is being read
  std::deque<std::string> names_;                            // of inner chains: tokens point to them
  std::map<std::array<std::string, 3>, std::size_t> known_;  // chains, by their place
  Ruleset out_;
};

}  // namespace

Ruleset parse_ruleset(std::string_view text) {
  return Parser(text).run();
}

Rule parse_rule(std::string_view text) {
  std::vector<Token> found;
  for (const Token& token : tokens_of(text))
    if (!token.is("\n")) found.push_back(token);
  return found.empty() ? Rule{} : rule_of(found, text);
}

}  // namespace berth::firewall
