// SPDX-License-Identifier: GPL-2.0-or-later
//
// Commands in FRR's manner, from one table: parsing (unambiguous beginnings of words are enough), `?`, Tab, and the
// errors that point at a word all come from it. Pure; any thread. A wrong table aborts: it is a bug.
//
// A syntax is words with one space between:
//   show routes          keywords
//   (1-4294967295)       a number in that range
//   PREFIX ADDRESS       a prefix without host bits, an IP address
//   LINE                 all that follows
//   NAME PATH …          any word in capitals: one word
//   <a|b|c>              one of these
//   [ge (0-128)]         may be left out
//   [(1-9)]...           any number of times
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace berth {

struct Command {
  std::string syntax;
  std::string help;  // one line for each token of the syntax, in order
};

struct ParsedWord {
  std::string text;        // keywords written out in full
  std::size_t column = 0;  // in bytes from the line's beginning
};

struct ParsedLine {
  std::size_t command = 0;  // index into the table
  std::vector<ParsedWord> words;
  // The word after that keyword, from the second word on; nullptr if the keyword is not there.
  const ParsedWord* after(std::string_view keyword) const;
  bool has(std::string_view keyword) const;
  const std::string& operator[](std::size_t at) const { return words[at].text; }
};

struct ParseFailure {
  enum class Kind { NoMatch, Ambiguous, Incomplete };
  Kind kind = Kind::NoMatch;
  std::size_t column = 0;  // of the word that does not fit, or the end of the line
  std::size_t depth = 0;   // how many words did fit
  std::string expected;    // "one of: host, subnet"
};

struct Completion {
  std::string text;  // "<cr>" where the line may end
  std::string help;
  bool keyword = false;
};

class Grammar {
 public:
  explicit Grammar(std::vector<Command> commands);

  std::variant<ParsedLine, ParseFailure> parse(std::string_view line) const;
  // What may stand at the end of the line: for its last word, or for a new one where it ends with a space.
  std::vector<Completion> completions(std::string_view line) const;
  const std::vector<Command>& commands() const { return commands_; }

 private:
  enum class Kind { Keyword, Number, Prefix, Address, Word, Line };
  struct Token {
    Kind kind = Kind::Keyword;
    std::string text;  // the keyword, or the placeholder as it is shown
    std::string help;
    std::uint64_t low = 0, high = 0;
    bool fits(const std::string& word) const;
    std::string expected() const;  // for "expected …"
  };
  struct Position {
    std::size_t command;
    Token token;
    std::vector<std::size_t> next;
    bool last = false;
  };
  struct Fragment;
  class Compiler;
  using Set = std::vector<std::size_t>;
  struct Step {
    Set positions;
    std::string text;
    bool ambiguous = false;
    std::string candidates;
  };
  Step step(const Set& open, const std::string& word) const;

  std::vector<Command> commands_;
  std::vector<Position> positions_;
  Set start_;
};

// The words of a line with their columns; spaces, tabs and carriage returns part them.
std::vector<ParsedWord> split_words(std::string_view line);
bool is_comment(std::string_view line);  // empty, or `!` or `#` first

}  // namespace berth
