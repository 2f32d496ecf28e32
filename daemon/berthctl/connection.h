// SPDX-License-Identifier: GPL-2.0-or-later
//
// berthctl's end of the vty protocol. Blocking, but for the patience with a berthd that says nothing; one thread. Fails with
// a text that says what to do.
#pragma once

#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <string>

namespace berth {

struct Answer {
  std::string text;
  int status = 0;  // VtyStatus
};

class Connection {
 public:
  // A folder stands for berthd.vty in it. `patience`: how long berthd may be silent; a long answer may take longer.
  explicit Connection(std::string path, std::chrono::milliseconds patience = std::chrono::seconds(5));
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  bool connected() const { return socket_ >= 0; }
  const std::string& why() const { return why_; }
  bool silent() const { return silent_; }  // berthd is there and does not answer
  // nullopt: berthd is gone, why() says so.
  std::optional<Answer> ask(const std::string& command);
  // Tries again; true if berthd is there.
  bool connect();
  // While it waits, signals are let through as `mask` says; after each `gives_up` is asked whether to go on.
  void wait_with(const sigset_t* mask, std::function<bool()> gives_up);

 private:
  using Time = std::chrono::steady_clock::time_point;
  bool wait(short events, Time deadline);  // false: it is lost
  bool send_all(const std::string& command);
  void lost(const std::string& why);
  void fell_silent();

  std::string path_, why_;
  const std::chrono::milliseconds patience_;
  int socket_ = -1;
  bool silent_ = false;
  const sigset_t* mask_ = nullptr;
  std::function<bool()> gives_up_;
};

}  // namespace berth
