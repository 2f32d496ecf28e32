// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/berthctl/interactive.h"

// clang-format off: readline needs stdio before it
#include <readline/history.h>
#include <readline/readline.h>
#include <cstdio>
// clang-format on
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <sstream>
#include <vector>

#include "core/number.h"
#include "daemon/berthctl/terminal.h"

namespace berth {
namespace {

Connection* berthd_of_readline = nullptr;  // readline's hooks take no context
std::size_t page_lines = 0;

struct Hint {
  bool word = false;
  std::string text, help;
};

// nullopt: berthd does not answer.
std::optional<std::vector<Hint>> hints_for(const std::string& line) {
  std::vector<Hint> out;
  const auto answer = berthd_of_readline->ask("berthctl complete " + line);
  if (!answer) return std::nullopt;
  std::istringstream in(answer->text);
  for (std::string kind, text, help;
       std::getline(in, kind, '\t') && std::getline(in, text, '\t') && std::getline(in, help);)
    out.push_back({kind == "word", text, help});
  return out;
}

// `?`: what may come next, under the line that is being written.
int describe(int, int) {
  const std::string line(rl_line_buffer, static_cast<std::size_t>(rl_point));
  std::putchar('\n');
  const auto answer = hints_for(line);
  const std::vector<Hint> hints = answer.value_or(std::vector<Hint>());
  std::size_t width = 0;
  for (const Hint& each : hints) width = std::max(width, each.text.size());
  if (!answer) std::printf("%% %s\n", berthd_of_readline->why().c_str());
  if (answer && hints.empty()) std::puts("% There is no such command; ? on an empty line lists what there is");
  for (const Hint& each : hints)
    std::printf("  %-*s  %s\n", static_cast<int>(width), each.text.c_str(), each.help.c_str());
  rl_on_new_line();
  return 0;
}

char** complete(const char* text, int, int end) {
  rl_attempted_completion_over = 1;  // never file names
  std::vector<std::string> words;
  const auto hints = hints_for(std::string(rl_line_buffer, static_cast<std::size_t>(end)));
  for (const Hint& each : hints.value_or(std::vector<Hint>()))
    if (each.word && each.text.starts_with(text)) words.push_back(each.text);
  if (words.empty()) return nullptr;
  std::string common = words[0];
  for (const std::string& each : words)
    while (!each.starts_with(common)) common.pop_back();
  // As readline frees it: what is common first, then the words.
  auto** out = static_cast<char**>(std::calloc(words.size() + 2, sizeof(char*)));
  out[0] = strdup(common.c_str());
  for (std::size_t at = 0; words.size() > 1 && at < words.size(); ++at) out[at + 1] = strdup(words[at].c_str());
  return out;
}

void print(Terminal& terminal, const std::string& text) {
  if (!page_lines || !isatty(STDOUT_FILENO)) {
    std::fputs(text.c_str(), stdout);
    return;
  }
  std::istringstream in(text);
  std::size_t n = 0;
  for (std::string line; std::getline(in, line);) {
    std::puts(line.c_str());
    if (++n % page_lines != 0 || in.peek() == EOF) continue;
    std::fputs(" --More-- (Enter, q) ", stdout);
    std::fflush(stdout);
    if (!terminal.more()) return;
  }
}

// `terminal length N` is berthctl's own matter; berthd only judges its grammar.
void note_terminal(const std::string& line) {
  std::istringstream in(line);
  std::string first, second, third;
  in >> first >> second >> third;
  if (first.size() < 2 || !std::string("terminal").starts_with(first)) return;
  if (std::string("length").starts_with(second) && !third.empty())
    page_lines = parse_number<unsigned long>(third).value_or(0);
  if (second == "no") page_lines = 0;
}

// `exit` at the top, after which berthd closes.
bool leaves(const std::string& line, const std::string& prompt) {
  std::istringstream in(line);
  std::string word, more;
  in >> word >> more;
  return more.empty() && !word.empty() && prompt.find(")#") == std::string::npos &&
         (std::string("exit").starts_with(word) || std::string("quit").starts_with(word));
}

// Root with somebody else's HOME keeps no history: what lies there is not root's, and may be a link to anything.
std::string history_file() {
  const char* home = std::getenv("HOME");
  struct stat folder{};
  if (!home || stat(home, &folder) != 0 || folder.st_uid != geteuid()) return "";
  const std::string file = std::string(home) + "/.berthctl_history";
  struct stat old{};
  return stat(file.c_str(), &old) == 0 && !S_ISREG(old.st_mode) ? "" : file;  // a pipe would be waited for
}

// berthd's prompt, which says the mode; a berthd that was started anew is gone on with.
std::optional<std::string> prompt_of(Connection& berthd) {
  auto prompt = berthd.ask("berthctl prompt");
  if (!prompt) {
    std::printf("%% %s\n", berthd.why().c_str());
    if (berthd.silent()) return std::nullopt;
    if (berthd.connect()) prompt = berthd.ask("berthctl prompt");
    std::printf("%% %s\n", prompt ? "connected again" : berthd.why().c_str());
  }
  return prompt ? std::optional(prompt->text) : std::nullopt;
}

// The exit status: of the last command; before a terminal its owner has seen that.
int talk(Connection& berthd, Terminal& terminal) {
  const bool seen = isatty(STDIN_FILENO) != 0;
  int failed = 0;
  for (;;) {
    const auto prompt = prompt_of(berthd);
    if (!prompt) return seen && !berthd.silent() ? 0 : 1;
    const Line line = terminal.read_line(*prompt);
    if (line.kind == Line::Kind::Interrupted) continue;
    if (line.kind == Line::Kind::End) {  // what was begun is finished
      if (const auto answer = berthd.ask("end")) print(terminal, answer->text);
      std::putchar('\n');
      break;
    }
    if (line.text.find_first_not_of(" \t") == std::string::npos) continue;
    add_history(line.text.c_str());
    const auto answer = berthd.ask(line.text);
    if (!answer) {  // why is said at the prompt
      std::putchar('\n');
      continue;
    }
    print(terminal, answer->text);
    failed = answer->status;
    if (!failed) note_terminal(line.text);
    if (!failed && leaves(line.text, *prompt)) break;
  }
  return seen ? 0 : failed;
}

}  // namespace

int interactive(Connection& berthd) {
  Terminal terminal;
  berthd.wait_with(terminal.waiting(), [&] { return terminal.interrupted(); });
  berthd_of_readline = &berthd;
  rl_readline_name = "berthctl";
  rl_attempted_completion_function = complete;
  rl_bind_key('?', describe);
  using_history();
  stifle_history(500);
  const std::string history = history_file();
  if (!history.empty()) read_history(history.c_str());
  if (isatty(STDIN_FILENO)) std::puts("berthctl " BERTH_VERSION ": ? lists the commands, Tab completes, exit leaves.");
  const int status = talk(berthd, terminal);
  if (!history.empty()) write_history(history.c_str());
  return status;
}

}  // namespace berth
