// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/berthctl/terminal.h"

// clang-format off: readline needs stdio before it
#include <readline/history.h>
#include <readline/readline.h>
#include <cstdio>
// clang-format on
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace berth {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTSTP, SIGTERM, SIGHUP, SIGQUIT};

volatile std::sig_atomic_t caught = 0;
bool line_is_there = false;
char* line_of_readline = nullptr;  // nullptr: Ctrl-D

void note(int signal) {
  caught = signal;
}

void take_line(char* line) {
  line_of_readline = line;
  line_is_there = true;
  rl_callback_handler_remove();
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

Line line_of(char* raw) {
  if (!raw) return {Line::Kind::End, ""};
  Line line{Line::Kind::Text, raw};
  std::free(raw);
  return line;
}

}  // namespace

Terminal::Terminal() : interactive_(isatty(STDIN_FILENO) != 0) {
  if (!interactive_) return;
  rl_catch_signals = 0;  // what it would do with them is done here
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int signal : kSignals) {
    handle(signal, note);
    sigaddset(&blocked, signal);
  }
  sigprocmask(SIG_BLOCK, &blocked, &open_);
}

bool Terminal::interrupted() {
  const int signal = std::exchange(caught, 0);
  if (signal == SIGINT) interrupted_ = true;
  if (signal == SIGINT || signal == 0) return signal == SIGINT;
  rl_deprep_terminal();  // as whoever comes next wants to find it
  handle(signal, SIG_DFL);
  raise(signal);
  sigset_t one, before;
  sigemptyset(&one);
  sigaddset(&one, signal);
  sigprocmask(SIG_UNBLOCK, &one, &before);  // here it ends, or is stopped and goes on later
  sigprocmask(SIG_SETMASK, &before, nullptr);
  handle(signal, note);
  return false;
}

Line Terminal::read_line(const std::string& prompt) {
  if (!interactive_) return line_of(readline(prompt.c_str()));
  line_is_there = interrupted_ = false;
  rl_callback_handler_install(prompt.c_str(), take_line);
  while (!line_is_there) {
    pollfd in{STDIN_FILENO, POLLIN, 0};
    const int n = ppoll(&in, 1, nullptr, &open_);
    if (n >= 0) {
      rl_callback_read_char();  // Tab and `?` wait for berthd, and may be interrupted there
    } else if (errno != EINTR) {
      rl_callback_handler_remove();
      return {};
    } else if (!interrupted()) {
      rl_reset_after_signal();
      rl_forced_update_display();
    }
    if (!interrupted_) continue;
    rl_callback_sigcleanup();
    rl_free_line_state();
    rl_callback_handler_remove();
    std::puts("^C");
    return {Line::Kind::Interrupted, ""};
  }
  return line_of(line_of_readline);
}

bool Terminal::more() {
  char key = 0;
  bool stop = false;
  for (bool first = true; key != '\n'; first = false) {
    pollfd in{STDIN_FILENO, POLLIN, 0};
    if (ppoll(&in, 1, nullptr, waiting()) < 0) {
      if (errno == EINTR && !interrupted()) continue;
      std::putchar('\n');
      return false;
    }
    if (read(STDIN_FILENO, &key, 1) != 1) return false;
    stop = stop || (first && key == 'q');
  }
  return !stop;
}

}  // namespace berth
