// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/vty/frr_shell.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <string_view>
#include <utility>

#include "core/names.h"

namespace asio = boost::asio;

namespace berth {
namespace {

constexpr std::size_t kLargestAnswer = 64u << 20;  // ten thousand routes are eight
constexpr std::size_t kAtOnce = 200;               // commands that wait in a daemon's socket
constexpr std::string_view kEnd("\0\0\0", 3);
constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

}  // namespace

FrrShell::FrrShell(const asio::any_io_executor& executor, std::string socket)
    : socket_(std::move(socket)), stream_(executor) {}

Error FrrShell::silent(const boost::system::error_code& error) {
  close();
  const std::string text = socket_ + " does not answer: " + error.message();
  if (error != asio::error::access_denied && error != boost::system::errc::permission_denied) return transient(text);
  return permanent(text, "run berthd as root, or with the group frrvty");
}

asio::awaitable<Status> FrrShell::connect(std::chrono::milliseconds deadline) {
  close();
  // sun_path: a longer one would throw
  if (socket_.empty() || socket_.size() > kLongestSocketPath)
    co_return permanent("the path of the socket is too long: " + socket_);
  const asio::local::stream_protocol::endpoint endpoint(socket_);
  const auto [error] = co_await stream_.ask(deadline).async_connect(endpoint, kTuple);
  stream_.done();
  if (error) co_return silent(error);
  connected_ = true;
  co_return Status();
}

asio::awaitable<Status> FrrShell::connect_enabled(std::chrono::milliseconds deadline) {
  Status connected = co_await connect(deadline);
  if (!connected) co_return connected;
  const auto enabled = co_await ask("enable", deadline);
  if (!enabled) co_return enabled.error();
  co_return Status();
}

asio::awaitable<Status> FrrShell::configure(std::vector<std::string> lines, std::chrono::milliseconds deadline) {
  lines.insert(lines.begin(), "configure terminal");
  lines.emplace_back("end");
  const auto answers = co_await ask_all(lines, deadline);
  if (!answers) co_return answers.error();
  for (std::size_t n = 0; n < lines.size(); ++n)
    if (!(*answers)[n].taken()) co_return permanent(socket_ + " refuses '" + lines[n] + "': " + (*answers)[n].text);
  co_return Status();
}

asio::awaitable<Result<FrrAnswer>> FrrShell::answer(WatchedStream::Stream& stream) {
  std::string bytes(65536, '\0');
  std::size_t from = 0, end = std::string::npos;
  for (;;) {
    end = heard_.find(kEnd, from);
    if (end != std::string::npos && end + kEnd.size() < heard_.size()) break;
    from = heard_.size() < kEnd.size() ? 0 : heard_.size() - kEnd.size();
    const auto [error, read] = co_await stream.async_read_some(asio::buffer(bytes), kTuple);
    if (error) co_return silent(error);
    heard_.append(bytes, 0, read);
    if (heard_.size() > kLargestAnswer) {
      close();
      co_return transient(socket_ + " says more than can be");
    }
  }
  FrrAnswer out{heard_.substr(0, end), static_cast<unsigned char>(heard_[end + kEnd.size()])};
  heard_.erase(0, end + kEnd.size() + 1);
  co_return out;
}

asio::awaitable<Result<FrrAnswer>> FrrShell::ask(std::string command, std::chrono::milliseconds deadline) {
  std::vector<std::string> one;
  one.push_back(std::move(command));
  auto answers = co_await ask_all(std::move(one), deadline);
  if (!answers) co_return answers.error();
  co_return std::move(answers->front());
}

asio::awaitable<Result<std::vector<FrrAnswer>>> FrrShell::ask_all(std::vector<std::string> commands,
                                                                  std::chrono::milliseconds deadline) {
  if (!connected_) co_return transient(socket_ + " is not connected");
  WatchedStream::Stream& stream = stream_.ask(deadline);
  std::vector<FrrAnswer> out;
  for (std::size_t first = 0; first < commands.size(); first += kAtOnce) {
    std::string bytes;
    const std::size_t last = std::min(commands.size(), first + kAtOnce);
    for (std::size_t n = first; n < last; ++n) bytes.append(commands[n].c_str(), commands[n].size() + 1);
    const auto [unwritten, written] = co_await asio::async_write(stream, asio::buffer(bytes), kTuple);
    if (unwritten) co_return silent(unwritten);
    for (std::size_t n = first; n < last; ++n) {
      auto one = co_await answer(stream);
      if (!one) co_return one.error();
      out.push_back(std::move(*one));
    }
  }
  stream_.done();
  co_return out;
}

void FrrShell::watch(std::function<void()> ended) {
  if (connected_) stream_.watch(std::move(ended));
}

void FrrShell::close() {
  connected_ = false;
  heard_.clear();
  stream_.close();
}

asio::awaitable<Result<std::string>> ask_frr(std::string socket, std::string command,
                                             std::chrono::milliseconds deadline) {
  FrrShell shell(co_await asio::this_coro::executor, std::move(socket));
  const Status connected = co_await shell.connect(deadline);
  if (!connected) co_return connected.error();
  auto answer = co_await shell.ask(command, deadline);
  if (!answer) co_return answer.error();
  if (answer->status != 0) co_return permanent(shell.socket() + " has no command '" + command + "'");
  co_return std::move(answer->text);
}

}  // namespace berth
