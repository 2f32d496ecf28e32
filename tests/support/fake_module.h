// SPDX-License-Identifier: GPL-2.0-or-later
//
// zebra_fpm_bridge.so's end of the socket, for tests of the client: a real unix socket in a folder of its own, served by
// poll() from the test's own loop, so that nothing runs beside it. It answers as the real module does (of two operations on
// one key the later one); the test asks for faults. One thread.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "berth.pb.h"
#include "fpm_bridge/wire/frame.h"

namespace berth {

class FakeModule {
 public:
  FakeModule() {
    char folder[] = "/tmp/berth-test-XXXXXX";
    if (!mkdtemp(folder)) throw std::runtime_error("mkdtemp");
    folder_ = folder;
    listen();
  }
  FakeModule(const FakeModule&) = delete;
  FakeModule& operator=(const FakeModule&) = delete;
  ~FakeModule() {
    drop();
    stop_listening();
    rmdir(folder_.c_str());
  }
  std::string path() const { return folder_ + "/sock"; }

  // faults and what holds back
  std::uint32_t protocol = 1, window = 4, max_operations = 10;
  std::string hello_error;
  bool accepts = true, says_hello = true, reads = true, answers = true, keeps_alive = true;
  // Echoed where the client asks for one. 0: an older module, which closes at a Keepalive.
  std::uint32_t hold_seconds = 0;
  std::size_t write_piece = 1 << 20;  // bytes at a time

  // what came
  int connections = 0, syncs = 0, keepalives = 0;
  std::uint32_t hold_wanted = 0;
  std::string bye;
  std::map<std::string, fpm::Operation> held;  // by address and kind
  std::vector<fpm::Batch> batches;
  std::vector<fpm::Prefix> kept;  // what the last end of sync said that it must not sweep
  std::size_t most_unanswered = 0;
  std::size_t queries = 0, most_queries = 0;       // the latter: at a time
  std::map<std::string, fpm::RibEntry> elsewhere;  // by address: what the fabric has
  bool replies = true, replies_backwards = false;

  void listen() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof(address.sun_path) - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 || ::listen(listener_, 4) != 0)
      throw std::runtime_error("bind");
  }
  // As many connections as the kernel takes for a module that accepts none; each is closed at once. How many that were.
  std::size_t fill_backlog() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof(address.sun_path) - 1);
    for (std::size_t n = 0;; ++n) {
      const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      const bool taken = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
      close(fd);
      if (!taken) return n;
    }
  }
  void stop_listening() {
    if (listener_ >= 0) close(listener_);
    listener_ = -1;
    unlink(path().c_str());
  }
  void drop() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
    greeted_ = false;
    out_.clear();
    unanswered_.clear();
    replies_.clear();
    decoder_ = FrameDecoder();
  }
  bool connected() const { return fd_ >= 0; }
  void send_raw(const std::string& bytes) { out_ += bytes; }
  void send(const fpm::Message& message) { append_frame(out_, message.SerializeAsString()); }

  void poll() {
    if (fd_ < 0 && listener_ >= 0 && accepts) {
      fd_ = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd_ >= 0) ++connections;
    }
    if (fd_ < 0) return;
    if (reads) read_some();
    if (answers) answer_all();
    if (replies) reply_all();
    if (const auto now = std::chrono::steady_clock::now();
        keeps_alive && greeted_ && hold_seconds && now >= next_word_) {
      next_word_ = now + std::chrono::milliseconds(hold_seconds * 1000 / 3);
      fpm::Message word;
      word.mutable_keepalive();
      send(word);
    }
    while (fd_ >= 0 && !out_.empty()) {
      const ssize_t n = ::send(fd_, out_.data(), std::min(out_.size(), write_piece), MSG_NOSIGNAL);
      if (n <= 0) break;
      out_.erase(0, static_cast<std::size_t>(n));
      if (write_piece < 100) break;  // the client is to see each piece by itself
    }
  }

 private:
  void read_some() {
    char bytes[65536];
    const ssize_t n = recv(fd_, bytes, sizeof(bytes), 0);
    if (n == 0) return drop();
    if (n < 0) return;
    decoder_.feed({bytes, static_cast<std::size_t>(n)});
    for (;;) {
      auto body = decoder_.next();
      if (!body) throw std::runtime_error("the client sent no frame: " + body.error().message);
      if (!*body) return;
      fpm::Message message;
      if (!message.ParseFromString(**body)) throw std::runtime_error("the client sent no message");
      take(message);
      if (fd_ < 0) return;
    }
  }
  void take(const fpm::Message& in) {
    fpm::Message out;
    if (in.has_hello() && says_hello) {
      fpm::Hello* hello = out.mutable_hello();
      hello->set_protocol(protocol);
      hello->set_software("fake");
      hello->set_frr_version("8.4.4");
      hello->set_route_type("openfabric");
      hello->set_session(in.hello().session());
      hello->set_window(window);
      hello->set_max_operations(max_operations);
      hello->set_error(hello_error);
      hold_wanted = in.hello().hold_seconds();
      if (hold_wanted) hello->set_hold_seconds(hold_seconds);
      greeted_ = true;
      stale_.clear();
      for (const auto& [key, operation] : held) stale_.insert(key);
      send(out);
    } else if (in.has_batch()) {
      batches.push_back(in.batch());
      for (const fpm::Operation& operation : in.batch().operations()) {
        const bool mark = operation.has_mark() || operation.has_unmark();
        const fpm::Prefix& prefix = operation.has_add()      ? operation.add().prefix()
                                    : operation.has_mark()   ? operation.mark().prefix()
                                    : operation.has_remove() ? operation.remove()
                                                             : operation.unmark();
        const std::string key = prefix.address() + (mark ? "m" : "r");
        const bool gone = operation.has_remove() || operation.has_unmark();
        stale_.erase(key);
        if (gone)
          held.erase(key);
        else
          held[key] = operation;
        fpm::Result& result = unanswered_[key];
        result.set_kind(mark ? fpm::OBJECT_MARK : fpm::OBJECT_ROUTE);
        *result.mutable_prefix() = prefix;
        result.set_state(gone ? fpm::STATE_GONE : fpm::STATE_INSTALLED);
        result.set_sequence(in.batch().sequence());
      }
      most_unanswered = std::max(most_unanswered, unanswered_.size());
    } else if (in.has_end_of_sync()) {
      ++syncs;
      kept.clear();
      for (const fpm::Prefix& each : in.end_of_sync().keep()) kept.push_back(each);
      answer_all();
      out.mutable_sync_done()->set_sequence(in.end_of_sync().sequence());
      out.mutable_sync_done()->set_swept(sweep());
      send(out);
    } else if (in.has_query()) {
      ++queries;
      fpm::QueryReply* reply = out.mutable_query_reply();
      reply->set_id(in.query().id());
      const fpm::Prefix& prefix = in.query().prefix();
      if (const auto own = held.find(prefix.address() + "r"); own != held.end()) {
        reply->add_entries()->set_type("openfabric");
        *reply->mutable_entries(0)->mutable_next_hops() = own->second.add().next_hops();
      }
      if (const auto others = elsewhere.find(prefix.address()); others != elsewhere.end())
        *reply->add_entries() = others->second;
      replies_.push_back(std::move(out));
    } else if (in.has_keepalive()) {
      ++keepalives;
      if (!hold_seconds) drop();
    } else if (in.has_bye()) {
      bye = in.bye().reason();
    }
  }
  std::uint32_t sweep() {
    std::uint32_t swept = 0;
    for (auto each = stale_.begin(); each != stale_.end();) {
      const fpm::Operation& operation = held.at(*each);
      const fpm::Prefix& prefix = operation.has_mark() ? operation.mark().prefix() : operation.add().prefix();
      const bool keep =
          std::any_of(kept.begin(), kept.end(), [&](const fpm::Prefix& one) { return within(prefix, one); });
      if (keep) {
        ++each;
        continue;
      }
      held.erase(*each);
      each = stale_.erase(each);
      ++swept;
    }
    return swept;
  }
  static bool within(const fpm::Prefix& inner, const fpm::Prefix& outer) {
    if (inner.address().size() != outer.address().size() || inner.length() < outer.length()) return false;
    for (unsigned bit = 0; bit < outer.length(); ++bit)
      if (((inner.address()[bit / 8] ^ outer.address()[bit / 8]) >> (7 - bit % 8)) & 1) return false;
    return true;
  }
  void reply_all() {
    most_queries = std::max(most_queries, replies_.size());
    if (replies_backwards) std::reverse(replies_.begin(), replies_.end());
    for (const fpm::Message& each : replies_) send(each);
    replies_.clear();
  }
  void answer_all() {
    if (unanswered_.empty()) return;
    fpm::Message out;
    for (const auto& [key, result] : unanswered_) *out.mutable_results()->add_results() = result;
    unanswered_.clear();
    send(out);
  }

  std::string folder_, out_;
  int listener_ = -1, fd_ = -1;
  bool greeted_ = false;
  std::chrono::steady_clock::time_point next_word_;
  FrameDecoder decoder_;
  std::map<std::string, fpm::Result> unanswered_;
  std::vector<fpm::Message> replies_;
  std::set<std::string> stale_;  // of an earlier session
};

}  // namespace berth
