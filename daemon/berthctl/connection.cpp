// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/berthctl/connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

namespace berth {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kQueueLook = 20ms;  // a full queue does not say when it has room
constexpr const char* kClosed = "berthd has closed the connection";

}  // namespace

Connection::Connection(std::string path, std::chrono::milliseconds patience)
    : path_(std::move(path)), patience_(patience) {
  struct stat status{};
  if (stat(path_.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) path_ += "/berthd.vty";
  connect();
}

Connection::~Connection() {
  if (socket_ >= 0) close(socket_);
}

void Connection::wait_with(const sigset_t* mask, std::function<bool()> gives_up) {
  mask_ = mask;
  gives_up_ = std::move(gives_up);
}

bool Connection::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  silent_ = false;
  if (path_.size() >= sizeof address.sun_path) {
    why_ = "the path of the socket is too long: " + path_;
    return false;
  }
  std::memcpy(address.sun_path, path_.c_str(), path_.size());
  socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const auto deadline = Clock::now() + patience_;
  while (socket_ >= 0) {
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return true;
    if (errno != EAGAIN && errno != EINTR) break;
    // Others wait before us, and berthd takes none of them.
    if (Clock::now() >= deadline) {
      fell_silent();
      return false;
    }
    if (!wait(0, Clock::now() + kQueueLook)) return false;
  }
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

void Connection::fell_silent() {
  silent_ = true;
  lost("berthd does not answer: it is there at " + path_ + ", and has said nothing for " +
       std::to_string(std::chrono::ceil<std::chrono::seconds>(patience_).count()) +
       " s\nIs it stopped, or very busy? 'systemctl status berthd' and its log tell more");
}

bool Connection::wait(short events, Time deadline) {
  for (;;) {
    const auto left = std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(deadline - Clock::now()));
    const timespec time{static_cast<time_t>(left / 1s), static_cast<long>((left % 1s).count())};
    pollfd ready{events ? socket_ : -1, events, 0};
    const int n = ppoll(&ready, 1, &time, mask_);
    if (n > 0) return true;
    if (n == 0 && events) fell_silent();
    if (n == 0) return !events;
    if (errno != EINTR)
      lost(kClosed);
    else if (gives_up_ && gives_up_())
      lost("berthd was not waited for");
    if (socket_ < 0) return false;
  }
}

bool Connection::send_all(const std::string& command) {
  for (std::size_t sent = 0; sent <= command.size();) {
    if (!wait(POLLOUT, Clock::now() + patience_)) return false;
    const ssize_t n = send(socket_, command.c_str() + sent, command.size() + 1 - sent, MSG_NOSIGNAL);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) {
      lost(kClosed);
      return false;
    }
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

std::optional<Answer> Connection::ask(const std::string& command) {
  if (socket_ < 0 || !send_all(command)) return std::nullopt;
  Answer answer;
  char bytes[16384];
  for (;;) {
    if (!wait(POLLIN, Clock::now() + patience_)) return std::nullopt;
    const ssize_t n = recv(socket_, bytes, sizeof bytes, 0);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) {
      lost(kClosed);
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
