// SPDX-License-Identifier: GPL-2.0-or-later
//
// The terminal before which somebody sits: lines from readline, and what Ctrl-C and Ctrl-Z do. Signals are blocked but for
// the moments in which berthctl waits, and are acted upon there: no handler does more than to note which one it was. One
// thread; one terminal for each process, since readline has but one.
#pragma once

#include <csignal>
#include <string>

namespace berth {

struct Line {
  enum class Kind { Text, Interrupted, End } kind = Kind::End;  // Ctrl-C; Ctrl-D or no terminal any more
  std::string text;
};

class Terminal {
 public:
  Terminal();
  const sigset_t* waiting() const {
    return interactive_ ? &open_ : nullptr;
  }  // the signals let through while one waits
  // After a wait that a signal ended: true if it was Ctrl-C. All others have done by then what they do by default.
  bool interrupted();
  Line read_line(const std::string& prompt);
  // After --More--: false if no more is wanted.
  bool more();

 private:
  bool interactive_, interrupted_ = false;
  sigset_t open_;
};

}  // namespace berth
