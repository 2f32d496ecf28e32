// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/plugging.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "daemon/log.h"

namespace berth {
namespace {

constexpr unsigned kStaleToTell = 3;  // failures in a row that look like the container's end, and are not

}  // namespace

void Plugging::begin(Plugger& plugger, std::map<std::string, Runtime*> runtimes, Deliver deliver,
                     std::function<void()> work) {
  plugger_ = &plugger;
  runtimes_ = std::move(runtimes);
  deliver_ = std::move(deliver);
  work_ = std::move(work);
}

ContainerFact Plugging::whole(ContainerFact fact) {
  if (!asks_for_a_plug(fact)) {
    // Wanted again before it was taken away, it is plugged in anew: nothing says that its namespace is still the same.
    if (const auto known = known_.extract(fact.key); known && known.mapped().incarnation)
      brain_.look_again({known.mapped().plugged.network, {fact.key, kPlug}});
    return fact;
  }
  Known& known = known_[fact.key];
  const bool plugged = known.incarnation == incarnation_of(fact);
  known.said = fact;
  const bool runs = fact.state.view() == "running";
  if (!runs || (known.incarnation && !plugged)) known.runs_since.reset();
  if (runs && !known.runs_since) known.runs_since = timers_.now();
  if (plugged) fact.endpoints.push_back(known.plugged);
  return fact;
}

void Plugging::forget(const ContainerKey& container) {
  known_.erase(container);
}

void Plugging::listed(const std::string& runtime, const std::vector<ContainerFact>& all) {
  std::set<ContainerKey> named;
  for (const ContainerFact& each : all) named.insert(each.key);
  std::erase_if(known_,
                [&](const auto& each) { return each.first.runtime.view() == runtime && !named.contains(each.first); });
  plugger_->containers(runtime, all);
}

void Plugging::configure(const AttachmentKey& key, const AttachmentSpec& spec, const NetworkConfig& network,
                         const NetworkKey& network_key) {
  const ContainerKey& container = key.endpoint.container;
  const auto known = known_.find(container);
  const auto runtime = runtimes_.find(container.runtime);
  if (known == known_.end() || runtime == runtimes_.end() || !plugger_) return brain_.configure_failed(key);
  PlugOrder order{key, known->second.said.created, spec.incarnation, network, network_key,
                  {},  known->second.said.netns};
  order.plugged_in = known->second.incarnation == spec.incarnation;
  order.of_host = brain_.host_addresses();
  order.of_others = brain_.addresses_in(network.subnets);
  runtime->second->netns(container, [this, order = std::move(order)](Result<Netns> where) mutable {
    if (!plugger_) return;
    if (!where) {
      failed(order.key, where.error());
      return work_();
    }
    if (order.netns_path.empty()) order.netns_path = where->path;
    order.netns = std::move(*where);
    const AttachmentKey to = order.key;
    const std::string incarnation = order.incarnation;
    plugger_->plug(std::move(order), [this, to, incarnation](Plugger::Plugged result) {
      if (!plugger_) return;
      configured(to, incarnation, std::move(result));
      work_();
    });
  });
}

void Plugging::configured(const AttachmentKey& key, const std::string& incarnation, Plugger::Plugged result) {
  if (!result) return failed(key, result.error());
  if (!*result) return brain_.endpoint_in_the_way(key);
  brain_.endpoint_configured(key);
  const auto known = known_.find(key.endpoint.container);
  if (known == known_.end()) return;
  known->second.plugged = **std::move(result);
  known->second.stale = 0;
  if (std::exchange(known->second.incarnation, incarnation) != incarnation) {
    known->second.delay = {};
    if (known->second.runs_since)
      known->second.delay =
          std::chrono::duration_cast<std::chrono::milliseconds>(timers_.now() - *known->second.runs_since);
  }
  if (!std::exchange(known->second.told, {}).empty())
    notice("{} is plugged into {} now", known->second.said.name.view(), key.network.view());
  deliver_(ContainerFact(known->second.said));
}

// What has ended is not worth a word: its runtime says so soon, and the wish goes with it. Where it does not, it is something
// else.
void Plugging::failed(const AttachmentKey& key, const Error& why) {
  const auto found = known_.find(key.endpoint.container);
  if (found == known_.end()) return brain_.configure_failed(key);
  Known& known = found->second;
  known.stale = why.kind == ErrorKind::Stale ? known.stale + 1 : 0;
  const std::string text = "can't be plugged into " + key.network.str() + ": " + why.message;
  const bool may_have_ended = known.stale != 0 && known.stale < kStaleToTell;
  if (!may_have_ended && std::exchange(known.told, text) != text)
    spdlog::warn("{} {}{}{}", known.said.name.view(), text, why.remedy.empty() ? "" : "; ", why.remedy);
  Problem problem{"plug-refused", text, why.remedy};
  problem.waited_for = why.kind != ErrorKind::Permanent;
  brain_.configure_failed(key, problem);
}

void Plugging::unconfigure(const AttachmentKey& key) {
  const ContainerKey& container = key.endpoint.container;
  const auto done = [this, key](bool gone) {
    if (!gone) return brain_.configure_failed(key);
    brain_.unconfigured(key);
    const auto known = known_.find(key.endpoint.container);
    if (known == known_.end()) return;
    without(&known->second);
    deliver_(ContainerFact(known->second.said));
  };
  const auto runtime = runtimes_.find(container.runtime);
  if (runtime == runtimes_.end() || !plugger_) return done(true);
  runtime->second->netns(container, [this, key, done](const Result<Netns>& where) {
    if (!plugger_) return;
    if (where)
      return plugger_->unplug(key, *where, [this, done](const Status& status) {
        done(status.ok());
        work_();
      });
    done(where.error().kind == ErrorKind::Stale);
    work_();
  });
}

// It runs on without an address.
void Plugging::without(Known* known) {
  known->incarnation.reset();
  if (known->runs_since) known->runs_since = timers_.now();
}

void Plugging::lost(const EndpointKey& endpoint) {
  const auto known = known_.find(endpoint.container);
  if (!endpoint.plugged() || known == known_.end() || !known->second.incarnation) return;
  without(&known->second);
  brain_.look_again({known->second.plugged.network, endpoint});
  deliver_(ContainerFact(known->second.said));
}

void Plugging::look(const std::function<bool(const std::string& link)>& is_there) {
  std::vector<EndpointKey> gone;
  for (const auto& [container, known] : known_)
    if (known.incarnation && !known.plugged.host_link.empty() && !is_there(known.plugged.host_link))
      gone.push_back({container, kPlug});
  for (const EndpointKey& each : gone) lost(each);
}

std::map<ContainerKey, std::chrono::milliseconds> Plugging::delays() const {
  std::map<ContainerKey, std::chrono::milliseconds> out;
  for (const auto& [container, known] : known_)
    if (known.incarnation) out.emplace(container, known.delay);
  return out;
}

}  // namespace berth
