// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/northbound/northbound_sink.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <filesystem>
#include <sstream>

#include "fpm_bridge/northbound/mgmtd_store.h"
#include "fpm_bridge/northbound/staticd_store.h"
#include "fpm_bridge/vty/frr_shell.h"

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr auto kZebraPatience = 30s;                                    // with an answer of zebra's
constexpr auto kFirstRetry = 100ms, kLastRetry = 2000ms;                // to connect
constexpr auto kFirstHeld = 50ms, kLastHeld = 1000ms, kMoment = 500ms;  // where somebody holds a change up
constexpr auto kFullLook = 60s, kSoon = 5s;
// A daemon that begins anew must have its lists before it tells its peers that it has said all (End-of-RIB, RFC 4724).
constexpr auto kStarting = 30s;
constexpr int kRestOverWait = 10;
constexpr auto kLongestRest = 10s;
constexpr auto kStartingDaemon = 100ms, kAbsentDaemon = 5000ms;
constexpr std::size_t kAtOnce = 200;     // prefixes in one commit: FRR is locked for as long as that takes
constexpr std::size_t kQuestions = 200;  // at once

const std::vector<RibEntry>& entries_of(const Rib& rib, const Prefix& prefix) {
  static const std::vector<RibEntry> kNone;
  const auto at = rib.find(prefix);
  return at == rib.end() ? kNone : at->second;
}

}  // namespace

// The connections of one session.
struct NorthboundSink::Session {
  Session(const asio::any_io_executor& executor, const std::string& folder)
      : zebra(executor, folder + "/zebra.vty"), staticd(executor, folder + "/staticd.vty"), subnets(executor, folder) {}
  FrrShell zebra, staticd;
  std::unique_ptr<ConfigStore> store;
  SubnetLists subnets;
  std::shared_ptr<std::string> ended = std::make_shared<std::string>();  // which daemon; empty: none
  void close() {
    zebra.close();
    staticd.close();
    if (store) store->close();
    subnets.close();
  }
};

NorthboundSink::NorthboundSink(asio::io_context& io, ZebraConfig options, RouteSinkListener& listener)
    : io_(io), options_(std::move(options)), listener_(listener), wake_(io), patience_(kFirstHeld, kLastHeld) {
  mark_.tags = options_.tags;
}

NorthboundSink::~NorthboundSink() = default;

void NorthboundSink::start() {
  asio::co_spawn(io_, run(), asio::detached);
}

void NorthboundSink::stop() {
  stopping_ = true;
  ready_ = false;
  if (session_) session_->close();
  wake();
}

asio::awaitable<void> NorthboundSink::run() {
  Backoff<std::chrono::milliseconds> backoff(kFirstRetry, kLastRetry);
  std::string told;
  while (!stopping_) {
    const Status status = co_await session();
    const bool was_ready = ready_;
    reset();
    if (stopping_) co_return;
    Error why = status.error();
    // A daemon that starts must have its routes soon; a session that was there and came to nothing is no hurry, nor is an FRR that
    // can't be what is needed.
    const bool may_start = !was_ready && why.kind != ErrorKind::Permanent;
    if (std::exchange(synced_, false) || may_start) backoff.reset();
    if (why.remedy.empty())
      why.remedy = "systemctl status frr; zebra northbound FOLDER, in berthd.conf, says where its daemons' sockets are";
    if (was_ready || why.message != told) listener_.sink_lost(why);
    told = why.message;
    woken_ = false;
    wake_.expires_after(backoff.next());
    co_await wake_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

void NorthboundSink::reset() {
  ready_ = sync_wanted_ = whole_wanted_ = single_ = false;
  auto passing = std::move(wishes_.passing);  // what was written to be taken back still is
  wishes_ = {};
  wishes_.passing = std::move(passing);
  subnets_ = {};
  questions_.clear();
  in_question_.clear();
  unanswered_.clear();
  unsaid_routes_.clear();
  unsaid_subnets_.clear();
  watch_.clear();
  told_.clear();
  hiding_.clear();
  swept_ = 0;
  routes_due_ = subnets_due_ = daemons_due_ = full_look_due_ = kNever;
  daemons_ = 0;
  patience_.reset();
  held_since_ = kNever;
  routes_trouble_ = subnets_trouble_ = std::nullopt;
}

asio::awaitable<Status> NorthboundSink::session() {
  Session session(io_.get_executor(), options_.socket);
  session_ = &session;
  Status ended = co_await talk(session);
  session_ = nullptr;
  co_return ended;
}

asio::awaitable<Status> NorthboundSink::talk(Session& session) {
  const std::string& folder = options_.socket;
  Status there = co_await session.zebra.connect(kZebraPatience);
  if (!there) co_return there;
  const auto version = co_await session.zebra.ask("show version", kZebraPatience);
  if (!version) co_return version.error();
  std::error_code ignored;
  if (std::filesystem::exists(folder + "/mgmtd_fe.sock", ignored)) {
    session.store = std::make_unique<MgmtdStore>(io_.get_executor(), folder);
    there = co_await session.staticd.connect(kZebraPatience);
    if (!there) co_return there;
  } else {
    session.store = std::make_unique<StaticdStore>(io_.get_executor(), folder);
  }
  there = co_await session.store->open();
  if (!there) co_return there;
  if (stopping_) co_return transient("berthd stops");
  wishes_.limit = options_.route_limit;
  ready_ = true;
  daemons_since_ = Clock::now();
  full_look_due_ = Clock::now() + kFullLook;
  std::istringstream words(version->text);
  std::string name, number;
  words >> name >> number;
  listener_.sink_connected({number, "northbound of " + session.store->name(), "static"});
  while (!stopping_) {
    Status done = co_await round(session);
    if (!done) co_return done;
    co_await rest(session);
    if (!session.ended->empty()) co_return transient(*session.ended + " has ended");
  }
  co_return transient("berthd stops");
}

// Until something is due, is said, or a daemon ends.
asio::awaitable<void> NorthboundSink::rest(Session& session) {
  if (stopping_ || !questions_.empty()) co_return;
  const auto ends = [this, ended = session.ended](const std::string& daemon) {
    return [this, ended, daemon] {
      *ended = daemon;
      wake();
    };
  };
  session.zebra.watch(ends("zebra"));
  session.staticd.watch(ends("staticd"));
  session.store->watch(ends(session.store->name()));
  session.subnets.watch([this] {
    daemons_since_ = daemons_due_ = Clock::now();
    wake();
  });
  const Time due = std::min({routes_due_, subnets_due_, daemons_due_, full_look_due_, watch_.due()});
  if (!std::exchange(woken_, false) && due > Clock::now()) {
    wake_.expires_at(due);
    co_await wake_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  woken_ = false;
}

void NorthboundSink::wake() {
  woken_ = true;
  wake_.cancel();
}

asio::awaitable<Status> NorthboundSink::round(Session& session) {
  Status done = co_await answer_questions(session);
  if (!done || stopping_) co_return done;
  if (Clock::now() >= std::min(subnets_due_, daemons_due_)) {
    done = co_await set_subnets(session);
    if (!done || stopping_) co_return done;
  }
  if (Clock::now() >= full_look_due_) {
    full_look_due_ = kNever;
    whole_wanted_ = true;
    routes_due_ = std::min(routes_due_, Clock::now());
  }
  if (Clock::now() >= routes_due_) {
    done = co_await set_routes(session);
    if (!done || stopping_) co_return done;
  }
  co_return co_await look(session);
}

// --- what is said ---

void NorthboundSink::changed(const RibKey& key) {
  unanswered_.insert(key);
  unsaid(key.kind).insert(key.prefix);
  watch_.forget(key);  // what is there now is no answer to this
  if (key.kind == RibKind::ConnectedTag) {
    subnets_due_ = std::min(subnets_due_, Clock::now());
  } else {
    wishes_.barred.erase(key.prefix);
    if (held_since_ == kNever)  // else it is due with what is held up
      routes_due_ = std::min(routes_due_, Clock::now() + std::chrono::milliseconds(options_.commit_delay));
  }
  wake();
}

void NorthboundSink::put(const RibObject& object) {
  if (!ready_) return;
  const Prefix& prefix = object.key.prefix;
  mark_.tags.insert(object.tag);
  if (object.key.kind == RibKind::ConnectedTag) {
    subnets_.tags[prefix] = object.tag;
    subnets_.unwanted.erase(prefix);
  } else {
    wishes_.routes[prefix] = {prefix, object.gateway, object.interface.str(), mark_.distance, object.tag, true};
    wishes_.unwanted.erase(prefix);
  }
  changed(object.key);
}

void NorthboundSink::remove(const RibKey& key) {
  if (!ready_) return;
  if (key.kind == RibKind::ConnectedTag) {
    subnets_.tags.erase(key.prefix);
    subnets_.unwanted.insert(key.prefix);
  } else {
    wishes_.routes.erase(key.prefix);
    wishes_.unwanted.insert(key.prefix);
  }
  changed(key);
}

void NorthboundSink::ask(const Prefix& prefix) {
  if (!ready_) return;
  questions_.insert(prefix);
  wake();
}

void NorthboundSink::end_of_sync(std::vector<Prefix> keep) {
  if (!ready_) return;
  wishes_.sweep = subnets_.sweep = sync_wanted_ = whole_wanted_ = true;
  ++syncs_said_;
  wishes_.keep = keep;
  subnets_.keep = std::move(keep);
  routes_due_ = subnets_due_ = Clock::now();
  wake();
}

bool NorthboundSink::idle() const {
  return unanswered_.empty() && questions_.empty() && in_question_.empty() && !sync_wanted_;
}

// --- what is done ---

// Of these prefixes, in one go; of none: all static routes.
asio::awaitable<Result<Rib>> NorthboundSink::rib_of(Session& session, std::vector<Prefix> prefixes) {
  ++counters_["ribLooks"];
  Rib out;
  std::vector<std::string> commands;
  commands.reserve(prefixes.size());
  for (const Prefix& each : prefixes)
    commands.push_back((each.is_v4() ? "show ip route " : "show ipv6 route ") + each.to_string() + " json");
  if (commands.empty()) commands = {"show ip route static json", "show ipv6 route static json"};
  const auto answers = co_await session.zebra.ask_all(std::move(commands), kZebraPatience);
  if (!answers) co_return answers.error();
  for (const FrrAnswer& each : *answers) {
    auto part = read_rib(each.text);
    if (!part) co_return part.error();
    out.merge(*part);
  }
  co_return out;
}

asio::awaitable<Status> NorthboundSink::answer_questions(Session& session) {
  while (!questions_.empty() && !stopping_) {
    while (!questions_.empty() && in_question_.size() < kQuestions)
      in_question_.insert(questions_.extract(questions_.begin()));
    counters_["questions"] += in_question_.size();
    const auto rib = co_await rib_of(session, {in_question_.begin(), in_question_.end()});
    if (!rib) co_return rib.error();
    for (const Prefix& each : std::exchange(in_question_, {}))
      if (!questions_.contains(each))  // else it was asked once more meanwhile
        listener_.sink_found(found_in(each, entries_of(*rib, each), mark_));
  }
  co_return Status();
}

asio::awaitable<Status> NorthboundSink::set_subnets(Session& session) {
  const bool all = Clock::now() >= subnets_due_;
  subnets_due_ = daemons_due_ = kNever;
  std::set<Prefix> said = all ? std::exchange(unsaid_subnets_, {}) : std::set<Prefix>();
  const Time began = Clock::now();
  const SubnetLists::Done done = co_await session.subnets.apply(subnets_, all);
  const Time now = Clock::now();
  // A daemon that hangs takes its time with each try, in which no route can be changed.
  const auto rest = std::min<Clock::duration>(kRestOverWait * (now - began), kLongestRest);
  daemons_ = done.daemons;
  const Status& wrong = done.refused ? done.silent : done.refused;
  if (!wrong) {
    unsaid_subnets_.merge(said);
    subnets_due_ = now + std::max<Clock::duration>(kLastHeld, rest);
  }
  trouble(routes_trouble_, wrong ? std::nullopt : std::optional(wrong.error()));
  // One that does not run may come.
  if (!subnets_.tags.empty() || !subnets_.unwanted.empty())
    daemons_due_ =
        now + std::max<Clock::duration>(now - daemons_since_ < kStarting ? kStartingDaemon : kAbsentDaemon, rest);
  for (const Prefix& each : said) follow({RibKind::ConnectedTag, each});
  co_return Status();
}

// A step, or several: what was written for the sake of taking it back is taken back in the next one.
asio::awaitable<Status> NorthboundSink::set_routes(Session& session) {
  const bool whole = whole_wanted_;
  const std::uint64_t said = syncs_said_;
  Rib rib;
  if (whole) {
    auto listed = co_await rib_of(session, {});
    if (!listed) co_return listed.error();
    rib = std::move(*listed);
  }
  routes_due_ = kNever;
  const auto plan = co_await step(session, rib);
  if (!plan) co_return plan.error();
  if (!*plan) co_return Status();
  swept_ += static_cast<std::uint32_t>((*plan)->swept);
  const bool again = (*plan)->later > 0 || std::ranges::any_of((*plan)->add, [&](const StaticRoute& each) {
                       return !wishes_.routes.contains(each.prefix) || wishes_.passing.contains(each);
                     });
  if (again) {
    routes_due_ = Clock::now();
    co_return Status();
  }
  single_ = false;
  if (whole) {
    whole_wanted_ = said != syncs_said_;
    wishes_.barred.clear();
    full_look_due_ = Clock::now() + kFullLook;
    subnets_due_ = Clock::now();
    for (const auto& [prefix, wanted] : wishes_.routes)
      if (!(*plan)->refused.contains(prefix) && !unsaid_routes_.contains(prefix))
        watch_.look_at({RibKind::Route, prefix}, Clock::now());
    for (const auto& [prefix, tag] : subnets_.tags)
      if (!unsaid_subnets_.contains(prefix)) watch_.look_at({RibKind::ConnectedTag, prefix}, Clock::now());
  }
  if (sync_wanted_ && said == syncs_said_) {  // else another end was said meanwhile
    sync_wanted_ = false;
    synced_ = true;
    listener_.sink_synced(std::exchange(swept_, 0));
  }
  co_return Status();
}

// Nothing: somebody holds it up, or FRR refuses it; it is due again.
asio::awaitable<Result<std::optional<StaticPlan>>> NorthboundSink::step(Session& session, const Rib& rib) {
  const auto have = co_await session.store->read();
  if (!have) {
    if (have.error().kind != ErrorKind::Stale) co_return have.error();
    held(have.error());
    co_return std::optional<StaticPlan>();
  }
  std::vector<StaticRoute> strays = ours_in(rib, mark_);
  // What was taken back just now may be there for a moment.
  std::erase_if(strays, [&](const StaticRoute& each) {
    return watch_.is_on_its_way({RibKind::Route, each.prefix}, Clock::now());
  });
  StaticPlan plan = plan_static_routes(*have, strays, wishes_, mark_, single_ ? 1 : kAtOnce);
  displace(plan, *have);
  const std::set<Prefix> said =
      std::exchange(unsaid_routes_, {});  // what comes while this is under way is said after it
  Status done;
  if (!plan.empty()) {
    ++counters_["commits"];
    counters_["operations"] += plan.add.size() + plan.remove.size();
    done = co_await session.store->commit(plan);
  }
  if (!done && done.error().kind == ErrorKind::Transient) co_return done.error();
  if (!done) {
    unsaid_routes_.insert(said.begin(), said.end());
    if (done.error().kind == ErrorKind::Stale)
      held(done.error());
    else
      bar(plan, done.error());
    co_return std::optional<StaticPlan>();
  }
  patience_.reset();
  held_since_ = kNever;
  trouble(std::nullopt, subnets_trouble_);
  settle(plan, said);
  co_return std::optional<StaticPlan>(plan);
}

// Beside ours a route is written that takes the place of what is left; the next step takes it back.
void NorthboundSink::displace(StaticPlan& plan, const std::vector<StaticRoute>& have) {
  std::erase_if(wishes_.passing, [&](const StaticRoute& each) { return std::ranges::find(have, each) == have.end(); });
  const std::set<Prefix> changed = plan.changed();
  std::erase_if(hiding_, [&](const auto& each) {
    const StaticRoute& left = each.second;
    return !wishes_.routes.contains(left.prefix) || plan.refused.contains(left.prefix) ||
           changed.contains(left.prefix) || std::ranges::any_of(have, [&](const StaticRoute& other) {
             return other.prefix == left.prefix && other.distance == left.distance;
           });
  });
  for (auto& [prefix, left] : hiding_) {
    plan.add.push_back(left);
    wishes_.passing.insert(left);
  }
  hiding_.clear();
}

void NorthboundSink::settle(const StaticPlan& plan, const std::set<Prefix>& said) {
  std::set<Prefix> changed = plan.changed();
  changed.insert(said.begin(), said.end());
  for (const Prefix& each : changed)
    if (!plan.refused.contains(each)) follow({RibKind::Route, each});
  for (const auto& [prefix, why] : plan.refused) {
    if (unsaid_routes_.contains(prefix)) continue;
    watch_.forget({RibKind::Route, prefix});
    tell({{RibKind::Route, prefix}, RibState::Rejected, why});
  }
}

// FRR does not take it: of several, which one is found out; a single one stays as it is until something else is said of it.
void NorthboundSink::bar(const StaticPlan& plan, const Error& why) {
  const std::set<Prefix> changed = plan.changed();
  if (changed.size() == 1) wishes_.barred[*changed.begin()] = why.message;
  single_ = changed.size() > 1 || plan.later > 0;
  routes_due_ = Clock::now();
}

void NorthboundSink::held(const Error& why) {
  // Somebody was quicker: there is another difference now.
  if (why.message.empty()) {
    routes_due_ = Clock::now();
    return;
  }
  routes_due_ = Clock::now() + patience_.next();
  ++counters_["heldUp"];
  if (held_since_ == kNever) held_since_ = Clock::now();
  // FRR's own daemons lock for a moment when they start, and so does each change.
  if (Clock::now() - held_since_ >= kMoment) trouble(why, subnets_trouble_);
}

// What is told of both is that which holds more up.
void NorthboundSink::trouble(std::optional<Error> routes, std::optional<Error> subnets) {
  const auto text = [&] {
    return routes_trouble_ ? routes_trouble_->message : subnets_trouble_ ? subnets_trouble_->message : std::string();
  };
  const std::string before = text();
  routes_trouble_ = std::move(routes);
  subnets_trouble_ = std::move(subnets);
  if (text() != before) listener_.sink_troubled(routes_trouble_ ? routes_trouble_ : subnets_trouble_);
}

// --- what became of it ---

// A change that FRR was not told of comes first.
void NorthboundSink::follow(const RibKey& key) {
  if (!unsaid(key.kind).contains(key.prefix)) watch_.follow(key, Clock::now());
}

void NorthboundSink::tell(const RibAnswer& answer) {
  const bool asked = unanswered_.erase(answer.key) > 0;
  const auto [at, fresh] = told_.try_emplace(answer.key, answer.state, answer.reason);
  const std::pair<RibState, std::string> now{answer.state, answer.reason};
  const bool same = !fresh && at->second == now;
  if (answer.state == RibState::Gone)
    told_.erase(at);
  else
    at->second = now;
  if (asked || !same) listener_.sink_answered(answer);
}

asio::awaitable<Status> NorthboundSink::look(Session& session) {
  const RibWatch::Questions questions = watch_.questions(Clock::now());
  if (!questions.together.empty()) {
    const auto rib = co_await rib_of(session, {});
    if (!rib) co_return rib.error();
    for (const RibKey& each : questions.together) judge(each, entries_of(*rib, each.prefix));
  }
  if (!questions.alone.empty()) {
    const auto rib = co_await rib_of(session, questions.alone);
    if (!rib) co_return rib.error();
    for (const Prefix& each : questions.alone)
      for (const RibKind kind : {RibKind::Route, RibKind::ConnectedTag}) judge({kind, each}, entries_of(*rib, each));
  }
  co_return Status();
}

void NorthboundSink::judge(const RibKey& key, const std::vector<RibEntry>& entries) {
  if (!watch_.follows(key)) return;  // it was changed while zebra was asked
  RibAnswer answer{key, RibState::Gone, {}};
  if (key.kind == RibKind::ConnectedTag) {
    if (subnets_.tags.contains(key.prefix)) answer = judge_connected(key.prefix, entries);
    if (answer.state == RibState::Installed && daemons_ == 0)
      answer = {key, RibState::Accepted, "neither bgpd nor ospfd, ospf6d nor isisd runs"};
  } else if (const auto wanted = wishes_.routes.find(key.prefix); wanted != wishes_.routes.end()) {
    answer = judge_route(wanted->second, entries);
    if (const auto left = left_before(wanted->second, entries); left && answer.state == RibState::NotBest) {
      hiding_.insert_or_assign(key.prefix, *left);
      routes_due_ = std::min(routes_due_, Clock::now());
    }
  } else if (has_ours(entries, mark_)) {
    answer = {key, RibState::Accepted, "it is taken back, and zebra still has it"};
  }
  const bool arrived = answer.state == RibState::Installed || answer.state == RibState::Gone;
  if (!watch_.seen(key, arrived, Clock::now())) return;
  if (answer.state == RibState::Gone) wishes_.unwanted.erase(key.prefix);
  // staticd has what mgmtd's configuration has not: mgmtd began anew.
  if (!arrived && key.kind == RibKind::Route && !wishes_.routes.contains(key.prefix))
    full_look_due_ = std::min(full_look_due_, Clock::now() + kSoon);
  tell(answer);
}

}  // namespace berth
