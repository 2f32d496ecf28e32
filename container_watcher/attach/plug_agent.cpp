// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/plug_agent.h"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <variant>

#include "container_watcher/netlink/netns.h"
#include "core/names.h"

namespace asio = boost::asio;

namespace berth {
namespace {

constexpr const char* kInside = "eth0";
// When neighbours are told of a new link's addresses, after it is there. The kernel opens a bridge's port a moment after its link is
// up, and a frame may be lost.
constexpr std::array kAnnounced = {std::chrono::milliseconds(0), std::chrono::milliseconds(100),
                                   std::chrono::milliseconds(900)};
constexpr unsigned kListsToGo = 2;  // that do not name a container, until its addresses are given back

std::int64_t wall_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// 0: it is not there.
std::uint64_t inode_of(const Netns& netns) {
  const auto held = open_netns(netns);
  const auto id = held ? netns_id(*held) : Result<NetnsId>(held.error());
  return id ? id->inode : 0;
}

bool is_gone(const Lease& lease) {
  const std::uint64_t there = lease.netns_path.empty() ? 0 : inode_of({lease.netns_path, {}});
  return there == 0 || there != lease.netns;
}

unsigned mtu_of(const std::string& link) {
  unsigned out = 0;
  std::ifstream("/sys/class/net/" + link + "/mtu") >> out;
  return out;
}

std::string owner_text(const LeaseKey& key) {
  return key.network + " " + key.container.runtime.str() + " " + key.container.id.str();
}

}  // namespace

struct PlugAgent::Worker {
  using Clock = std::chrono::steady_clock;
  using Leased = Result<std::optional<Lease>>;  // nothing: it has to be unplugged first
  struct Plug {
    PlugOrder order;
    std::function<void(Plugged)> then;
  };
  struct Unplug {
    AttachmentKey key;
    Netns netns;
    std::function<void(Status)> then;
  };
  struct List {
    std::string runtime;
    std::set<std::pair<ContainerKey, std::int64_t>> named;  // with the times at which they were made
  };
  struct Configured {
    std::set<std::string> runtimes, networks;
  };
  using Order = std::variant<Plug, Unplug, List, Configured>;

  asio::io_context& io;
  const DriverLookup drivers;
  const Storage storage;
  Executor& executor;
  mutable std::mutex mutex;
  std::condition_variable wake;
  std::vector<Order> orders;                                               // under the mutex
  std::shared_ptr<const Leases> shown = std::make_shared<const Leases>();  // under the mutex
  bool stop = false;                                                       // under the mutex
  std::thread thread;

  // The thread's own.
  std::optional<LeaseBook> book;
  bool saved = true;                        // the file has what the book has
  std::map<LeaseKey, unsigned> not_listed;  // how many lists in a row do not name it
  Configured configured;
  std::multimap<Clock::time_point, std::pair<EndpointKey, AnnounceAddress>> announcements;  // that are due then

  Worker(asio::io_context& the_io, DriverLookup the_drivers, Storage the_storage, Executor& the_executor)
      : io(the_io), drivers(std::move(the_drivers)), storage(std::move(the_storage)), executor(the_executor) {}

  void add(Order order) {
    {
      const std::lock_guard lock(mutex);
      orders.push_back(std::move(order));
    }
    wake.notify_one();
  }

  Status load() {
    if (book) return {};
    // It says nothing of who has which address: that is waited for, and nobody's route is swept meanwhile.
    auto text = storage.load();
    if (!text) return Error{ErrorKind::Transient, text.error().message, text.error().remedy};
    auto read = text->empty() ? Result<LeaseBook>(LeaseBook()) : LeaseBook::parse(*text);
    if (!read) return Error{ErrorKind::Transient, storage.name + ": " + read.error().message, read.error().remedy};
    book = std::move(*read);
    show();
    return {};
  }

  Status save() {
    Status done = storage.save(book->text());
    saved = done.ok();
    show();
    return done ? done : transient(done.error().message + "; without it no container gets an address");
  }

  void show() {
    auto all = std::make_shared<const Leases>(book->all());
    const std::lock_guard lock(mutex);
    shown = std::move(all);
  }

  static LeaseKey key_of(const PlugOrder& order) {
    return {order.network.name, order.key.endpoint.container, order.created};
  }

  LeasePool pool_of(const PlugOrder& order) const {
    LeasePool out{order.network.name, order.network.subnets, order.of_host, order.of_others};
    if (const Driver* driver = driver_of(drivers, order.network.driver))
      for (const auto& [name, address] : driver->runtime_network(order.network).reserved) out.reserved.insert(address);
    return out;
  }

  // A LAN has machines that nobody here knows of.
  Status may_lease(const NetworkConfig& network) const {
    const Driver* driver = driver_of(drivers, network.driver);
    if (!driver || !driver->is_shared(network)) return {};
    for (const SubnetConfig& each : network.subnets)
      if (!each.ip_range)
        return permanent("network " + network.name + " has no ip-range of " + each.subnet.to_string() +
                             ", and berthd is not the only one who gives out addresses there",
                         "ip-range PREFIX, in network " + network.name +
                             " of berthd.conf: a part of the subnet that nobody else gives out");
    return {};
  }

  // Only if there is something in the place of what it has, and the file can have it, may that go.
  Status may_change(const LeasePool& pool, const LeaseKey& key) {
    LeaseBook then = *book;
    const auto lease = then.take(pool, key, wall_seconds());
    return lease ? save() : lease.error();
  }

  // A link that is there has an address that may be another's soon: it goes while the file still says whose it is.
  Status make_room(const LeasePool& pool, const LeaseKey& key, const Netns& netns) {
    const Status may = book->all().contains(key) ? may_change(pool, key) : Status();
    return may ? executor.apply(DeleteMarkedLinks{.netns = netns}) : may;
  }

  // All of them, then one writing of the file. What could not be written is not handed out.
  std::vector<Leased> lease(const std::vector<Plug*>& plugs) {
    if (Status there = load(); !there) return {plugs.size(), there.error()};
    std::vector<Leased> out;
    const LeaseBook before = *book;
    for (const Plug* each : plugs) {
      const PlugOrder& order = each->order;
      forget_announcements(order.key.endpoint);
      const LeaseKey key = key_of(order);
      const LeasePool pool = pool_of(order);
      Status may = may_lease(order.network);
      if (may && (!book->all().contains(key) || !book->keeps(pool, key))) {
        may = order.plugged_in ? may_change(pool, key) : make_room(pool, key, order.netns);
        if (may && order.plugged_in) {
          out.emplace_back(std::nullopt);
          continue;
        }
      }
      auto lease = may ? book->take(pool, key, wall_seconds()) : may.error();
      out.push_back(lease ? Leased(std::move(*lease)) : lease.error());
      if (lease && book->used_in(key, inode_of(order.netns), order.netns_path)) saved = false;
    }
    const Status written = saved && book->all() == before.all() ? Status() : save();
    if (written) return out;
    book = before;
    show();
    for (std::size_t at = 0; at < out.size(); ++at) {
      if (!out[at] || !*out[at]) continue;
      const auto had = before.all().find(key_of(plugs[at]->order));
      if (had == before.all().end() || had->second.addresses != (*out[at])->addresses) out[at] = written.error();
    }
    return out;
  }

  Status apply(const std::vector<Operation>& operations) {
    for (const Operation& each : operations)
      if (Status done = executor.apply(each); !done) return done;
    return {};
  }

  Plugged carry_out(const PlugOrder& order, const Lease& lease) {
    const Driver* driver = driver_of(drivers, order.network.driver);
    if (!driver) return permanent("there is no driver " + order.network.driver.str());
    const RuntimeNetwork wanted = driver->runtime_network(order.network);
    PlugSite site;
    // Of this start of the container alone: the link of an earlier one may live on for a moment.
    const std::string owner = owner_text(key_of(order));
    site.host_link = link_name("bv-", owner + " " + order.incarnation);
    site.inside = kInside;
    site.mac = local_mac(owner);
    site.mtu = order.network.mtu != 0 || wanted.interface.empty() ? order.network.mtu : mtu_of(wanted.interface);
    site.addresses = lease.addresses;
    site.netns = order.netns;
    const auto plan = driver->plug(order.network, site);
    if (!plan) return permanent("the driver " + order.network.driver.str() + " plugs no containers in");
    // A namespace that something else holds outlives the container, and what was plugged in for an earlier start, or for another
    // network, is still there.
    Status done = executor.apply(DeleteMarkedLinks{kInside, mark_of(order.network.name), order.netns});
    if (done) done = apply(plan->operations);
    // A link of ours that can't become this one (another driver, another parent, another start) makes room for it.
    if (!done && done.error().kind == ErrorKind::Permanent) {
      if (order.plugged_in) return std::optional<EndpointFact>();
      if (executor.apply(DeleteMarkedLinks{.netns = order.netns})) done = apply(plan->operations);
    }
    if (!done) return done.error();
    if (plan->has_neighbours)
      for (const IpAddress& each : site.addresses)
        for (const auto after : kAnnounced)
          announcements.emplace(Clock::now() + after,
                                std::pair{order.key.endpoint, AnnounceAddress{site.inside, each, site.netns}});
    EndpointFact out;
    out.id = kPlug;
    out.network = order.network.name;
    out.network_id = order.network_key.id;
    out.of_runtime = order.network_key.runtime;
    out.mac = mac_text(site.mac);
    out.addresses = lease.addresses;
    out.driver = order.network.driver;
    out.inside = site.inside;
    out.host_link = plan->routes_by;
    return std::optional(std::move(out));
  }

  bool names(const List& list, const LeaseKey& key) const {
    return configured.networks.contains(key.network) && list.named.contains({key.container, key.created});
  }

  // Two lists agree, and what it ran in is gone.
  void collect(const List& list) {
    if (!load()) return;
    bool changed = false;
    for (const auto& [key, lease] : book->all()) {
      const bool of_this =
          key.container.runtime.view() == list.runtime || !configured.runtimes.contains(key.container.runtime.str());
      if (!of_this || lease.released != 0) continue;
      if (names(list, key))
        not_listed.erase(key);
      else if (++not_listed[key] >= kListsToGo && is_gone(lease))
        changed = true;
    }
    if (!changed && saved) return;
    for (auto each = not_listed.begin(); each != not_listed.end();) {
      const auto [key, times] = *each++;
      const auto lease = book->all().find(key);
      if (lease != book->all().end() && (times < kListsToGo || !is_gone(lease->second))) continue;
      book->release(key, wall_seconds());
      not_listed.erase(key);
    }
    static_cast<void>(save());  // again at the next list
  }

  // Who does not hear of it finds out by himself, later: nothing depends on it.
  void announce() {
    while (!announcements.empty() && announcements.begin()->first <= Clock::now()) {
      const auto next = announcements.extract(announcements.begin());
      static_cast<void>(executor.apply(next.mapped().second));
    }
  }
  // Another may have its addresses soon.
  void forget_announcements(const EndpointKey& of) {
    std::erase_if(announcements, [&](const auto& each) { return each.second.first == of; });
  }

  template <class Then, class Value>
  void answer(Then then, Value value) {
    asio::post(io, [then = std::move(then), value = std::move(value)]() mutable { then(std::move(value)); });
  }

  // What goes goes first: somebody else may be about to come, into that namespace or to that address.
  void work(std::vector<Order> all) {
    std::vector<Plug*> plugs;
    for (Order& each : all) {
      if (auto* now = std::get_if<Configured>(&each)) configured = std::move(*now);
      if (const auto* list = std::get_if<List>(&each)) collect(*list);
      if (auto* plug = std::get_if<Plug>(&each)) plugs.push_back(plug);
      if (auto* unplug = std::get_if<Unplug>(&each)) {
        forget_announcements(unplug->key.endpoint);
        Status done = executor.apply(DeleteMarkedLinks{.netns = unplug->netns});
        if (!done && done.error().kind == ErrorKind::Stale) done = {};  // it went with its namespace
        answer(unplug->then, std::move(done));
      }
    }
    if (!plugs.empty()) {
      const auto leases = lease(plugs);
      for (std::size_t at = 0; at < plugs.size(); ++at)
        answer(plugs[at]->then, !leases[at]    ? Plugged(leases[at].error())
                                : !*leases[at] ? std::optional<EndpointFact>()
                                               : carry_out(plugs[at]->order, **leases[at]));
    }
  }

  void run() {
    while (true) {
      std::vector<Order> next;
      {
        std::unique_lock lock(mutex);
        const auto something = [&] { return stop || !orders.empty(); };
        if (announcements.empty())
          wake.wait(lock, something);
        else
          wake.wait_until(lock, announcements.begin()->first, something);
        if (stop) return;
        next.swap(orders);
      }
      work(std::move(next));
      announce();
    }
  }
};

PlugAgent::PlugAgent(asio::io_context& io, DriverLookup drivers, Storage storage, Executor& executor)
    : io_(io), drivers_(std::move(drivers)), storage_(std::move(storage)), executor_(executor) {}

PlugAgent::~PlugAgent() {
  stop();
}

void PlugAgent::start() {
  if (worker_) return;
  worker_ = std::make_shared<Worker>(io_, drivers_, storage_, executor_);
  worker_->thread = std::thread([worker = worker_.get()] { worker->run(); });
}

void PlugAgent::stop() {
  if (!worker_) return;
  {
    const std::lock_guard lock(worker_->mutex);
    worker_->stop = true;
  }
  worker_->wake.notify_one();
  worker_->thread.join();
  worker_.reset();
}

// Each answer is for the worker that was asked: after stop() there is nobody to tell.
void PlugAgent::plug(PlugOrder order, std::function<void(Plugged)> then) {
  worker_->add(Worker::Plug{std::move(order), [weak = std::weak_ptr(worker_), then = std::move(then)](auto result) {
                              if (weak.lock()) then(std::move(result));
                            }});
}

void PlugAgent::unplug(const AttachmentKey& key, const Netns& netns, std::function<void(Status)> then) {
  worker_->add(Worker::Unplug{key, netns, [weak = std::weak_ptr(worker_), then = std::move(then)](Status result) {
                                if (weak.lock()) then(std::move(result));
                              }});
}

void PlugAgent::configured(std::set<std::string> runtimes, std::set<std::string> networks) {
  worker_->add(Worker::Configured{std::move(runtimes), std::move(networks)});
}

void PlugAgent::containers(const std::string& runtime, const std::vector<ContainerFact>& all) {
  Worker::List list{runtime, {}};
  for (const ContainerFact& each : all) list.named.emplace(each.key, each.created);
  worker_->add(std::move(list));
}

std::shared_ptr<const Leases> PlugAgent::leases() const {
  if (!worker_) return std::make_shared<const Leases>();
  const std::lock_guard lock(worker_->mutex);
  return worker_->shown;
}

}  // namespace berth
