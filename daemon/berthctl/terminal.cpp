// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/berthctl/terminal.h"

// clang-format off: readline needs stdio before it
#include <readline/history.h>
#include <readline/readline.h>
#include <cstdio>
// clang-format on
#include <poll.h>
#include <termios.h>
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

// Of the terminal that readline reads from.
Terminal* terminal_of_readline = nullptr;

// read() does not wait for a key. Ctrl-C throws away what was typed before it: who was told that there is a key, and waits for it in
// read(), would not hear of Ctrl-C until the next one.
void prepare_terminal(int meta) {
  rl_prep_terminal(meta);
  termios now{};
  if (tcgetattr(STDIN_FILENO, &now) != 0) return;
  now.c_cc[VMIN] = now.c_cc[VTIME] = 0;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
}

int next_key(FILE*) {
  const auto none = [] { return RL_ISSTATE(RL_STATE_READCMD) ? READERR : EOF; };
  for (;;) {
    unsigned char key = 0;
    const ssize_t n = read(STDIN_FILENO, &key, 1);
    if (n == 1) return key;
    if (n < 0 && errno != EINTR) return none();
    pollfd in{STDIN_FILENO, POLLIN, 0};
    const int ready = ppoll(&in, 1, nullptr, terminal_of_readline->waiting());
    if (ready < 0 && (errno != EINTR || terminal_of_readline->interrupted())) return none();
    if (ready > 0 && (in.revents & POLLHUP) != 0) return none();
  }
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
  terminal_of_readline = this;
  rl_prep_term_function = prepare_terminal;
  rl_getc_function = next_key;
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
    if (line_is_there) std::free(line_of_readline);
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
    // Lines are read here, for which read() does wait: so it is one that Ctrl-C ends.
    sigset_t before;
    sigprocmask(SIG_SETMASK, waiting(), &before);
    const ssize_t n = caught != 0 ? 0 : read(STDIN_FILENO, &key, 1);
    const bool again = n <= 0 && caught != 0 && caught != SIGINT;
    sigprocmask(SIG_SETMASK, &before, nullptr);
    if (again) {
      interrupted();
      continue;
    }
    if (n != 1) {
      if (interrupted()) std::putchar('\n');
      return false;
    }
    stop = stop || (first && key == 'q');
  }
  return !stop;
}

}  // namespace berth
