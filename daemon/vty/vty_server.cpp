// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/vty/vty_server.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <string_view>
#include <vector>

#include "daemon/vty/line_reader.h"

namespace asio = boost::asio;
using asio::local::stream_protocol;
using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr auto kUse = asio::as_tuple(asio::use_awaitable);
constexpr auto kWriteTime = 30s;
constexpr auto kAcceptPause = 100ms;  // out of file descriptors: not a busy loop

const group* group_of(const std::string& name) {
  return name.empty() ? nullptr : getgrnam(name.c_str());
}

// Tries who listens there; 0 or errno. Never waits for him.
int connect_now(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return errno;
  const int error = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  close(probe);
  return error;
}

}  // namespace

VtyServer::VtyServer(asio::io_context& io, VtyOptions options, ShellHost& host)
    : io_(io), options_(std::move(options)), shell_{host, {}}, acceptor_(io) {}

VtyServer::~VtyServer() {
  stop();
}

Status VtyServer::start() {
  boost::system::error_code error;
  constexpr const char* kRemedy =
      "make its folder, or name another path with vty socket PATH or berthd --vty_socket PATH";
  const std::string socket = "the shell's socket " + options_.path + ": ";
  const auto failed = [&](const std::string& what) {
    acceptor_.close(error);
    return Error{ErrorKind::Transient, socket + what, kRemedy};
  };
  if (options_.path.size() >= sizeof(sockaddr_un::sun_path)) return permanent(socket + "the path is too long", kRemedy);
  const int answer = connect_now(options_.path);
  // EAGAIN: one that has a queue of others before it and takes none of them, as a stopped berthd does.
  if (answer == 0 || answer == EAGAIN)
    return permanent(socket + "another berthd listens there", "a host has one berthd: stop that one first");
  struct stat file{};  // a socket that one left who was killed; a file of somebody's is none
  if (answer == ECONNREFUSED && lstat(options_.path.c_str(), &file) == 0 && S_ISSOCK(file.st_mode))
    unlink(options_.path.c_str());
  acceptor_.open(stream_protocol(), error);
  fchmod(acceptor_.native_handle(), 0600);  // the file that bind makes has its socket's mode
  acceptor_.bind(stream_protocol::endpoint(options_.path), error);
  if (error) return failed(error.message());
  if (!open_to_group()) return failed("somebody else has put something into its place");
  acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return failed(error.message());
  listening_ = true;
  asio::co_spawn(io_, accept(), asio::detached);
  return {};
}

// Looks at what bind has made, and gives that to the group. Its folder may be user frr's (/run/frr), who may put a link, or a
// second name of another's socket, into its place at any moment: nothing is changed by its path, and nothing at which
// somebody answers already. Ours does not listen yet.
bool VtyServer::open_to_group() {
  const int made = open(options_.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (made < 0) return false;
  const std::string itself = "/proc/self/fd/" + std::to_string(made);
  struct stat file{};
  const bool ours = fstat(made, &file) == 0 && S_ISSOCK(file.st_mode) && file.st_uid == geteuid() &&
                    connect_now(itself) == ECONNREFUSED;
  const group* members = ours ? group_of(options_.group) : nullptr;
  if (members && fchownat(made, "", static_cast<uid_t>(-1), members->gr_gid, AT_EMPTY_PATH) == 0)
    static_cast<void>(chmod(itself.c_str(), 0660));  // where it fails it stays root's alone
  close(made);
  made_ = {file.st_dev, file.st_ino};
  return ours;
}

void VtyServer::stop() {
  boost::system::error_code ignored;
  if (!listening_) return;
  listening_ = false;
  acceptor_.close(ignored);
  struct stat file{};
  if (lstat(options_.path.c_str(), &file) == 0 && made_ == std::pair{file.st_dev, file.st_ino})
    unlink(options_.path.c_str());
  for (const auto& client : clients_) client->close(ignored);
}

bool VtyServer::may_speak(Socket& socket) const {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  if (peer.uid == 0 || peer.uid == geteuid()) return true;
  const group* members = group_of(options_.group);
  if (!members) return false;
  std::vector<gid_t> groups(1024);
  size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  if (getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) size = 0;
  groups.resize(size / sizeof(gid_t));
  groups.push_back(peer.gid);
  return std::find(groups.begin(), groups.end(), members->gr_gid) != groups.end();
}

asio::awaitable<void> VtyServer::accept() {
  while (listening_) {
    auto socket = std::make_shared<Socket>(io_);
    const auto [error] = co_await acceptor_.async_accept(*socket, kUse);
    if (!listening_ || error == asio::error::operation_aborted) co_return;
    if (error) {
      asio::steady_timer pause(io_, kAcceptPause);
      co_await pause.async_wait(kUse);
      continue;
    }
    if (!may_speak(*socket)) {
      ++counters_["vtyRefusedPeer"];
      continue;
    }
    if (clients_.size() >= options_.max_clients) {
      ++counters_["vtyRefusedClients"];
      continue;
    }
    ++counters_["vtyClients"];
    clients_.insert(socket);
    asio::co_spawn(io_, serve(socket), asio::detached);
  }
}

asio::awaitable<void> VtyServer::serve(std::shared_ptr<Socket> socket) {
  ShellSession session(shell_);
  LineReader reader(options_.max_line);
  std::array<char, 4096> bytes;
  bool open = true;
  while (open) {
    const auto [error, size] = co_await socket->async_read_some(asio::buffer(bytes), kUse);
    if (error) break;
    for (std::string_view rest(bytes.data(), size); open && !rest.empty();) {
      const LineReader::Found found = reader.take(rest);
      if (found == LineReader::Found::TooLong) {
        ++counters_["vtyLineTooLong"];
        // Replies have names: g++ 12 destroys a braced temporary of a co_await twice.
        Reply reply{"% The line is too long\n", VtyStatus::Warning};
        static_cast<void>(co_await send(socket, std::move(reply)));
        open = false;
      } else if (found == LineReader::Found::Line) {
        ++counters_["vtyCommands"];
        Reply reply = session.run(reader.line());
        const bool heard = co_await send(socket, std::move(reply));
        open = heard && !session.closed();
      }
    }
  }
  boost::system::error_code ignored;
  socket->close(ignored);
  clients_.erase(socket);
}

asio::awaitable<bool> VtyServer::send(std::shared_ptr<Socket> socket, Reply reply) {
  reply.text.append(3, '\0');
  reply.text.push_back(static_cast<char>(reply.status));
  asio::steady_timer patience(io_, kWriteTime);
  patience.async_wait([socket](boost::system::error_code error) {
    boost::system::error_code ignored;
    if (!error) socket->close(ignored);
  });
  const auto [error, size] = co_await asio::async_write(*socket, asio::buffer(reply.text), kUse);
  co_return !error;
}

}  // namespace berth
