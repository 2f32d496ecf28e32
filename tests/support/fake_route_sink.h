// SPDX-License-Identifier: GPL-2.0-or-later
//
// A RouteSink over a RIB in memory. The RIB outlives the sink, as zebra outlives berthd. The listener hears in turn(), never
// before. One thread; the test asks for faults.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/route_sink.h"

namespace berth {

struct FakeRib {
  struct Entry {
    RibObject object;
    bool stale = false;
  };
  std::map<RibKey, Entry> entries;
  std::map<Prefix, std::vector<RibRoute>> others;  // what the fabric has from elsewhere
};

class FakeRouteSink : public RouteSink {
 public:
  FakeRouteSink(FakeRib& rib, RouteSinkListener& listener) : rib_(rib), listener_(listener) {}

  void start() override { started_ = true; }
  void stop() override {
    started_ = connected_ = false;
    for (auto& [key, entry] : rib_.entries) entry.stale = true;
    reset();
  }
  void put(const RibObject& object) override { change(object.key, object); }
  void remove(const RibKey& key) override { change(key, std::nullopt); }
  void end_of_sync(std::vector<Prefix> keep = {}) override {
    if (connected_) sync_ = std::move(keep);
  }
  void ask(const Prefix& prefix) override {
    if (connected_) asked_.insert(prefix);
  }
  bool idle() const override { return waiting_.empty() && asked_.empty() && !sync_; }
  const std::map<std::string, std::uint64_t>& counters() const override { return counters_; }

  // What a test asks for.
  bool reachable = true, answers_questions = true;
  bool can_say = true;                                                  // what the RIB has
  std::function<std::optional<std::string>(const RibObject&)> refuses;  // why
  void far_side_restarts() {
    rib_.entries.clear();
    lose("zebra began anew");
  }
  void lose(const std::string& why) {
    if (!std::exchange(connected_, false)) return;
    for (auto& [key, entry] : rib_.entries) entry.stale = true;
    reset();
    listener_.sink_lost(transient(why));
  }

  // Connects, or does what waits. False: there was nothing to do.
  bool turn() {
    if (!started_) return false;
    if (!connected_) {
      if (!reachable) return false;
      connected_ = true;
      listener_.sink_connected({"10.3", "fake", "openfabric"});
      return true;
    }
    if (waiting_.empty() && !sync_ && (asked_.empty() || !answers_questions)) return false;
    for (const Prefix& each : answers_questions ? std::exchange(asked_, {}) : std::set<Prefix>())
      listener_.sink_found(find(each));
    for (const RibAnswer& each : apply(std::exchange(waiting_, {}))) listener_.sink_answered(each);
    if (!sync_ || !waiting_.empty()) return true;
    const auto keep = *std::exchange(sync_, {});
    const auto kept = [&](const Prefix& prefix) {
      return std::ranges::any_of(keep, [&](const Prefix& each) { return each.contains(prefix); });
    };
    const auto swept =
        std::erase_if(rib_.entries, [&](const auto& each) { return each.second.stale && !kept(each.first.prefix); });
    listener_.sink_synced(static_cast<std::uint32_t>(swept));
    return true;
  }

 private:
  using Changes = std::map<RibKey, std::optional<RibObject>>;
  void change(const RibKey& key, std::optional<RibObject> object) {
    if (connected_) waiting_[key] = std::move(object);
  }
  RibFound find(const Prefix& prefix) {
    ++counters_["questions"];
    if (!can_say) return {prefix, {}, "it does not know"};
    RibFound out{prefix, {}, {}};
    if (const auto others = rib_.others.find(prefix); others != rib_.others.end()) out.routes = others->second;
    const auto own = rib_.entries.find({RibKind::Route, prefix});
    if (own != rib_.entries.end())
      out.routes.push_back({"openfabric", true, {{own->second.object.gateway, own->second.object.interface}}});
    return out;
  }
  void reset() {
    asked_.clear();
    waiting_.clear();
    sync_.reset();
  }
  std::vector<RibAnswer> apply(const Changes& changes) {
    std::vector<RibAnswer> out;
    for (const auto& [key, object] : changes) {
      ++counters_["operations"];
      const auto refused = object && refuses ? refuses(*object) : std::nullopt;
      if (refused) {
        out.push_back({key, RibState::Rejected, *refused});
      } else if (object) {
        rib_.entries[key] = {*object, false};
        out.push_back({key, RibState::Installed, ""});
      } else {
        rib_.entries.erase(key);
        out.push_back({key, RibState::Gone, ""});
      }
    }
    return out;
  }

  FakeRib& rib_;
  RouteSinkListener& listener_;
  bool started_ = false, connected_ = false;
  Changes waiting_;
  std::set<Prefix> asked_;
  std::optional<std::vector<Prefix>> sync_;
  std::map<std::string, std::uint64_t> counters_;
};

}  // namespace berth
