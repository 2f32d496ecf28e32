// SPDX-License-Identifier: GPL-2.0-or-later
//
// The reconciler's surroundings in memory: a runtime, a host and a clock that a test turns by hand (the fourth is
// fake_route_sink.h). What the real ones say later, these say in turn() or when the test asks. One thread.
#pragma once

#include <algorithm>
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
#include "container_watcher/runtime.h"
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

  bool started = false;
  std::vector<std::string> asked;
  std::map<SharedText, ContainerFact> containers;

 private:
  RuntimeSink& sink_;
  const std::string name_;
  bool here_ = false;
  std::deque<std::pair<RuntimeNetwork, std::function<void(Result<EnsuredNetwork>)>>> waiting_;
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
  void containers(const std::string&, const std::vector<ContainerFact>&) override {}
  void container_changed(const ContainerFact&) override {}
  void container_gone(const ContainerKey&) override {}
  const HostCounters& counters() const override { return counters_; }

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
  std::vector<std::string> forgotten, repeated;

 private:
  Listener listener_;
  bool changed_ = false;
  HostCounters counters_;
};

}  // namespace berth
