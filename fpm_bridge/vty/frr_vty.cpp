// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/vty/frr_vty.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>

#include "core/names.h"

namespace asio = boost::asio;

namespace berth {
namespace {

constexpr std::size_t kLargestAnswer = 8u << 20;
constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

Error silent(const std::string& socket, const boost::system::error_code& error) {
  const std::string text = socket + " does not answer: " + error.message();
  if (error != asio::error::access_denied && error != boost::system::errc::permission_denied) return transient(text);
  return permanent(text, "run berthd as root, or with the group frrvty");
}

}  // namespace

asio::awaitable<Result<std::string>> ask_frr(std::string socket, std::string command,
                                             std::chrono::milliseconds deadline) {
  // sun_path: a longer one would throw
  if (socket.empty() || socket.size() > kLongestSocketPath)
    co_return permanent("the path of the socket is too long: " + socket);
  boost::beast::basic_stream<asio::local::stream_protocol> stream(co_await asio::this_coro::executor);
  stream.expires_after(deadline);
  const auto [unconnected] = co_await stream.async_connect(asio::local::stream_protocol::endpoint(socket), kTuple);
  if (unconnected) co_return silent(socket, unconnected);
  const auto [unwritten, written] =
      co_await asio::async_write(stream, asio::buffer(command.c_str(), command.size() + 1), kTuple);
  if (unwritten) co_return silent(socket, unwritten);
  std::string answer, bytes(16384, '\0');
  while (answer.size() < 4 || answer.compare(answer.size() - 4, 3, "\0\0\0", 3) != 0) {
    const auto [unread, read] = co_await stream.async_read_some(asio::buffer(bytes), kTuple);
    if (unread) co_return silent(socket, unread);
    answer.append(bytes, 0, read);
    if (answer.size() > kLargestAnswer) co_return transient(socket + " says more than can be");
  }
  const bool refused = answer.back() != 0;
  answer.resize(answer.size() - 4);
  if (refused) co_return permanent(socket + " has no command '" + command + "'");
  co_return answer;
}

}  // namespace berth
