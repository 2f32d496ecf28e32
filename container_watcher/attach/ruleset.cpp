// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/ruleset.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "container_watcher/attach/rule_parser.h"

namespace berth {

const Chain* Ruleset::find(std::string_view family, std::string_view table, std::string_view name) const {
  for (const Chain& chain : chains)
    if (chain.family == family && chain.table == table && chain.name == name) return &chain;
  return nullptr;
}

std::vector<nft::Token> nft::tokens_of(std::string_view text) {
  std::vector<nft::Token> out;
  std::size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    const std::size_t begin = at;
    if (c == '\n') {
      out.push_back({"\n", false, begin, ++at});
    } else if (std::isspace(static_cast<unsigned char>(c))) {
      ++at;
    } else if (c == '#') {  // a warning or a handle, to the end of the line
      const std::size_t end = std::min(text.find('\n', at), text.size());
      out.push_back({std::string(text.substr(at, end - at)), false, begin, end});
      at = end;
    } else if (c == '"') {
      const std::size_t end = std::min(text.find('"', at + 1), text.size());
      out.push_back({std::string(text.substr(at + 1, end - at - 1)), true, begin, std::min(end + 1, text.size())});
      at = std::min(end + 1, text.size());
    } else if (c == '{' || c == '}' || c == ',' || c == ';') {
      out.push_back({std::string(1, c), false, begin, ++at});
    } else {
      while (at < text.size() && !std::isspace(static_cast<unsigned char>(text[at])) &&
             std::string_view("{},;\"").find(text[at]) == std::string_view::npos)
        ++at;
      out.push_back({std::string(text.substr(begin, at - begin)), false, begin, at});
    }
  }
  return out;
}

namespace {

// Blocks and lines; the inside of a rule is rule_parser's.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), tokens_(nft::tokens_of(text)) {}

  Ruleset run() {
    while (at_ < tokens_.size()) {
      if (word() == "table" && at_ + 2 < tokens_.size()) {
        family_ = tokens_[at_ + 1].text;
        table_ = tokens_[at_ + 2].text;
        at_ += 3;
        if (word() == "{") table();
      } else {
        ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  std::string_view word() const {
    if (at_ >= tokens_.size() || tokens_[at_].quoted) return {};
    return tokens_[at_].text;
  }

  void table() {
    ++at_;
    while (at_ < tokens_.size() && word() != "}") {
      if (word() == "chain" && at_ + 2 < tokens_.size() && tokens_[at_ + 2].text == "{") {
        Chain chain;
        chain.family = family_;
        chain.table = table_;
        chain.name = tokens_[at_ + 1].text;
        at_ += 3;
        body(&chain);
        out_.chains.push_back(std::move(chain));
      } else if (word() == "{") {
        skip_block();  // a set, a map, an object
      } else {
        ++at_;
      }
    }
    ++at_;
  }

  void skip_block() {
    int depth = 0;
    do {
      if (word() == "{") ++depth;
      if (word() == "}") --depth;
      ++at_;
    } while (at_ < tokens_.size() && depth > 0);
  }

  // The tokens of one statement line: to the end of the line outside of braces.
  std::vector<nft::Token> line() {
    std::vector<nft::Token> out;
    int depth = 0;
    while (at_ < tokens_.size()) {
      if (word() == "\n" && depth == 0) break;
      if (word() == "}" && depth == 0) break;  // the chain's own
      if (word() == "{") ++depth;
      if (word() == "}") --depth;
      if (word() != "\n") out.push_back(tokens_[at_]);
      ++at_;
    }
    return out;
  }

  void body(Chain* chain) {
    while (at_ < tokens_.size() && word() != "}") {
      if (word() == "\n") {
        ++at_;
        continue;
      }
      const std::vector<nft::Token> found = line();
      const std::string& first = found[0].text;
      if (first[0] == '#') continue;
      if (first == "type" && !found[0].quoted)
        header(found, chain);
      else if (first == "policy" && found.size() > 1)
        chain->drops = found[1].text == "drop";
      else if (!(first == "comment" && found.size() > 2 && found[2].text == ";"))
        for (Rule& rule : rules_of(found, text_)) {
          if (unprinted(found, rule)) {
            rule.action = Action::Translate;
            rule.text += " (and what nft can't print)";
          }
          chain->rules.push_back(std::move(rule));
        }
    }
    ++at_;
  }

  // nft 1.0.6 knows iptables' NAT targets only in the family that it meets first; in the other it prints a blank for
  // them. In iptables' table "nat" what is missing at the end is one of those.
  bool unprinted(const std::vector<nft::Token>& found, const Rule& rule) const {
    const std::size_t last = found.size() - 1;
    return table_ == "nat" && rule.action == Action::None && last > 0 && !found[last].quoted &&
           found[last].text.starts_with('#') && found[last].begin > found[last - 1].end + 1;
  }

  static void header(const std::vector<nft::Token>& found, Chain* chain) {
    for (std::size_t i = 0; i + 1 < found.size(); ++i) {
      const std::string& name = found[i].text;
      const std::string& value = found[i + 1].text;
      if (name == "type") chain->type = value;
      if (name == "hook") chain->hook = value;
      if (name == "device") chain->device = value;
      if (name == "priority") std::from_chars(value.data(), value.data() + value.size(), chain->priority);
      if (name == "policy") chain->drops = value == "drop";
    }
  }

  std::string_view text_;
  std::vector<nft::Token> tokens_;
  std::size_t at_ = 0;
  std::string family_, table_;
  Ruleset out_;
};

}  // namespace

Ruleset parse_ruleset(std::string_view text) {
  return Parser(text).run();
}

Rule parse_rule(std::string_view text) {
  std::vector<nft::Token> found;
  for (nft::Token& token : nft::tokens_of(text))
    if (token.quoted || token.text != "\n") found.push_back(std::move(token));
  std::vector<Rule> rules = rules_of(found, text);
  return rules.empty() ? Rule{} : std::move(rules.front());
}

}  // namespace berth
