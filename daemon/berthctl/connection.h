// SPDX-License-Identifier: GPL-2.0-or-later
//
// berthctl's end of the vty protocol. Blocking; one thread. Fails with a text that says what to do.
#pragma once

#include <optional>
#include <string>

namespace berth {

struct Answer {
  std::string text;
  int status = 0;  // VtyStatus
};

class Connection {
 public:
  explicit Connection(std::string path);  // a folder stands for berthd.vty in it
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  bool connected() const { return socket_ >= 0; }
  const std::string& why() const { return why_; }
  // nullopt: berthd is gone, why() says so.
  std::optional<Answer> ask(const std::string& command);
  // Tries again; true if berthd is there.
  bool connect();

 private:
  void lost(const std::string& why);

  std::string path_, why_;
  int socket_ = -1;
};

}  // namespace berth
