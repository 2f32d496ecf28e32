// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/vty/grammar.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "core/ip.h"
#include "core/number.h"

namespace berth {
namespace {

constexpr std::string_view kSpaces = " \t\r";

[[noreturn]] void wrong_table(const std::string& syntax, const char* why) {
  std::fprintf(stderr, "command table: '%s': %s\n", syntax.c_str(), why);
  std::abort();
}

bool number_in(const std::string& word, std::uint64_t low, std::uint64_t high) {
  const auto value = parse_number<std::uint64_t>(word);
  return value && *value >= low && *value <= high;
}

std::string join(const std::set<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

void unite(std::vector<std::size_t>& into, const std::vector<std::size_t>& from) {
  for (const std::size_t each : from)
    if (std::find(into.begin(), into.end(), each) == into.end()) into.push_back(each);
}

}  // namespace

bool Grammar::Token::fits(const std::string& word) const {
  switch (kind) {
    case Kind::Keyword: return text.starts_with(word);
    case Kind::Number: return number_in(word, low, high);
    case Kind::Prefix: return Prefix::parse(word).has_value();
    case Kind::Address: return IpAddress::parse(word).has_value();
    case Kind::Word:
    case Kind::Line: return true;
  }
  return false;
}

std::string Grammar::Token::expected() const {
  switch (kind) {
    case Kind::Keyword: return text;
    case Kind::Number: return "a number from " + std::to_string(low) + " to " + std::to_string(high);
    case Kind::Prefix: return "a prefix, A.B.C.D/M or X:X::X:X/M, without host bits";
    case Kind::Address: return "an address, A.B.C.D or X:X::X:X";
    case Kind::Word:
    case Kind::Line: return text + " (" + help + ")";
  }
  return text;
}

const ParsedWord* ParsedLine::after(std::string_view keyword) const {
  for (std::size_t at = 1; at + 1 < words.size(); ++at)
    if (words[at].text == keyword) return &words[at + 1];
  return nullptr;
}

bool ParsedLine::has(std::string_view keyword) const {
  return std::any_of(words.begin(), words.end(), [&](const ParsedWord& word) { return word.text == keyword; });
}

std::vector<ParsedWord> split_words(std::string_view line) {
  std::vector<ParsedWord> out;
  for (std::size_t at = line.find_first_not_of(kSpaces); at != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(kSpaces, at), line.size());
    out.push_back({std::string(line.substr(at, end - at)), at});
    at = line.find_first_not_of(kSpaces, end);
  }
  return out;
}

bool is_comment(std::string_view line) {
  const std::size_t at = line.find_first_not_of(kSpaces);
  return at == std::string_view::npos || line[at] == '!' || line[at] == '#';
}

// Positions of Glushkov's construction: each token once, with what may follow it.
struct Grammar::Fragment {
  Set first, last;
  bool nullable = true;
};

class Grammar::Compiler {
 public:
  Compiler(std::vector<Position>& positions, std::size_t command, const Command& text)
      : positions_(positions), command_(command), text_(text.syntax) {
    for (std::size_t at = 0; at < text.help.size();) {
      const std::size_t end = std::min(text.help.find('\n', at), text.help.size());
      help_.push_back(text.help.substr(at, end - at));
      at = end + 1;
    }
  }

  Fragment compile() {
    Fragment all = sequence();
    if (at_ != text_.size()) wrong_table(text_, "a bracket too many");
    if (help_at_ != help_.size()) wrong_table(text_, "one help line for each token");
    if (all.nullable) wrong_table(text_, "a command needs a word");
    for (const std::size_t each : all.last) positions_[each].last = true;
    return all;
  }

 private:
  Fragment sequence() {
    Fragment out;
    while (at_ < text_.size() && text_[at_] != ']') {
      if (text_[at_] == ' ') {
        ++at_;
        continue;
      }
      append(out, item());
    }
    return out;
  }

  Fragment item() {
    Fragment out;
    if (text_[at_] == '[') {
      ++at_;
      out = sequence();
      if (at_ == text_.size()) wrong_table(text_, "a bracket too few");
      ++at_;
      out.nullable = true;
    } else {
      std::size_t end = std::min(text_.find_first_of(" ]", at_), text_.size());
      if (text_[at_] == '<') end = text_.find('>', at_) + 1;
      std::string words = text_.substr(at_, end - at_);
      at_ = end;
      if (words.ends_with("...")) {
        words.resize(words.size() - 3);
        at_ -= 3;
      }
      if (words.front() == '<') words = words.substr(1, words.size() - 2);
      out.nullable = false;
      for (std::size_t from = 0; from < words.size();) {
        const std::size_t bar = std::min(words.find('|', from), words.size());
        const std::size_t position = token(words.substr(from, bar - from));
        out.first.push_back(position);
        out.last.push_back(position);
        from = bar + 1;
      }
    }
    if (text_.compare(at_, 3, "...") == 0) {
      at_ += 3;
      for (const std::size_t each : out.last) unite(positions_[each].next, out.first);
    }
    return out;
  }

  std::size_t token(const std::string& word) {
    Token token;
    token.text = word;
    if (help_at_ == help_.size()) wrong_table(text_, "one help line for each token");
    token.help = help_[help_at_++];
    if (word.front() == '(') {
      token.kind = Kind::Number;
      const std::size_t dash = word.find('-');
      const std::string_view range(word);
      token.low = parse_number<std::uint64_t>(range.substr(1, dash - 1)).value_or(0);
      token.high = parse_number<std::uint64_t>(range.substr(dash + 1, word.size() - dash - 2)).value_or(0);
    } else if (word == "PREFIX") {
      token.kind = Kind::Prefix;
    } else if (word == "ADDRESS") {
      token.kind = Kind::Address;
    } else if (word == "LINE") {
      token.kind = Kind::Line;
    } else if (word.find_first_of("abcdefghijklmnopqrstuvwxyz") == std::string::npos) {
      token.kind = Kind::Word;
    }
    positions_.push_back({command_, token, {}, false});
    return positions_.size() - 1;
  }

  void append(Fragment& out, const Fragment& more) {
    for (const std::size_t each : out.last) unite(positions_[each].next, more.first);
    if (out.nullable) unite(out.first, more.first);
    if (!more.nullable) out.last.clear();
    unite(out.last, more.last);
    out.nullable = out.nullable && more.nullable;
  }

  std::vector<Position>& positions_;
  std::size_t command_;
  const std::string& text_;
  std::vector<std::string> help_;
  std::size_t at_ = 0, help_at_ = 0;
};

Grammar::Grammar(std::vector<Command> commands) : commands_(std::move(commands)) {
  for (std::size_t at = 0; at < commands_.size(); ++at)
    unite(start_, Compiler(positions_, at, commands_[at]).compile().first);
}

// An exact keyword beats a beginning of one, and both beat a placeholder, as in FRR.
Grammar::Step Grammar::step(const Set& open, const std::string& word) const {
  Step exact, partial, typed, free;
  std::set<std::string> keywords;
  for (const std::size_t each : open) {
    const Token& token = positions_[each].token;
    if (!token.fits(word)) continue;
    if (token.kind != Kind::Keyword) {
      Step& to = token.kind == Kind::Word || token.kind == Kind::Line ? free : typed;
      to.positions.push_back(each);
      to.text = word;
    } else if (token.text == word) {
      exact.positions.push_back(each);
      exact.text = word;
    } else {
      partial.positions.push_back(each);
      partial.text = token.text;
      keywords.insert(token.text);
    }
  }
  if (!exact.positions.empty()) return exact;
  partial.ambiguous = keywords.size() > 1;
  partial.candidates = join(keywords);
  if (!partial.positions.empty()) return partial;
  return typed.positions.empty() ? free : typed;
}

std::variant<ParsedLine, ParseFailure> Grammar::parse(std::string_view line) const {
  const auto expected = [&](const Set& open, bool may_end) {
    std::set<std::string> words;
    for (const std::size_t each : open) words.insert(positions_[each].token.expected());
    if (may_end) words.insert("the end of the line");
    return join(words);
  };
  const std::vector<ParsedWord> words = split_words(line);
  ParsedLine out;
  Set open = start_, here;
  for (std::size_t at = 0; at < words.size(); ++at) {
    Step next = step(open, words[at].text);
    if (next.ambiguous)
      return ParseFailure{ParseFailure::Kind::Ambiguous, words[at].column, at,
                          "one word: '" + words[at].text + "' may be " + next.candidates};
    if (next.positions.empty()) {
      const bool may_end =
          std::any_of(here.begin(), here.end(), [&](std::size_t each) { return positions_[each].last; });
      return ParseFailure{ParseFailure::Kind::NoMatch, words[at].column, at, expected(open, may_end)};
    }
    out.words.push_back({next.text, words[at].column});
    here = std::move(next.positions);
    if (positions_[here.front()].token.kind == Kind::Line) {
      const std::size_t end = line.find_last_not_of(kSpaces) + 1;
      out.words.back().text = std::string(line.substr(words[at].column, end - words[at].column));
      break;
    }
    open.clear();
    for (const std::size_t each : here) unite(open, positions_[each].next);
  }
  for (const std::size_t each : here) {
    if (!positions_[each].last) continue;
    out.command = positions_[each].command;
    return out;
  }
  return ParseFailure{ParseFailure::Kind::Incomplete, line.size(), words.size(), expected(open, false)};
}

std::vector<Completion> Grammar::completions(std::string_view line) const {
  std::vector<ParsedWord> words = split_words(line);
  std::string last;
  if (!words.empty() && words.back().column + words.back().text.size() == line.size()) {
    last = words.back().text;
    words.pop_back();
  }
  Set open = start_;
  bool may_end = false;
  for (const ParsedWord& word : words) {
    const Step next = step(open, word.text);
    open.clear();
    may_end = false;
    if (next.ambiguous) return {};
    for (const std::size_t each : next.positions) {
      unite(open, positions_[each].next);
      may_end = may_end || positions_[each].last;
      if (positions_[each].token.kind == Kind::Line) open.push_back(each);
    }
  }
  std::vector<Completion> out;
  const auto add = [&](Completion each) {
    const auto same = [&](const Completion& other) { return other.text == each.text; };
    if (std::none_of(out.begin(), out.end(), same)) out.push_back(std::move(each));
  };
  for (const std::size_t each : open) {
    const Token& token = positions_[each].token;
    const bool keyword = token.kind == Kind::Keyword;
    // A placeholder's beginning can't be judged: "10.0" may become an address.
    if (keyword ? token.text.starts_with(last) : true) add({token.text, token.help, keyword});
  }
  std::sort(out.begin(), out.end(), [](const Completion& a, const Completion& b) { return a.text < b.text; });
  if (may_end && last.empty()) out.push_back({"<cr>", "", false});
  return out;
}

}  // namespace berth
