// SPDX-License-Identifier: GPL-2.0-or-later
//
// zebra with berth's module, in memory, for tests of the brain: stale marks, sweep, grace time, refusals, routes that are
// not best or lost, and sessions that end at any point. Behaves as tests/netns/module shows of the real one. Not
// thread-safe. Faults are asked for by the test.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "redistribute/redistributor.h"

namespace berth {

class FakeZebra {
 public:
  struct Entry {
    RibObject object;
    bool stale = false;
  };

  // --- as the module ---
  void connect(Redistributor& brain) {
    connected_ = true;
    sync_done_ = false;
    answers_.clear();
    found_.clear();
    for (auto& [key, entry] : rib_) entry.stale = true;
    brain.zebra_connected();
  }
  void disconnect(Redistributor& brain) {
    connected_ = false;
    sync_done_ = false;
    answers_.clear();
    found_.clear();
    for (auto& [key, entry] : rib_) entry.stale = true;
    brain.zebra_lost();
  }
  void restart() { rib_.clear(); }  // zebra itself began anew (-K aside)
  void end_of_grace() {             // nobody came back in time
    if (!connected_) std::erase_if(rib_, [](const auto& each) { return each.second.stale; });
  }
  bool connected() const { return connected_; }

  // Takes one step; its answers wait until answer_some(), as on a socket. `refuse` decides per object.
  void take(const Action& step) {
    ++operations_;
    if (const auto* announce = std::get_if<Announce>(&step)) {
      const RibObject& object = announce->object;
      if (refuse_ && refuse_(object)) {
        answers_.push_back({object.key, RibState::Rejected, "refused by the test"});
        return;
      }
      rib_[object.key] = {object, false};
      answers_.push_back({object.key, RibState::Accepted, ""});
      const bool best = !not_best_ || !not_best_(object);
      answers_.push_back({object.key, best ? RibState::Installed : RibState::NotBest, best ? "" : "static wins"});
    } else if (const auto* withdraw = std::get_if<Withdraw>(&step)) {
      rib_.erase(withdraw->key);
      answers_.push_back({withdraw->key, RibState::Gone, ""});
    } else if (const auto* question = std::get_if<Ask>(&step)) {
      RibFound found{question->address, {}, {}};
      if (elsewhere_ && elsewhere_(question->address))
        found.routes.push_back({"bgp", false, {{IpAddress::parse("10.0.0.1"), "eth1"}}});
      free_.erase(question->address);
      if (found.routes.empty() || rib_.contains({RibKind::Route, question->address})) free_.insert(question->address);
      if (const auto own = rib_.find({RibKind::Route, question->address}); own != rib_.end())
        found.routes.push_back({"openfabric", true, {{std::nullopt, own->second.object.interface.str()}}});
      // Of several questions on one prefix the last one is answered, and not in the order of the questions.
      std::erase_if(found_, [&](const RibFound& each) { return each.prefix == found.prefix; });
      found_.insert(found_.begin() + static_cast<long>(operations_ % (found_.size() + 1)), std::move(found));
    } else if (const auto* sync = std::get_if<EndOfSync>(&step)) {
      const auto kept = [&](const Prefix& prefix) {
        return std::any_of(sync->keep.begin(), sync->keep.end(),
                           [&](const Prefix& each) { return each.contains(prefix); });
      };
      swept_ = std::erase_if(rib_, [&](const auto& each) { return each.second.stale && !kept(each.first.prefix); });
      ++syncs_;
      sync_done_ = true;
    }
  }
  // Somebody else takes a route of ours out.
  void lose(RibKey key) {  // a copy: the caller may point into rib()
    if (rib_.erase(key) > 0) answers_.push_back({key, RibState::Gone, "taken out by somebody else"});
  }
  bool answer_some(Redistributor& brain, std::size_t most = 1000000) {
    bool any = false;
    for (; most > 0 && !found_.empty(); --most) {
      const RibFound found = found_.front();
      found_.pop_front();
      brain.found(found);
      any = true;
    }
    for (; most > 0 && !answers_.empty(); --most) {
      const RibAnswer answer = answers_.front();
      answers_.pop_front();
      brain.answer(answer);
      any = true;
    }
    if (answers_.empty() && sync_done_) {
      sync_done_ = false;
      brain.zebra_synced();
      any = true;
    }
    return any;
  }

  void refuse(std::function<bool(const RibObject&)> which) { refuse_ = std::move(which); }
  void not_best(std::function<bool(const RibObject&)> which) { not_best_ = std::move(which); }

  void elsewhere(std::function<bool(const Prefix&)> which) { elsewhere_ = std::move(which); }

  // --- what a test looks at ---
  // What was said already, and what the last answer spoke for.
  bool may_be_announced(const RibKey& key) const {
    if (key.kind == RibKind::ConnectedTag || free_.contains(key.prefix)) return true;
    const auto there = rib_.find(key);
    return there != rib_.end() && !there->second.stale;
  }
  const std::map<RibKey, Entry>& rib() const { return rib_; }
  void seed(const RibObject& object) { rib_[object.key] = {object, true}; }  // of an earlier berthd
  std::size_t operations() const { return operations_; }
  int syncs() const { return syncs_; }
  std::string text() const {
    std::string out;
    for (const auto& [key, entry] : rib_)
      out += (key.kind == RibKind::ConnectedTag ? "mark " : "") + key.prefix.to_string() + " tag " +
             std::to_string(entry.object.tag) + " on " + entry.object.interface + (entry.stale ? " stale" : "") + "\n";
    return out;
  }

 private:
  std::map<RibKey, Entry> rib_;
  std::deque<RibAnswer> answers_;
  std::deque<RibFound> found_;
  std::function<bool(const Prefix&)> elsewhere_;
  std::set<Prefix> free_;
  std::function<bool(const RibObject&)> refuse_, not_best_;
  bool connected_ = false, sync_done_ = false;
  std::size_t operations_ = 0, swept_ = 0;
  int syncs_ = 0;
};

}  // namespace berth
