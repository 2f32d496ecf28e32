// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/client/zebra_client.h"

#include <google/protobuf/arena.h>
#include <sys/un.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <random>
#include <utility>

#include "core/backoff.h"
#include "fpm_bridge/wire/codec.h"
#include "fpm_bridge/wire/frame.h"

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr auto kFirstBackoff = 200ms, kLastBackoff = 5000ms, kHelloDeadline = 3000ms;
// A socket that nobody listens on costs little to try, and a zebra that starts anew must have its routes before bgpd tells
// its peers that it has said all (End-of-RIB, RFC 4724): what comes later is a withdrawal there.
constexpr auto kAbsentRetry = 100ms;
constexpr std::size_t kBatchBytes = 48 * 1024;
constexpr std::uint32_t kProtocol = 1, kMostBatches = 64;
constexpr std::size_t kMostQuestions = 256;  // without an answer: what zebra says is read as fast as it is said
constexpr std::uint32_t kLeastHold = 3, kMostHold = 3600;  // seconds
constexpr auto kLate = 1000ms;  // a timer that comes so much later than it was due: berthd itself was stopped
constexpr char kModule[] = "/usr/lib/frr/modules/zebra_fpm_bridge.so";

std::uint64_t random_session() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

Error silence(const std::string& how) {
  return {ErrorKind::Transient, "zebra is there and does not answer: " + how,
          "ps -C zebra -o pid,stat,wchan says what it is at (T: it was stopped); if it stays so, restart FRR"};
}

Error no_connection(const std::string& path, const boost::system::error_code& error) {
  if (error == asio::error::access_denied)
    return {ErrorKind::Transient, "berthd may not connect to " + path + " (" + error.message() + ")",
            "run berthd as root, or in the socket's group (ls -l " + path + "; the module's argument group=, frr)"};
  const std::string load = "-M " + std::string(kModule) + ":" + path;
  return {ErrorKind::Transient, "nobody listens at " + path + " (" + error.message() + ")",
          "look for zebra_fpm_bridge in vtysh -c 'show modules'. If it is not there: zebra_options in /etc/frr/daemons "
          "must have " +
              load +
              " (with a wrong path zebra does not start). If it is there: it was built for another FRR "
              "(scripts/install builds it anew, scripts/images for containers) or listens elsewhere; syslog or zebra's "
              "log says which"};
}

}  // namespace

struct ZebraClient::Stream {
  FrameDecoder frames;
  std::array<char, 65536> bytes;
  google::protobuf::Arena in, out;  // a message has thousands of parts, which come and go together
};

ZebraClient::ZebraClient(asio::io_context& io, ZebraConfig options, RouteSinkListener& listener)
    : io_(io), options_(std::move(options)), listener_(listener), socket_(io), timer_(io), alive_(io) {}

void ZebraClient::start() {
  asio::co_spawn(io_, run(), asio::detached);
}

void ZebraClient::stop() {
  stopping_ = true;
  timer_.cancel();
  alive_.cancel();
  if (ready_) {
    fpm::Message message;
    message.mutable_bye()->set_reason("berthd stops");
    send(message);
  }
  boost::system::error_code ignored;
  socket_.close(ignored);
}

asio::awaitable<void> ZebraClient::run() {
  Backoff<std::chrono::milliseconds> backoff(kFirstBackoff, kLastBackoff);
  std::string told;
  while (!stopping_) {
    const Status status = co_await session();
    const bool was_ready = ready_;
    reset();
    if (stopping_) co_return;
    // The same trouble is told once, not at each try.
    if (was_ready || status.error().message != told) listener_.sink_lost(status.error());
    told = status.error().message;
    // Only a session that got as far as SyncDone shows a zebra that is well; else each try costs it a full sync.
    if (std::exchange(synced_, false)) backoff.reset();
    timer_.expires_after(reached_ ? backoff.next() + std::chrono::milliseconds(random_session() % 50) : kAbsentRetry);
    co_await timer_.async_wait(kTuple);
  }
}

void ZebraClient::reset() {
  boost::system::error_code ignored;
  socket_.close(ignored);
  alive_.cancel();
  given_up_.clear();
  hold_ = 0s;
  ready_ = writing_ = sync_wanted_ = false;
  queue_.clear();
  wishes_.clear();
  in_flight_.clear();
  asked_.clear();
  questions_waiting_.clear();
  questions_in_flight_.clear();
  out_.clear();
  sequence_ = 0;
}

asio::awaitable<Result<const fpm::Message*>> ZebraClient::receive() {
  for (;;) {
    auto body = stream_->frames.next();
    if (!body) co_return body.error();
    if (*body) {
      stream_->in.Reset();
      auto* message = google::protobuf::Arena::CreateMessage<fpm::Message>(&stream_->in);
      if (!message->ParseFromString(**body)) co_return transient("zebra sent a frame that is no message of berth's");
      co_return message;
    }
    const auto [error, n] = co_await socket_.async_read_some(asio::buffer(stream_->bytes), kTuple);
    if (!given_up_.empty()) co_return silence(given_up_);
    if (error) co_return transient("the connection to zebra ended: " + error.message());
    heard_ = std::chrono::steady_clock::now();
    stream_->frames.feed({stream_->bytes.data(), n});
  }
}

asio::awaitable<Status> ZebraClient::session() {
  reached_ = false;
  stream_ = std::make_shared<Stream>();
  const Status there = co_await connect();
  if (!there) co_return there;
  const auto info = co_await greet();
  if (!info) co_return info.error();
  ready_ = true;
  if (hold_ > 0s) keep_alive();
  listener_.sink_connected(*info);
  for (;;) {
    auto message = co_await receive();
    if (!message) co_return message.error();
    const Status status = on_message(**message);
    if (!status) co_return status;
    // What many answers bring about goes in one batch.
    if ((*message)->has_query_reply())
      pump_later();
    else
      pump();
  }
}

asio::awaitable<Status> ZebraClient::connect() {
  const std::string& path = options_.socket;
  socket_ = asio::local::stream_protocol::socket(io_);
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    co_return permanent(
        "the path of zebra's socket is too long: " + path,
        "zebra socket PATH, of at most " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes");
  const asio::local::stream_protocol::endpoint endpoint(path);
  const auto [error] = co_await socket_.async_connect(endpoint, kTuple);
  // Where the queue of connections is full the kernel says EAGAIN, which Asio waits for and then takes for success.
  boost::system::error_code unconnected, ignored;
  if (!error) socket_.remote_endpoint(unconnected);
  reached_ = !error;
  if (unconnected) co_return silence("it takes no connection");
  if (error) co_return no_connection(path, error);
  socket_.non_blocking(true, ignored);
  co_return Status();
}

asio::awaitable<Result<RouteSinkInfo>> ZebraClient::greet() {
  fpm::Message hello;
  hello.mutable_hello()->set_protocol(kProtocol);
  hello.mutable_hello()->set_software("berthd " BERTH_VERSION);
  hello.mutable_hello()->set_session(random_session());
  hello.mutable_hello()->set_grace_seconds(options_.grace_seconds);
  hello.mutable_hello()->set_hold_seconds(options_.hold_seconds);
  send(hello);
  timer_.expires_after(kHelloDeadline);
  timer_.async_wait([this](boost::system::error_code ec) {
    if (!ec && !ready_) give_up("it said no Hello for 3 s");
  });
  auto first = co_await receive();
  timer_.cancel();
  if (!first) co_return first.error();
  if (!(*first)->has_hello()) co_return transient("zebra's module did not answer with a Hello");
  const fpm::Hello& answer = (*first)->hello();
  if (!answer.error().empty()) co_return permanent("zebra's module refuses: " + answer.error());
  if (answer.protocol() != kProtocol)
    co_return permanent(
        "zebra's module speaks protocol " + std::to_string(answer.protocol()) + ", berthd " + std::to_string(kProtocol),
        "install berthd and the module of one release");
  window_ = std::clamp(answer.window(), 1u, kMostBatches);
  max_operations_ = std::clamp(answer.max_operations(), 1u, 4000u);
  // A module that does not echo it knows of no Keepalive, and would close at one.
  hold_ = std::chrono::seconds(answer.hold_seconds() ? std::clamp(answer.hold_seconds(), kLeastHold, kMostHold) : 0);
  route_type_ = answer.route_type();
  co_return RouteSinkInfo{answer.frr_version(), answer.software(), answer.route_type()};
}

// Three times in the hold time, and at its end. The timer is on the loop that does the work: a berthd that hangs says nothing.
void ZebraClient::keep_alive() {
  const auto left = heard_ + hold_ - std::chrono::steady_clock::now();
  alive_.expires_after(std::clamp<std::chrono::nanoseconds>(left, 100ms, std::chrono::nanoseconds(hold_) / 3));
  alive_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled || !ready_) return;
    const auto now = std::chrono::steady_clock::now();
    // Who was stopped himself has not listened. What waits in the socket is no silence either.
    if (now - alive_.expiry() > kLate) heard_ = now;
    boost::system::error_code ignored;
    if (now - heard_ >= hold_ && socket_.available(ignored) == 0)
      return give_up("it was silent for " + std::to_string(hold_.count()) + " s");
    fpm::Message message;
    message.mutable_keepalive();
    if (out_.empty()) send(message);  // else there is enough for zebra to read
    keep_alive();
  });
}

void ZebraClient::give_up(std::string why) {
  given_up_ = std::move(why);
  boost::system::error_code ignored;
  socket_.close(ignored);  // its reader ends the session
}

Status ZebraClient::on_message(const fpm::Message& message) {
  if (message.has_bye()) return transient("zebra's module closed: " + message.bye().reason());
  if (message.has_hello() || message.has_batch() || message.has_end_of_sync() || message.has_query())
    return transient("zebra's module sent what only berthd may send");
  if (message.has_sync_done()) {
    synced_ = true;
    listener_.sink_synced(message.sync_done().swept());
    return {};
  }
  if (message.has_keepalive()) return {};
  if (message.has_query_reply()) {
    on_reply(message.query_reply());
    return {};
  }
  if (!message.has_results()) {
    ++counters_["unknownMessages"];  // of a newer module, or an answer to what nobody asked
    return {};
  }
  counters_["answers"] += static_cast<std::uint64_t>(message.results().results_size());
  for (const fpm::Result& in : message.results().results()) {
    const auto decoded = decode(in);
    if (!decoded) return decoded.error();
    if (!*decoded) {
      ++counters_["unknownAnswers"];
      continue;
    }
    const RibAnswer& answer = **decoded;
    // An answer to an older wish, or one that a waiting wish will change, says nothing about what is wanted now.
    const auto wish = wishes_.find(answer.key);
    if (wish != wishes_.end()) {
      if (wish->second.unanswered != 0) {
        if (in.sequence() != wish->second.unanswered) continue;
        settle(std::exchange(wish->second.unanswered, 0));
      }
      if (wish->second.waiting) continue;
      wishes_.erase(wish);
    }
    listener_.sink_answered(answer);
  }
  return {};
}

void ZebraClient::put(const RibObject& object) {
  change(object.key, object);
}
void ZebraClient::remove(const RibKey& key) {
  change(key, std::nullopt);
}

void ZebraClient::change(const RibKey& key, std::optional<RibObject> object) {
  if (!ready_) return;
  auto& entry = *wishes_.try_emplace(key).first;
  if (!std::exchange(entry.second.waiting, true)) queue_.push_back(&entry);
  entry.second.object = std::move(object);
  if (queue_.size() >= max_operations_) return pump();  // zebra works while the rest is still being said
  pump_later();
}

void ZebraClient::pump_later() {
  if (std::exchange(pump_posted_, true)) return;
  asio::post(io_, [this] {
    pump_posted_ = false;
    pump();
  });
}

void ZebraClient::ask(const Prefix& prefix) {
  if (!ready_) return;
  questions_waiting_.emplace_back(asked_[prefix] = ++questions_, prefix);
  pump_later();
}

void ZebraClient::say_questions() {
  const bool any = !questions_waiting_.empty();
  while (!questions_waiting_.empty() && questions_in_flight_.size() < kMostQuestions && out_.size() < kBatchBytes) {
    const auto [number, prefix] = questions_waiting_.front();
    questions_waiting_.pop_front();
    if (const auto last = asked_.find(prefix); last == asked_.end() || last->second != number) continue;
    fpm::Message message;
    message.mutable_query()->set_id(number);
    encode(prefix, message.mutable_query()->mutable_prefix());
    append_frame(out_, message.SerializeAsString());
    questions_in_flight_[number] = prefix;
    ++counters_["questions"];
  }
  if (any) write_some();
}

void ZebraClient::on_reply(const fpm::QueryReply& reply) {
  const auto question = questions_in_flight_.extract(reply.id());
  if (question.empty()) return;
  const Prefix& prefix = question.mapped();
  const auto last = asked_.find(prefix);
  if (last == asked_.end() || last->second != reply.id()) return;  // it was asked once more
  asked_.erase(last);
  RibFound found{prefix, {}, reply.error()};
  for (const fpm::RibEntry& each : reply.entries()) found.routes.push_back(decode(each, route_type_));
  listener_.sink_found(found);
}

void ZebraClient::end_of_sync(std::vector<Prefix> keep) {
  if (!ready_) return;
  keep_ = std::move(keep);
  sync_wanted_ = true;
  pump();
}

void ZebraClient::pump() {
  if (ready_) say_questions();
  while (ready_ && !queue_.empty() && in_flight_.size() < window_ && out_.size() < 4 * kBatchBytes) {
    stream_->out.Reset();
    auto* message = google::protobuf::Arena::CreateMessage<fpm::Message>(&stream_->out);
    fpm::Batch* batch = message->mutable_batch();
    batch->set_sequence(++sequence_);
    std::size_t bytes = 0, n = 0;
    for (; n < max_operations_ && bytes < kBatchBytes && !queue_.empty(); ++n) {
      auto& [key, wish] = *queue_.front();
      queue_.pop_front();
      wish.waiting = false;
      fpm::Operation* operation = batch->add_operations();
      if (wish.object)
        encode_put(*wish.object, operation);
      else
        encode_remove(key, operation);
      bytes += operation->ByteSizeLong() + 4;
      // Of two operations on one key the module answers the later one: the earlier is waited for no longer.
      settle(std::exchange(wish.unanswered, sequence_));
    }
    in_flight_[sequence_] = n;
    counters_["operations"] += n;
    send(*message);
  }
  if (ready_ && sync_wanted_ && queue_.empty()) {
    sync_wanted_ = false;
    fpm::Message message;
    message.mutable_end_of_sync()->set_sequence(sequence_);
    for (const Prefix& prefix : keep_) encode(prefix, message.mutable_end_of_sync()->add_keep());
    send(message);
  }
}

void ZebraClient::settle(std::uint64_t sequence) {
  const auto batch = in_flight_.find(sequence);
  if (batch != in_flight_.end() && --batch->second == 0) in_flight_.erase(batch);
}

void ZebraClient::send(const fpm::Message& message) {
  append_frame(out_, message.SerializeAsString());
  write_some();
}

// What the socket takes at once goes at once: zebra works while the rest is still being said.
void ZebraClient::write_some() {
  boost::system::error_code error;
  std::size_t written = 0;
  while (!error && written < out_.size()) written += socket_.write_some(asio::buffer(out_) + written, error);
  out_.erase(0, written);
  if (error && error != asio::error::would_block) {
    // The session ends by its reader, which this wakes. A module that closed has said why: the reader gets to that first.
    boost::system::error_code ignored;
    if (error != asio::error::broken_pipe) socket_.close(ignored);
    return;
  }
  if (out_.empty() || std::exchange(writing_, true)) return;
  socket_.async_wait(asio::socket_base::wait_write, [this](boost::system::error_code failed) {
    if (failed) return;  // aborted by reset()
    writing_ = false;
    write_some();
    pump();
  });
}

}  // namespace berth
