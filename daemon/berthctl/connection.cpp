// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/berthctl/connection.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace berth {

Connection::Connection(std::string path) : path_(std::move(path)) {
  struct stat status {};
  if (stat(path_.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) path_ += "/berthd.vty";
  connect();
}

Connection::~Connection() {
  if (socket_ >= 0) close(socket_);
}

bool Connection::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) {
    why_ = "the path of the socket is too long: " + path_;
    return false;
  }
  std::memcpy(address.sun_path, path_.c_str(), path_.size());
  socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ >= 0 && ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return true;
  const int error = errno;
  lost("berthd does not answer at " + path_ + ": " + std::strerror(error));
  if (error == EACCES)
    why_ += "\nberthctl is for root and members of the group frrvty: try sudo berthctl";
  else
    why_ +=
        "\nIs it running? Start it with 'systemctl start berthd' or 'berthd -f /etc/frr/berthd.conf', or name its "
        "socket with --vty_socket PATH";
  return false;
}

void Connection::lost(const std::string& why) {
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
  why_ = why;
}

std::optional<Answer> Connection::ask(const std::string& command) {
  const std::string closed = "berthd has closed the connection";
  if (socket_ < 0) return std::nullopt;
  for (std::size_t sent = 0; sent <= command.size();) {
    const ssize_t n = send(socket_, command.c_str() + sent, command.size() + 1 - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      lost(closed);
      return std::nullopt;
    }
    sent += static_cast<std::size_t>(n);
  }
  Answer answer;
  char bytes[16384];
  for (;;) {
    const ssize_t n = recv(socket_, bytes, sizeof bytes, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      lost(closed);
      return std::nullopt;
    }
    answer.text.append(bytes, static_cast<std::size_t>(n));
    // The text has no zero byte: one answer ends in three of them and the status.
    const std::size_t size = answer.text.size();
    if (size >= 4 && answer.text.compare(size - 4, 3, "\0\0\0", 3) == 0) {
      answer.status = static_cast<unsigned char>(answer.text.back());
      answer.text.resize(size - 4);
      return answer;
    }
  }
}

}  // namespace berth
