// SPDX-License-Identifier: GPL-2.0-or-later
//
// The whole loop, from the runtime's events to the RIB, over random histories and the same expanders as the brain alone
// (redistribute_property_test.cpp): told backwards, twice, squashed into the last state, and cut by a restart of berthd, of
// the runtime, of the session or of zebra. In the end the RIB holds what the last state alone would bring, and on the way no
// route points at nothing. BERTH_SEED repeats one run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "container_watcher/attach/bridge/bridge_driver.h"
#include "daemon/reconciler.h"
#include "tests/property/world.h"
#include "tests/support/reconciler_world.h"

namespace berth {
namespace {

using namespace std::chrono_literals;

const BridgeDriver kBridge;

// A host with berthd, as `said` has it. The RIB outlives berthd.
class Daemon {
 public:
  explicit Daemon(const State& state) : said_(state) { boot(); }
  ~Daemon() { parts_->reconciler.stop(); }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // kill -9, and a start.
  void boot() {
    for (auto& [key, entry] : rib_.entries) entry.stale = true;
    parts_.reset();
    parts_ = std::make_unique<Parts>(*this);
    for (const auto& [key, fact] : said_.containers) parts_->runtime.containers[fact.key.id] = fact;
    say_host();
  }
  void tell(const State& state, bool reverse, bool duplicate) {
    const State old = std::exchange(said_, state);
    FakeRuntime& runtime = parts_->runtime;
    std::vector<std::function<void()>> events;
    for (const auto& [key, fact] : old.containers)
      if (!state.containers.contains(key)) events.emplace_back([&runtime, key = key] { runtime.end(key.id); });
    for (const auto& [key, fact] : state.containers) {
      const auto before = old.containers.find(key);
      if (before == old.containers.end() || !(before->second == fact))
        events.emplace_back([&runtime, fact = fact] { runtime.run(fact); });
    }
    if (!(old.config == state.config)) events.emplace_back([this] { parts_->reconciler.reconfigure(said_.config); });
    for (const auto& [network, id] : state.ids)
      events.emplace_back([this, network = network] {
        if (const auto at = said_.config.networks.find(network); at != said_.config.networks.end())
          parts_->runtime.make_network(fact(kBridge.runtime_network(at->second)));
      });
    events.emplace_back([this] { say_host(); });
    if (reverse) std::reverse(events.begin(), events.end());
    for (const auto& event : events)
      for (int times = duplicate ? 2 : 1; times > 0; --times) event();
  }
  // What is cut off, or begins anew.
  void cut(Random& random) {
    switch (random() % 5) {
      case 0: boot(); break;
      case 1: parts_->sink.lose("the test says so"); break;
      case 2: parts_->sink.far_side_restarts(); break;
      case 3: parts_->runtime.lose(); break;
      default: parts_->sink.reachable = !parts_->sink.reachable;
    }
  }
  void list() { parts_->runtime.list(); }
  // Some addresses are another host's, or none any more.
  void elsewhere(Random& random, bool some) {
    rib_.others.clear();
    const unsigned modulus = 2 + random() % 3;
    for (const auto& [key, fact] : said_.containers)
      for (const EndpointFact& endpoint : fact.endpoints)
        for (const IpAddress& address : endpoint.addresses)
          if (some && hash_value(address) % modulus == 0)
            rib_.others[Prefix::host(address)] = {{"bgp", false, {{IpAddress::parse("10.0.0.1"), "eth1"}}}};
  }
  void reach() { parts_->sink.reachable = true; }
  bool turn(unsigned which) {
    const bool any = which == 0 ? parts_->sink.turn() : which == 1 ? parts_->runtime.turn() : parts_->host.turn();
    hold_laws();
    return any;
  }
  void settle() {
    for (int turns = 0; turn(0) | turn(1) | turn(2); ++turns) ASSERT_LT(turns, 10000) << "it never comes to rest";
  }
  void wait(std::chrono::milliseconds time) { parts_->timers.advance(time); }
  std::uint64_t operations() const {
    const auto& all = parts_->sink.counters();
    return all.contains("operations") ? all.at("operations") : 0;
  }
  const Redistributor& brain() const { return parts_->reconciler.brain(); }
  std::string text() const {
    std::string out;
    for (const auto& [key, entry] : rib_.entries)
      out += (key.kind == RibKind::ConnectedTag ? "mark " : "") + key.prefix.to_string() + " tag " +
             std::to_string(entry.object.tag) + " on " + entry.object.interface + (entry.stale ? " stale" : "") + "\n";
    return out;
  }

 private:
  struct Parts : ReconcilerWorld {
    explicit Parts(Daemon& of) : ReconcilerWorld(of.rib_, of.said_.config, [](std::string_view) { return &kBridge; }) {
      runtime.answers = [&of](const RuntimeNetwork& network) {
        return Result<EnsuredNetwork>(EnsuredNetwork{of.fact(network), false, {}});
      };
    }
    FakeRuntime& runtime = *runtimes[0];
  };
  NetworkFact fact(const RuntimeNetwork& network) const {
    NetworkFact out = parts_ ? parts_->runtime.fact(network) : NetworkFact{};
    out.id = said_.id_of(network.network);
    return out;
  }
  void say_host() {
    parts_->host.addresses = said_.host_addresses;
    parts_->host.natted.clear();
    for (const auto& [network, on] : said_.natted)
      if (on) parts_->host.natted.insert(network);
    parts_->host.change();
  }
  void hold_laws() const {
    std::set<SharedText> interfaces;
    for (const auto& [name, wanted] : parts_->host.wanted) interfaces.insert(wanted.site.interface);
    for (const auto& [key, entry] : rib_.entries)
      if (!entry.stale)
        EXPECT_TRUE(interfaces.contains(entry.object.interface)) << key.prefix.to_string() << " points at nothing";
  }

  State said_;
  FakeRib rib_;
  std::unique_ptr<Parts> parts_;
};

struct Expander {
  const char* name;
  bool reverse = false, duplicate = false, squash = false, cut = false;
};

class ReconcilerProperty : public testing::TestWithParam<Expander> {
  LogTo silent_;
};

TEST_P(ReconcilerProperty, EndsWhereTheLastStateAloneWould) {
  const Expander how = GetParam();
  const char* given = std::getenv("BERTH_SEED");
  const unsigned number = given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
  SCOPED_TRACE("BERTH_SEED=" + std::to_string(number));
  Random random(number);
  for (int round = 0; round < 60 && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    State state = first_state();
    Daemon daemon(state);
    for (int event = 0; event < 25; ++event) {
      mutate(state, random);
      if (how.squash && event < 24) continue;
      daemon.tell(state, how.reverse, how.duplicate);
      if (random() % 4 == 0) daemon.list();
      daemon.elsewhere(random, random() % 2 == 0);
      for (unsigned turns = random() % 8; turns > 0; --turns) {
        daemon.turn(static_cast<unsigned>(random() % 3));
        if (how.cut && random() % 6 == 0) daemon.cut(random);
      }
      if (random() % 4 == 0) daemon.wait(std::chrono::milliseconds(random() % 8000));
    }
    daemon.reach();
    daemon.elsewhere(random, false);
    daemon.list();
    for (int more = 0; more < 3; ++more) {
      daemon.settle();
      daemon.wait(70s);
    }
    daemon.settle();
    ASSERT_EQ(daemon.text(), expected(state));
    EXPECT_TRUE(daemon.brain().in_sync());
    // All of it said again is nothing to do.
    const auto before = daemon.operations();
    daemon.list();
    daemon.tell(state, false, true);
    daemon.wait(70s);
    daemon.settle();
    EXPECT_EQ(daemon.operations(), before);
  }
}

INSTANTIATE_TEST_SUITE_P(Expanders, ReconcilerProperty,
                         testing::Values(Expander{"plain"}, Expander{"reverse", true},
                                         Expander{"duplicate", false, true}, Expander{"squash", false, false, true},
                                         Expander{"cut", false, false, false, true},
                                         Expander{"all", true, true, false, true}),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace berth
