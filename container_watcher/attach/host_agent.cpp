// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/host_agent.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "container_watcher/attach/address_probes.h"
#include "container_watcher/attach/bridge_ports.h"
#include "container_watcher/attach/inner_ends.h"
#include "container_watcher/attach/return_path.h"
#include "container_watcher/attach/vxlan_entries.h"
#include "container_watcher/netlink/executor.h"
#include "container_watcher/netlink/observer.h"
#include "core/names.h"

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr auto kCoalesce = 20ms;  // a container's start is a burst of changes
constexpr int kRestFactor = 4;    // of the time that a look took: under a storm of changes we take a fifth of a core
constexpr auto kSafetyLook = 60s;
constexpr auto kBlindLook = 5s;  // where the kernel does not notify us
constexpr auto kDockerRecheck = 200ms;
// How long what the rules drop may be a state that passes, however long a rebuild takes; also where Docker is away or just
// came and what drops is its own. Rules that never rest (kube-proxy, fail2ban) wear this out.
constexpr auto kMostPatience = 60s;
constexpr auto kRuntimeRests = 5s;
constexpr std::size_t kMostWaitedFor = 16;  // containers of a network, each held back for itself, that are told
constexpr auto kBind = 500ms;  // until a new endpoint is looked for among the ports, where nothing else asks for a look
constexpr auto kLasting = 1s;  // an ordinary stop takes a port away before the runtime tells of it

// What holds an endpoint back is told before what does not.
void note(std::map<EndpointKey, Problem>* endpoints, const EndpointKey& key, const Problem& problem) {
  const auto [at, fresh] = endpoints->try_emplace(key, problem);
  if (!fresh && !at->second.blocks && problem.blocks) at->second = problem;
}

// Told at nine tenths.
std::optional<Problem> nearly_full(const MacParent& parent) {
  const std::uint64_t count = parent.macs.size();
  if (parent.limit == 0 || count * 10 < parent.limit * std::uint64_t{9}) return {};
  return Problem{"mac-limit",
                 parent.name + " carries nine tenths or more of the " + std::to_string(parent.limit) +
                     " MAC addresses that are allowed; containers beyond are not advertised",
                 "mac-limit N, in berthd.conf, if its switch learns so many; stop what is not needed", false};
}

// Shown, and not acted upon yet.
Problem waited_for(Problem problem) {
  problem.blocks = false;
  problem.waited_for = true;
  problem.text += "; berthd waits whether that passes by itself";
  return problem;
}

}  // namespace

struct HostAgent::Look {
  std::set<IpAddress> addresses;
  Findings findings;
  std::map<EndpointKey, Problem> endpoints;
  std::map<std::string, HostParent> parents;    // by network
  std::map<std::string, HostOverlay> overlays;  // by network
  std::map<std::string, Status> repeated;       // by interface
  Clock::duration took{};
  bool seen = false;      // the host's state was read, now or before
  unsigned failures = 0;  // in a row, of reading it
  std::string failure;
  unsigned entries_written = 0;
  bool again = false;        // something is left to do, or waited for
  std::uint64_t number = 0;  // of the order that it answers
};

// Shared with the thread: it may outlive a stopped agent by one look.
struct HostAgent::Worker {
  struct Order {
    WantedHost wanted;
    std::uint64_t number = 0;
    std::set<std::string> repeats;
  };
  Worker(std::shared_ptr<PortBook> the_book, DriverLookup drivers)
      : book(std::move(the_book)), keeper(observer, executor, std::move(drivers)) {}
  const std::shared_ptr<PortBook> book;
  std::mutex mutex;
  std::condition_variable wake;
  std::optional<Order> order;  // under the mutex
  bool stop = false;           // under the mutex
  std::thread thread;

  // The thread's own.
  KernelObserver observer;
  KernelExecutor executor;
  HostKeeper keeper;
  BridgePorts ports{observer};
  InnerEnds inner{observer};
  ReturnPaths paths{observer};
  AddressProbes probes{open_probe};
  VxlanEntries entries{observer, executor};
  unsigned failures = 0;

  using Sites = std::map<std::string, NetworkSite>;  // by NetworkConfig::name

  // Parents of macvlans, with the MAC addresses that they carry. One that can't be read is not judged.
  std::map<std::string, MacParent> parents(const Sites& sites, HostAgent::Look* look) {
    std::map<std::string, MacParent> out;
    for (auto& [name, finding] : look->findings.sites) {
      const NetworkSite& site = sites.at(name);
      if (site.parent.empty()) continue;
      const HostLink* link = keeper.state().find(site.parent);
      HostParent& told = look->parents[name];
      told.name = site.parent;
      told.limit = site.mac_limit;
      if (link) told.there = true, told.up = link->up, told.carrier = link->carrier;
      auto table = link ? observer.fdb(link->name, {}) : Result<std::vector<FdbEntry>>(stale(""));
      if (!table) continue;
      MacParent& parent = out[name];
      parent = {link->index, link->name, {link->mac},   site.mac_limit,
                link->mac,   link->up,   link->carrier, link->alias.starts_with(kMark)};
      for (const FdbEntry& each : *table)
        if (!each.of_bridge && !is_multicast(each.mac)) parent.macs.insert(each.mac);
      told.macs = parent.macs.size();
      if (auto problem = nearly_full(parent)) finding.verdict.problems.push_back(std::move(*problem));
    }
    return out;
  }

  // What was heard until now; what is new among them is asked for by the turn that follows the look.
  void look_at_addresses(const std::map<std::string, MacParent>& parents, HostAgent::Look* look) {
    probes.set(parents, parents.empty() ? std::vector<ParentEndpoint>() : book->on_parents(), Clock::now());
    for (const auto& [key, problem] : probes.refused()) note(&look->endpoints, key, problem);
    for (const AddressClash& each : probes.clashes())
      look->parents[each.network].clashes.push_back({each.container, each.address, mac_text(each.mac)});
    for (const auto& [name, parent] : parents)
      if (auto problem = probes.failure(parent.index))
        look->findings.sites.at(name).verdict.problems.push_back(std::move(*problem));
  }

  void look_at_endpoints(const WantedHost& wanted, HostAgent::Look* look) {
    const Sites& sites = wanted.sites;
    const HostState& state = keeper.state();
    std::map<std::string, int> bridges;
    std::set<int> indices;
    for (const auto& [name, finding] : look->findings.sites)
      if (const HostLink* link =
              finding.up && sites.at(name).parent.empty() ? state.find(finding.interface) : nullptr) {
        bridges[name] = link->index;
        indices.insert(link->index);
      }
    bool more = false;
    const std::map<std::string, MacParent> carried = parents(sites, look);
    look->endpoints = book->look(state, bridges, ports.read(state, indices, *book, &more), carried);
    write_entries(wanted, look);
    inner.look(state, *book, &more);
    look_at_addresses(carried, look);
    const auto sources = [this](const std::vector<firewall::Leaving>& all) { return keeper.sources_of(all); };
    for (const auto& [key, problem] : paths.look(state, book->forked(), sources, &more))
      note(&look->endpoints, key, problem);
    look->again = look->again || more;
  }

  // As soon as a container's port is known: until then it is reached from nowhere.
  void write_entries(const WantedHost& wanted, HostAgent::Look* look) {
    std::vector<const NetworkSite*> sites;
    for (const auto& [name, finding] : look->findings.sites)
      if (const NetworkSite& site = wanted.sites.at(name); !site.tunnel.empty()) sites.push_back(&site);
    auto found = entries.look(sites, wanted.segments, keeper.state(), *book, wanted.sweep);
    for (const auto& [key, problem] : found.problems) note(&look->endpoints, key, problem);
    for (auto& [name, problems] : found.networks)
      for (Problem& each : problems) look->findings.sites.at(name).verdict.problems.push_back(std::move(each));
    look->overlays = std::move(found.overlays);
    look->entries_written = found.written;
    look->again = look->again || found.again;
  }

  HostAgent::Look look(const Order& order) {
    HostAgent::Look out;
    const auto begin = Clock::now();
    const Status read = keeper.observe(order.wanted);
    failures = read ? 0 : failures + 1;
    if (!read) out.failure = read.error().message;
    if (keeper.seen()) {
      if (keeper.apply(keeper.plan(order.wanted))) static_cast<void>(keeper.observe_again(order.wanted));
      out.findings = keeper.judge(order.wanted);
      out.again = out.findings.again;
      look_at_endpoints(order.wanted, &out);
    }
    for (const std::string& interface : order.repeats)
      out.repeated.emplace(interface, executor.apply(RepeatAddresses{interface}));
    out.seen = keeper.seen();
    out.failures = failures;
    out.addresses = keeper.state().addresses;
    out.number = order.number;
    out.took = Clock::now() - begin;
    return out;
  }

  // `probed`: what was counted, and whether something is to be told.
  template <class Deliver, class Probed>
  void run(const Deliver& deliver, const Probed& probed) {
    while (true) {
      std::optional<Order> next;
      {
        std::unique_lock lock(mutex);
        const auto called = [&] { return stop || order; };
        if (const auto due = probes.due())
          wake.wait_until(lock, *due, called);
        else
          wake.wait(lock, called);
        if (stop) return;
        next = std::exchange(order, {});
      }
      if (next) {
        deliver(look(*next));
        continue;
      }
      const bool news = probes.turn(Clock::now());
      if (const AddressProbes::Counts counts = probes.take_counts(); news || counts != AddressProbes::Counts())
        probed(counts, news);
    }
  }
};

HostAgent::HostAgent(asio::io_context& io, Listener listener, DriverLookup drivers)
    : io_(io),
      listener_(std::move(listener)),
      drivers_(std::move(drivers)),
      watch_(io, {HostChange::Links, HostChange::Addresses, HostChange::Forwarding, HostChange::Rules},
             [this](const Watch::Counts& counts) {
               counters_.notifications = counts.notifications;
               counters_.overruns = counts.overruns;
               look_after_rest();
             }),
      routes_{Watch(io, {HostChange::Routes}, [this](const Watch::Counts&) { look_after_rest(); })},
      neighbours_{Watch(io, {HostChange::Neighbours}, [this](const Watch::Counts&) { look_after_rest(); })},
      soon_(io),
      slow_(io),
      book_(std::make_shared<PortBook>()) {}

HostAgent::~HostAgent() {
  stop();
}

void HostAgent::start() {
  if (!stopped_) return;
  stopped_ = false;
  blind_ = !watch_.start();
  follow();
  worker_ = std::make_shared<Worker>(book_, drivers_);
  // The handler holds the worker weakly: after stop() there is nobody to tell.
  auto deliver = [this, &io = io_, weak = std::weak_ptr(worker_)](Look look) {
    asio::post(io, [this, weak, look = std::move(look)]() mutable {
      if (const auto worker = weak.lock(); worker && worker == worker_) found(std::move(look));
    });
  };
  auto probed = [this, &io = io_, weak = std::weak_ptr(worker_)](const AddressProbes::Counts& counts, bool news) {
    asio::post(io, [this, weak, counts, news] {
      if (weak.lock() != worker_ || !worker_) return;
      counters_.address_probes += counts.probes;
      counters_.address_clashes += counts.clashes;
      counters_.address_probes_failed += counts.failed;
      if (news) look_soon(0ms);
    });
  };
  worker_->thread = std::thread([worker = worker_.get(), deliver, probed] { worker->run(deliver, probed); });
  look_soon(0ms);
}

void HostAgent::stop() {
  if (stopped_) return;
  stopped_ = true;
  watch_.stop();
  follow();
  soon_.cancel();
  slow_.cancel();
  {
    const std::lock_guard lock(worker_->mutex);
    worker_->stop = true;
  }
  worker_->wake.notify_one();
  worker_->thread.join();
  worker_.reset();
  busy_ = soon_armed_ = false;
}

// Where the kernel does not let us listen, the look once a minute finds them.
void HostAgent::follow(Followed* what, bool wanted) {
  wanted = wanted && !stopped_;
  if (what->on == wanted) return;
  what->on = wanted;
  if (!wanted || !what->watch.start()) what->watch.stop();
}

void HostAgent::follow() {
  const auto any = [this](const auto& is) {
    return std::ranges::any_of(wanted_.sites, [&](const auto& each) { return is(each.second); });
  };
  follow(&routes_, any([](const NetworkSite& each) { return each.spread; }));
  follow(&neighbours_, any([](const NetworkSite& each) { return !each.tunnel.empty(); }));
}

void HostAgent::look_after_rest() {
  look_soon(std::max<Clock::duration>(kCoalesce, last_took_ * kRestFactor));
}

void HostAgent::look_soon(Clock::duration delay) {
  const auto at = Clock::now() + delay;
  if (stopped_ || (soon_armed_ && soon_at_ <= at)) return;
  soon_armed_ = true;
  soon_at_ = at;
  soon_.expires_at(at);
  soon_.async_wait([this](boost::system::error_code error) {
    if (error || stopped_) return;
    soon_armed_ = false;
    ask();
  });
}

void HostAgent::ask() {
  if (busy_) {
    again_ = true;
    return;
  }
  busy_ = true;
  ++counters_.looks;
  {
    const std::lock_guard lock(worker_->mutex);
    worker_->order.emplace(Worker::Order{wanted_, wanted_number_, std::exchange(repeats_, {})});
  }
  worker_->wake.notify_one();
  slow_.expires_after(blind_ ? Clock::duration(kBlindLook) : Clock::duration(kSafetyLook));
  slow_.async_wait([this](boost::system::error_code error) {
    if (!error) look_soon(0ms);
  });
}

// As long as the rules move they are being rewritten; at rest they may drop for the time of `firewall patience`. Docker
// that is away or just came is still to write its own.
bool HostAgent::may_pass(Clock::time_point since, bool docker_writes) {
  const auto now = Clock::now();
  if (patience_ == 0s || now - since >= kMostPatience) return false;
  if (now - rules_moved_ < patience_)
    look_soon(rules_moved_ + patience_ - now);
  else if (docker_writes && (!runtime_here_ || now - runtime_came_ < kRuntimeRests))
    look_soon(kDockerRecheck);
  else
    return false;
  return true;
}

template <class Key>
bool HostAgent::hold_back(std::map<Key, Clock::time_point>* bad_since, const Key& key, bool docker_writes) {
  const auto [since, fresh] = bad_since->try_emplace(key, Clock::now());
  if (!may_pass(since->second, docker_writes)) {
    bad_since->erase(since);
    return false;
  }
  if (fresh) ++counters_.held_back;
  return true;
}

// Firewalls are reloaded in many steps, with a policy that drops in between; what was good is not withdrawn for a state that
// passes. Packets that are dropped meanwhile are sent again. NAT counts at once: no rebuild needs it, and a connection that
// begins under it keeps the false source as long as it lives, after the rule is gone.
void HostAgent::be_patient(const std::string& network, NetworkHealth* health, bool docker_writes) {
  const auto before = last_.health.find(network);
  for (const auto& [family, any] :
       {std::pair(Family::V4, *Prefix::parse("0.0.0.0/0")), std::pair(Family::V6, *Prefix::parse("::/0"))}) {
    const auto drops = [of = family](const Problem& each) {
      return each.blocks && each.family == of && each.code == "firewall-drops";
    };
    NetworkHealth without = *health;
    std::erase_if(without.problems, drops);
    // Held back is what alone stands against a family that was good.
    if (before == last_.health.end() || !before->second.advertisable(any) || health->advertisable(any) ||
        !without.advertisable(any)) {
      dropped_since_.erase({network, family});
      continue;
    }
    if (!hold_back(&dropped_since_, {network, family}, docker_writes)) continue;
    for (Problem& each : health->problems)
      if (drops(each)) each = waited_for(std::move(each));
  }
}

// The same for the addresses of single containers, with those that are hidden by NAT.
void HostAgent::note_closed(Look* look) {
  for (auto& [name, finding] : look->findings.sites) {
    auto& closed = finding.verdict.closed;
    std::erase_if(closed_since_, [&, of = name](const auto& each) {
      return each.first.first == of &&
             std::ranges::none_of(closed, [&](const auto& now) { return now.first == each.first.second; });
    });
    std::vector<std::pair<Prefix, Problem>> held_back;
    if (const auto before = closed_.find(name); before != closed_.end())
      std::erase_if(closed, [&, of = name](const auto& each) {
        if (each.second.code != "firewall-drops" ||
            std::ranges::any_of(before->second, [&](const Prefix& was) { return was.contains(each.first); }) ||
            !hold_back(&closed_since_, {of, each.first}, false))
          return false;
        held_back.push_back(each);
        return true;
      });
    std::vector<Prefix>& now = closed_[name];
    now.clear();
    for (const auto& [prefix, problem] : closed) now.push_back(prefix);
    // Where nothing of a network is reached, neither is its subnet.
    std::map<Family, Problem> none_left;
    for (const auto& [key, problem] : book_->closed(name, closed, &none_left)) note(&look->endpoints, key, problem);
    for (auto& [family, problem] : none_left) finding.verdict.problems.push_back(std::move(problem));
    std::map<Family, Problem> none_left_soon;
    std::size_t told = 0;
    for (auto& [key, problem] : book_->closed(name, held_back, &none_left_soon))
      if (told++ < kMostWaitedFor) finding.verdict.problems.push_back(waited_for(std::move(problem)));
  }
}

void HostAgent::note_endpoints(HostReport* report, std::map<EndpointKey, Problem> found) {
  const auto now = Clock::now();
  std::erase_if(endpoint_bad_since_, [&](const auto& each) { return !found.contains(each.first); });
  for (const auto& [key, problem] : found) {
    const auto since = endpoint_bad_since_.try_emplace(key, now).first->second;
    if (now - since >= kLasting)
      report->lasting.insert(key);
    else
      look_soon(since + kLasting - now);
  }
  report->endpoints = std::move(found);
}

void HostAgent::found(Look look) {
  busy_ = false;
  last_took_ = look.took;
  if (look.findings.judged) judged_ = look.findings.judged;
  const unsigned failures = std::max(look.failures, look.findings.failures);
  if (failures > 0)
    look_soon(retry_.next());
  else
    retry_.reset();
  if (look.again) look_soon(kDockerRecheck);
  if (!look.seen && failures < kFailuresToTell) return;  // no bridge seen is not: no bridge there
  if (look.findings.changed_rules) ++counters_.rule_changes;
  counters_.entries_written += look.entries_written;
  if (look.findings.others_changed) rules_moved_ = Clock::now();
  note_closed(&look);
  parents_ = std::move(look.parents);
  overlays_ = std::move(look.overlays);
  HostReport report;
  report.addresses = std::move(look.addresses);
  if (look.seen && look.number >= configured_number_) report.grounds = std::move(look.findings.grounds);
  for (const auto& [name, site] : wanted_.sites) {
    const auto looked = look.findings.sites.find(name);
    if ((look.seen && looked == look.findings.sites.end()) || look.number < wanted_at_[name]) continue;
    const SiteFinding finding = look.seen ? looked->second : SiteFinding();
    NetworkHealth health{finding.attached, site.interface, look.seen ? finding.verdict.nat : Nat::Unknown,
                         problems_[name]};
    if (look.seen) health.v4 = finding.verdict.v4, health.v6 = finding.verdict.v6;
    health.problems.insert(health.problems.end(), finding.verdict.problems.begin(), finding.verdict.problems.end());
    if (look.failures >= kFailuresToTell)
      health.problems.push_back({"links-unknown",
                                 "links and addresses of the host can't be read: " + look.failure +
                                     (look.seen ? "; what was read before is taken for true" : ""),
                                 "run berthd as root, with CAP_NET_ADMIN", !look.seen});
    if (const auto said = look.repeated.find(site.interface); said != look.repeated.end() && !said->second)
      health.problems.push_back({"addresses-unsaid", said->second.error().message, "berthd tries it again", false});
    health.key = site.key;
    be_patient(name, &health, finding.verdict.passing_state);
    report.health[name] = std::move(health);
  }
  note_endpoints(&report, std::move(look.endpoints));
  const bool news = report.addresses != last_.addresses || report.grounds != last_.grounds ||
                    report.health != last_.health || report.endpoints != last_.endpoints ||
                    report.lasting != last_.lasting || look.number != reported_number_;
  reported_number_ = look.number;
  last_ = std::move(report);
  if (std::exchange(again_, false) || look.number != wanted_number_) look_soon(kCoalesce);
  if (news) listener_(last_);
}

void HostAgent::configured(const std::map<std::string, NetworkConfig>& networks, const HostSettings& settings) {
  wanted_.fabric = settings.fabric;
  patience_ = settings.firewall_patience;
  wanted_.v4 = wanted_.v6 = false;
  for (const auto& [name, network] : networks) {
    wanted_.keep.insert(name);
    for (const SubnetConfig& subnet : network.subnets) (subnet.subnet.is_v4() ? wanted_.v4 : wanted_.v6) = true;
  }
  wanted_.networks.clear();
  wanted_.segments.clear();
  for (const auto& [name, network] : networks)
    if (const Driver* driver = driver_of(drivers_, network.driver); driver && driver->vni(network))
      wanted_.segments.insert(name);
  for (const auto& [name, network] : networks)
    if (const Driver* driver = driver_of(drivers_, network.driver); driver && driver->groundwork(network, {}))
      wanted_.networks.emplace(name, network);
  book_->set_networks(networks);
  configured_number_ = ++wanted_number_;
  look_soon(0ms);
}

void HostAgent::repeat_addresses(const std::string& interface) {
  repeats_.insert(interface);
  look_soon(0ms);
}

void HostAgent::runtime_here(bool here) {
  if (here && !runtime_here_) runtime_came_ = Clock::now();
  runtime_here_ = here;
}

void HostAgent::standing(std::optional<std::set<std::string>> links) {
  if (links == wanted_.standing) return;
  wanted_.standing = std::move(links);
  look_soon(0ms);
}

void HostAgent::containers(const std::string& runtime, const std::vector<ContainerFact>& all) {
  look_at_ports(book_->set_containers(runtime, all));
}

void HostAgent::container_changed(const ContainerFact& fact) {
  look_at_ports(book_->upsert(fact));
}

void HostAgent::container_gone(const ContainerKey& key) {
  book_->remove(key);
  look_at_ports(false);
}

// What is told of an endpoint may be over.
void HostAgent::look_at_ports(bool unbound) {
  if (!last_.endpoints.empty()) look_soon(kCoalesce);
  if (unbound) look_soon(kBind);
}

std::optional<firewall::Trace> HostAgent::trace(const firewall::TracedPacket& packet) const {
  if (!judged_) return std::nullopt;
  return firewall::trace(*judged_->rules, judged_->sites, judged_->around, packet);
}

void HostAgent::sweep() {
  if (std::exchange(wanted_.sweep, true)) return;
  ++wanted_number_;
  look_soon(0ms);
}

void HostAgent::want(const NetworkSite& site, std::vector<Problem> problems) {
  ++wanted_number_;
  const auto before = wanted_.sites.find(site.name);
  if (before == wanted_.sites.end() || !(before->second == site)) wanted_at_[site.name] = wanted_number_;
  wanted_.sites[site.name] = site;
  problems_[site.name] = std::move(problems);
  follow();
  look_soon(0ms);
}

void HostAgent::unwant(const std::string& network) {
  if (wanted_.sites.erase(network) == 0) return;
  problems_.erase(network);
  wanted_at_.erase(network);
  last_.health.erase(network);
  for (const Family family : {Family::V4, Family::V6}) dropped_since_.erase({network, family});
  follow();
  closed_.erase(network);
  std::erase_if(closed_since_, [&](const auto& each) { return each.first.first == network; });
  ++wanted_number_;
}

void HostAgent::forget(const std::string& network) {
  unwant(network);
  wanted_.keep.erase(network);
  ++wanted_number_;
  look_soon(0ms);
}

}  // namespace berth
