// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/northbound/mgmtd_store.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <utility>

#include "core/names.h"

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace berth {
namespace {

using mgmtd::Datastore;
using mgmtd::EditOperation;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr auto kMgmtdPatience = 60s;  // mgmtd does one thing at a time, and ten thousand routes are seconds
constexpr char kWhose[] = "vtysh -c 'show mgmt frontend-adapter all' lists the sessions and their locks";

// Of an error in answer to a change or a lock.
Error refused(const mgmtd::Reply& reply) {
  if (reply.error != EBUSY) return permanent("mgmtd refuses the change: " + reply.text);
  return {ErrorKind::Stale, "FRR's configuration is locked by another session (" + reply.text + ")", kWhose};
}

}  // namespace

MgmtdStore::MgmtdStore(const asio::any_io_executor& executor, const std::string& folder)
    : socket_(folder + "/mgmtd_fe.sock"), stream_(executor) {}

asio::awaitable<Status> MgmtdStore::open() {
  if (socket_.size() > kLongestSocketPath) co_return permanent("the path of the socket is too long: " + socket_);
  const asio::local::stream_protocol::endpoint endpoint(socket_);
  const auto [error] = co_await stream_.ask(kMgmtdPatience).async_connect(endpoint, kTuple);
  stream_.done();
  if (error == asio::error::access_denied)
    co_return permanent("berthd may not connect to " + socket_ + " (" + error.message() + ")",
                        "run berthd as root: the socket is frr's alone, its group is not let in");
  if (error) co_return transient("mgmtd does not listen at " + socket_ + ": " + error.message());
  auto session = co_await exchange(mgmtd::session_request(++request_, "berthd"));
  if (!session) co_return session.error();
  if (session->code != mgmtd::Code::SessionReply)
    co_return permanent("mgmtd gives no session: " + session->text,
                        "FRR 10.2 or newer is needed, or one without mgmtd");
  session_ = session->head.session;
  auto revision = co_await data(Datastore::Operational, mgmtd::kState, std::string(kStaticRevisionPath));
  if (!revision) co_return revision.error();
  const auto schema = static_schema(*revision);
  if (!schema) co_return schema.error();
  schema_ = *schema;
  co_return Status();
}

asio::awaitable<Result<mgmtd::Reply>> MgmtdStore::exchange(std::string frame) {
  const std::uint64_t request = request_;
  WatchedStream::Stream& stream = stream_.ask(kMgmtdPatience);
  const auto [unwritten, written] = co_await asio::async_write(stream, asio::buffer(frame), kTuple);
  if (unwritten) co_return transient("the connection to mgmtd ended: " + unwritten.message());
  std::string bytes(65536, '\0'), text;
  for (;;) {
    auto next = frames_.next();
    if (!next) co_return next.error();
    if (*next) {
      mgmtd::Reply& reply = **next;
      // FRR 10.3 was seen to answer once more what it had refused.
      if (reply.head.request != request) continue;
      if (reply.code == mgmtd::Code::TreeData) reply.text = text + reply.text;
      if (reply.code == mgmtd::Code::TreeData && reply.more) {
        text = std::move(reply.text);
        continue;
      }
      stream_.done();
      co_return std::move(reply);
    }
    const auto [unread, read] = co_await stream.async_read_some(asio::buffer(bytes), kTuple);
    if (unread) co_return transient("the connection to mgmtd ended: " + unread.message());
    frames_.feed({bytes.data(), read});
  }
}

asio::awaitable<Result<std::string>> MgmtdStore::data(Datastore where, std::uint8_t what, std::string xpath) {
  auto reply = co_await exchange(mgmtd::get_request(head(), where, what, xpath));
  if (!reply) co_return reply.error();
  if (reply->code != mgmtd::Code::TreeData) co_return transient("mgmtd does not show " + xpath + ": " + reply->text);
  if (reply->error) co_return transient("mgmtd shows a part of " + xpath + " alone");
  co_return std::move(reply->text);
}

asio::awaitable<Status> MgmtdStore::lock(Datastore where, bool on) {
  auto reply = co_await exchange(mgmtd::lock_request(head(), where, on));
  if (!reply) co_return reply.error();
  if (reply->code != mgmtd::Code::LockReply) co_return refused(*reply);
  locked_[where == Datastore::Two] = on;
  co_return Status();
}

asio::awaitable<Status> MgmtdStore::unlock() {
  for (const Datastore each : {Datastore::Two, Datastore::One}) {
    if (!locked_[each == Datastore::Two]) continue;
    Status done = co_await lock(each, false);
    if (!done && done.error().kind != ErrorKind::Transient)
      co_return transient("mgmtd keeps a lock: " + done.error().message);
    if (!done) co_return done;
  }
  co_return Status();
}

// The text of the running configuration, where the candidate is the same.
asio::awaitable<Result<std::string>> MgmtdStore::settled() {
  auto one = co_await data(Datastore::One, mgmtd::kConfig, "/*");
  if (!one) co_return one.error();
  auto two = co_await data(Datastore::Two, mgmtd::kConfig, "/*");
  if (!two) co_return two.error();
  if (*one == *two) co_return std::move(*one);
  co_return Error{ErrorKind::Stale, "somebody has changes in FRR's candidate configuration that are not committed",
                  kWhose};
}

asio::awaitable<Result<std::vector<StaticRoute>>> MgmtdStore::read() {
  auto text = co_await settled();
  if (!text) co_return text.error();
  auto tree = read_static_tree(*text);
  if (!tree) co_return tree.error();
  text_ = std::move(*text);
  tree_ = std::move(*tree);
  co_return tree_.routes;
}

asio::awaitable<Status> MgmtdStore::edit(EditOperation operation, std::string xpath, std::string body) {
  auto reply = co_await exchange(
      mgmtd::edit_request(head(), Datastore::One, operation, mgmtd::kLock | mgmtd::kCommit, xpath, body));
  if (!reply) co_return reply.error();
  if (reply->code != mgmtd::Code::EditReply) co_return refused(*reply);
  co_return Status();
}

// The candidate is found by its behaviour: the running configuration takes no edit without a commit.
asio::awaitable<Status> MgmtdStore::edit_candidate(std::string removal) {
  for (int tries = 0;; ++tries) {
    auto reply =
        co_await exchange(mgmtd::edit_request(head(), candidate_, EditOperation::Remove, mgmtd::kLock, removal, {}));
    if (!reply) co_return reply.error();
    if (reply->code == mgmtd::Code::EditReply) co_return Status();
    if (reply->error != EINVAL || tries == 1) co_return refused(*reply);
    candidate_ = candidate_ == Datastore::One ? Datastore::Two : Datastore::One;
  }
}

asio::awaitable<Status> MgmtdStore::commit(StaticPlan plan) {
  if (schema_ == StaticSchema::Flat) co_return co_await commit_flat(plan);
  co_return co_await commit_nested(plan);
}

// Always one edit: what is left in the candidate would outlive this session there. Many removals one by one would each copy the whole
// candidate: the whole is replaced, under a lock, since what somebody commits meanwhile would be lost.
asio::awaitable<Status> MgmtdStore::commit_flat(const StaticPlan& plan) {
  std::string path(kStaticPath);
  if (plan.remove.empty()) co_return co_await edit(EditOperation::Merge, path, static_merge(plan.add, schema_));
  if (plan.remove.size() == 1 && plan.add.empty()) {
    std::string one = static_removals(plan.remove, tree_, schema_).front();
    co_return co_await edit(EditOperation::Remove, one, {});
  }
  Status done;
  for (const Datastore each : {Datastore::One, Datastore::Two})
    if (done) done = co_await lock(each, true);
  if (done) {
    const auto now = co_await settled();
    if (!now)
      done = now.error();
    else if (*now != text_)
      done = stale("");
    else
      done = co_await edit(EditOperation::Replace, path, static_replacement(tree_, plan));
  }
  const Status unlocked = co_await unlock();
  co_return unlocked ? done : unlocked;
}

// All but the last in the candidate, which goes with this session if that ends in between. A prefix whose routes are gone stays as an
// empty list, which nobody sees: those that were emptied here are taken out with the next change.
asio::awaitable<Status> MgmtdStore::commit_nested(const StaticPlan& plan) {
  std::vector<std::string> removals = static_removals(plan.remove, tree_, schema_);
  const std::set<std::string> empty(tree_.empty_lists.begin(), tree_.empty_lists.end());
  std::erase_if(emptied_, [&](const std::string& each) { return !empty.contains(each); });
  removals.insert(removals.end(), emptied_.begin(), emptied_.end());
  for (const StaticRoute& each : plan.remove) emptied_.insert(static_list(each.prefix));
  std::string last;
  if (plan.add.empty() && !removals.empty()) {
    last = std::move(removals.back());
    removals.pop_back();
  }
  bool changed = false;
  for (std::string& each : removals) {
    const Status done = co_await edit_candidate(std::move(each));
    if (!done && changed) co_return transient("mgmtd took a part of a change: " + done.error().message);
    if (!done) co_return done;
    changed = true;
  }
  Status done;
  std::string path(kStaticPath);
  if (last.empty())
    done = co_await edit(EditOperation::Merge, path, static_merge(plan.add, schema_));
  else
    done = co_await edit(EditOperation::Remove, last, {});
  if (!done && changed) co_return transient("mgmtd took a part of a change: " + done.error().message);
  co_return done;
}

}  // namespace berth
