// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "daemon/vty/shell.h"
#include "daemon/vty/text.h"

namespace berth {
namespace {

// Can it be typed as one word?
bool is_word(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

Reply refused(std::string_view text, const ParseFailure& failure) {
  const std::string caret = pointed_at(text, failure.column) + " expected " + failure.expected + "\n";
  switch (failure.kind) {
    case ParseFailure::Kind::Ambiguous: return {"% Ambiguous command\n" + caret, VtyStatus::Ambiguous};
    case ParseFailure::Kind::Incomplete: return {"% Command incomplete\n" + caret, VtyStatus::Incomplete};
    case ParseFailure::Kind::NoMatch: break;
  }
  return {"% Unknown command\n" + caret, VtyStatus::NoMatch};
}

std::vector<Command> ShellSession::commands_of(const std::vector<Row>& rows) {
  std::vector<Command> out;
  out.reserve(rows.size());
  for (const Row& each : rows) out.push_back({each.syntax, each.help});
  return out;
}

const Grammar& exec_grammar() {
  static const Grammar grammar(ShellSession::commands_of(ShellSession::exec_rows()));
  return grammar;
}

const Grammar& common_grammar() {
  static const Grammar grammar(ShellSession::commands_of(ShellSession::common_rows()));
  return grammar;
}

const Grammar& ShellSession::grammar() const {
  return mode_ == Mode::Exec ? exec_grammar() : config_modes().grammar(mode_ == Mode::Network ? &draft_ : nullptr);
}

std::string ShellSession::prompt() const {
  return shell_.host.hostname() + (mode_ == Mode::Exec     ? "# "
                                   : mode_ == Mode::Config ? "(config)# "
                                                           : "(config-network)# ");
}

Reply ShellSession::run(std::string_view text) {
  Reply reply = answer(text);
  reply.text = for_terminal(reply.text);  // names come from images and networks
  return reply;
}

Reply ShellSession::answer(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  if (not_text(text)) return {"% Unknown command: it has bytes that are no text\n", VtyStatus::NoMatch};
  if (text.starts_with("berthctl ")) return for_berthctl(text.substr(9));
  if (is_comment(text)) return {};
  return mode_ == Mode::Exec ? run_exec(text) : run_config(text);
}

// Between berthctl and berthd, not for people: `prompt`, `complete LINE`.
Reply ShellSession::for_berthctl(std::string_view text) const {
  if (text == "prompt") return {prompt(), VtyStatus::Success};
  if (!text.starts_with("complete ")) return {"", VtyStatus::NoMatch};
  std::string out;
  for (const Completion& each : complete(text.substr(9)))
    out += std::string(each.keyword ? "word" : "hint") + "\t" + each.text + "\t" + each.help + "\n";
  return {out, VtyStatus::Success};
}

std::vector<Completion> ShellSession::complete(std::string_view text) const {
  const auto words = split_words(text);
  const std::size_t typed = words.empty() ? 0 : words.back().column + words.back().text.size();
  const bool fresh = typed < text.size() || words.empty();  // the next word is to begin
  if (mode_ != Mode::Exec && words.size() + fresh > 1 && words[0].text == "do") {
    ShellSession top(shell_);
    return top.complete(text.substr(words[0].column + 2));
  }
  const std::string last = fresh ? "" : words.back().text;
  const auto has = [&](const char* keyword) {
    return std::any_of(words.begin(), words.end(), [&](const ParsedWord& word) { return word.text == keyword; });
  };
  std::vector<Completion> out = grammar().completions(text);
  std::vector<std::string> names;
  for (const Completion& each : out) {
    if (each.text == "CONTAINER")
      for (const ContainerFact& fact : shell_.host.view().containers) names.push_back(fact.name);
    if (each.text == "NAME" && has("network"))
      for (const auto& [name, network] : shell_.host.config().networks) names.push_back(name);
    if (each.text == "NAME" && has("runtime"))
      for (const RuntimeConfig& runtime : shell_.host.config().runtimes) names.push_back(runtime.name);
  }
  // A runtime may be called as its kind, which is a keyword.
  const auto offered = [&](const std::string& name) {
    return std::any_of(out.begin(), out.end(), [&](const Completion& each) { return each.text == name; });
  };
  for (const std::string& name : names)
    if (name.starts_with(last) && is_word(name) && !offered(name)) out.push_back({name, "", true});
  return out;
}

Reply ShellSession::list() const {
  std::string out;
  for (const Command& each : grammar().commands()) out += "  " + each.syntax + "\n";
  return {out, VtyStatus::Success};
}

}  // namespace berth
