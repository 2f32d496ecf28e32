// SPDX-License-Identifier: GPL-2.0-or-later
//
// The reconciler's surroundings in memory: a runtime, a host and a clock that a test turns by hand (the fourth is
// fake_route_sink.h). What the real ones say later, these say in turn() or when the test asks. One thread.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "container_watcher/attach/host.h"
#include "container_watcher/attach/plugger.h"
#include "container_watcher/runtime.h"
#include "core/evpn.h"
#include "daemon/timers.h"

namespace berth {

class HandTimers : public Timers {
 public:
  Timer::Time now() const override { return now_; }
  std::chrono::system_clock::time_point wall() const override {
    return std::chrono::system_clock::time_point(now_.time_since_epoch());
  }
  std::unique_ptr<Timer> make() override { return std::make_unique<One>(*this); }

  // Each timer that is due goes off at its own time.
  void advance(std::chrono::milliseconds by) {
    const Timer::Time end = now_ + by;
    for (;;) {
      One* next = nullptr;
      for (One* each : all_)
        if (each->then && each->due <= end && (!next || each->due < next->due)) next = each;
      if (!next) break;
      now_ = std::max(now_, next->due);
      std::exchange(next->then, {})();
    }
    now_ = end;
  }

 private:
  struct One : Timer {
    explicit One(HandTimers& of) : timers(of) { timers.all_.insert(this); }
    One(const One&) = delete;
    One& operator=(const One&) = delete;
    ~One() override { timers.all_.erase(this); }
    void at(Time when, std::function<void()> what) override { due = when, then = std::move(what); }
    void cancel() override { then = {}; }
    HandTimers& timers;
    Time due;
    std::function<void()> then;
  };
  std::set<One*> all_;
  Timer::Time now_ = Timer::Time() + std::chrono::hours(1000);
};

class FakeRuntime : public Runtime {
 public:
  explicit FakeRuntime(RuntimeSink& sink, std::string name = "docker") : sink_(sink), name_(std::move(name)) {}
  void start() override { started = true; }
  void stop() override { started = false; }
  void ensure(const RuntimeNetwork& network, std::function<void(Result<EnsuredNetwork>)> then) override {
    asked.push_back(network.network);
    waiting_.emplace_back(network, std::move(then));
  }
  void netns(const ContainerKey& container, std::function<void(Result<Netns>)> then) override {
    namespaces_.emplace_back(container, std::move(then));
  }
  std::map<std::string, std::uint64_t> counters() const override { return {}; }

  // What the test says of it.
  std::function<Result<EnsuredNetwork>(const RuntimeNetwork&)> answers = [this](const RuntimeNetwork& network) {
    return Result<EnsuredNetwork>(EnsuredNetwork{fact(network), false, {}});
  };
  NetworkFact fact(const RuntimeNetwork& network) const {
    NetworkFact out;
    out.runtime = name_;
    out.id = "id-of-" + network.name;
    out.name = network.name;
    out.driver = network.driver;
    out.interface = "br-" + network.name;
    for (const SubnetConfig& subnet : network.subnets) out.subnets.push_back({subnet.subnet, subnet.gateway, {}});
    return out;
  }
  ContainerFact container(const std::string& id, const std::string& network, const std::string& address) const {
    ContainerFact out;
    out.key = {name_, id};
    out.name = "name-of-" + id;
    out.state = "running";
    out.created = 1764000000;
    out.endpoints.push_back(
        {id + "-on-" + network, network, "id-of-" + network, "", {*IpAddress::parse(address)}, "bridge"});
    return out;
  }
  void list() {
    connect();
    RuntimeSnapshot all;
    for (const auto& [id, fact] : containers) all.containers.push_back(fact);
    sink_.snapshot(name_, std::move(all));
  }
  void connect() {
    if (!std::exchange(here_, true)) sink_.runtime_connected(name_, "26.1.5");
  }
  void lose() {
    if (std::exchange(here_, false)) sink_.runtime_lost(name_, "it went away");
  }
  void run(const ContainerFact& fact) {
    containers[fact.key.id] = fact;
    if (here_) sink_.container_changed(fact);
  }
  void end(const std::string& id) {
    const ContainerKey key{name_, id};
    if (containers.erase(id) > 0 && here_) sink_.container_gone(key);
  }
  void make_network(const NetworkFact& fact) {
    if (here_) sink_.network_changed(fact);
  }
  void take_network_away(const std::string& id) {
    if (here_) sink_.network_gone(name_, id);
  }
  // Answers one question, the oldest or the newest. False: none waits.
  bool turn(bool newest = false) {
    if (waiting_.empty()) return false;
    const auto which = newest ? std::prev(waiting_.end()) : waiting_.begin();
    auto [network, then] = std::move(*which);
    waiting_.erase(which);
    then(answers(network));
    return true;
  }

  // The same for one question after a namespace: containers[id].netns, where there is one.
  bool turn_netns() {
    if (namespaces_.empty()) return false;
    auto [key, then] = std::move(namespaces_.front());
    namespaces_.pop_front();
    const auto at = containers.find(key.id);
    if (at == containers.end() || at->second.netns.empty())
      then(stale("it does not run"));
    else
      then(Netns{at->second.netns});
    return true;
  }

  bool started = false;
  std::vector<std::string> asked;
  std::map<SharedText, ContainerFact> containers;

 private:
  RuntimeSink& sink_;
  const std::string name_;
  bool here_ = false;
  std::deque<std::pair<RuntimeNetwork, std::function<void(Result<EnsuredNetwork>)>>> waiting_;
  std::deque<std::pair<ContainerKey, std::function<void(Result<Netns>)>>> namespaces_;
};

class FakeHost : public Host {
 public:
  explicit FakeHost(Listener listener) : listener_(std::move(listener)) {}
  void start() override { started = true; }
  void stop() override { started = false; }
  void configured(const std::map<std::string, NetworkConfig>&, const HostSettings&) override { changed_ = true; }
  void sweep() override { ++sweeps; }
  void want(const NetworkSite& site, std::vector<Problem> problems) override {
    wanted[site.name] = {site, std::move(problems)};
    changed_ = true;
  }
  void unwant(const std::string& network) override { wanted.erase(network); }
  void forget(const std::string& network) override {
    wanted.erase(network);
    forgotten.push_back(network);
  }
  void repeat_addresses(const std::string& interface) override { repeated.push_back(interface); }
  void runtime_here(bool) override {}
  void standing(std::optional<std::set<std::string>> links) override { stand = std::move(links); }
  void containers(const std::string&, const std::vector<ContainerFact>&) override {}
  void container_changed(const ContainerFact&) override {}
  void container_gone(const ContainerKey&) override {}
  const HostCounters& counters() const override { return counters_; }
  std::map<EndpointKey, HostPort> ports() const override { return {}; }
  std::map<std::string, HostParent> parents() const override { return {}; }
  const std::map<std::string, HostOverlay>& overlays() const override { return segments; }

  // A look. False: nothing has changed since the last one.
  bool turn() {
    if (!started || !std::exchange(changed_, false)) return false;
    HostReport report;
    report.addresses = addresses;
    report.endpoints = endpoints;
    report.grounds = grounds;
    for (const auto& [name, want] : wanted) {
      NetworkHealth health{true, want.site.interface, natted.contains(name) ? Nat::On : Nat::Off, want.problems,
                           want.site.key};
      if (const auto bad = problems.find(name); bad != problems.end())
        health.problems.insert(health.problems.end(), bad->second.begin(), bad->second.end());
      if (const auto ground = grounds.find(name); ground != grounds.end())
        health.problems.insert(health.problems.end(), ground->second.problems.begin(), ground->second.problems.end());
      report.health[name] = std::move(health);
    }
    listener_(report);
    return true;
  }
  void change() { changed_ = true; }

  struct Wanted {
    NetworkSite site;
    std::vector<Problem> problems;
  };
  bool started = false;
  int sweeps = 0;
  std::map<std::string, Wanted> wanted;
  std::map<std::string, std::vector<Problem>> problems;  // what stands against a network
  std::map<EndpointKey, Problem> endpoints;
  std::map<std::string, GroundReport> grounds;  // of networks that stand on something
  std::set<IpAddress> addresses;                // the host's own
  std::set<std::string> natted;                 // networks
  std::map<std::string, HostOverlay> segments;
  std::optional<std::set<std::string>> stand;  // links of networks of runtimes
  std::vector<std::string> forgotten, repeated;

 private:
  Listener listener_;
  bool changed_ = false;
  HostCounters counters_;
};

// Hands out addresses of the network's first subnet, from .200 upward, and keeps them.
class FakeEvpn : public Evpn {
 public:
  void want(Segments segments) override { wanted = std::move(segments); }
  void stop() override { wanted.clear(); }
  Segments wanted;
};

class FakePlugger : public Plugger {
 public:
  void start() override {}
  void stop() override { waiting_.clear(); }
  void plug(PlugOrder order, std::function<void(Plugged)> then) override {
    waiting_.push_back([this, order = std::move(order), then = std::move(then)] { then(done(order)); });
  }
  void unplug(const AttachmentKey& key, const Netns&, std::function<void(Status)> then) override {
    waiting_.push_back([this, key, then = std::move(then)] {
      plugged.erase(key);
      then({});
    });
  }
  void configured(std::set<std::string> runtimes, std::set<std::string> networks) override {
    told = {std::move(runtimes), std::move(networks)};
  }
  void containers(const std::string&, const std::vector<ContainerFact>&) override {}
  std::shared_ptr<const Leases> leases() const override { return std::make_shared<const Leases>(); }

  // Answers the oldest that waits. False: none does.
  bool turn() {
    if (waiting_.empty()) return false;
    const auto next = std::move(waiting_.front());
    waiting_.pop_front();
    next();
    return true;
  }

  std::map<AttachmentKey, PlugOrder> plugged;
  std::pair<std::set<std::string>, std::set<std::string>> told;  // runtimes, networks
  std::optional<Error> refuses;                                  // everybody, with this
  std::string host_link;  // by which routes to each go out, where that is not the network's own

 private:
  Plugged done(const PlugOrder& order) {
    if (refuses) return *refuses;
    const auto there = plugged.find(order.key);
    if (there != plugged.end() && order.plugged_in && there->second.network.subnets != order.network.subnets)
      return std::optional<EndpointFact>();
    for (const auto& [key, other] : plugged)
      if (key != order.key && key.endpoint == order.key.endpoint)
        return permanent("it has another link");  // there is room for one
    plugged.insert_or_assign(order.key, order);
    const auto [at, fresh] = addresses_.try_emplace(order.key, static_cast<std::uint8_t>(200 + addresses_.size()));
    auto bytes = order.network.subnets.front().subnet.address().bytes();
    const std::array<std::uint8_t, 4> address{bytes[0], bytes[1], bytes[2], at->second};
    EndpointFact out;
    out.id = kPlug;
    out.network = order.network.name;
    out.network_id = order.network_key.id;
    out.of_runtime = order.network_key.runtime;
    out.addresses = {*IpAddress::from_bytes(address)};
    out.driver = order.network.driver;
    out.host_link = host_link;
    return std::optional(std::move(out));
  }
  std::deque<std::function<void()>> waiting_;
  std::map<AttachmentKey, std::uint8_t> addresses_;
};

}  // namespace berth
