// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/containerd/containerd_runtime.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace asio = boost::asio;

namespace berth {
namespace {

// What is wanted of it, and nothing else: there is no such thing in containerd that could differ.
NetworkFact fact_of(const std::string& runtime, const RuntimeNetwork& network) {
  NetworkFact out;
  out.runtime = runtime;
  out.id = out.name = network.name;
  out.driver = network.driver;
  out.interface = network.interface;
  out.labels = {{"berth.network", network.network}};
  for (const SubnetConfig& each : network.subnets) out.subnets.push_back({each.subnet, each.gateway, each.ip_range});
  return out;
}

}  // namespace

ContainerdRuntime::ContainerdRuntime(asio::io_context& io, const RuntimeConfig& config, RuntimeSink& sink,
                                     ContainerdWorker::ReadNetns read)
    : io_(io), config_(config), sink_(sink), read_(std::move(read)), view_(config.name) {}

void ContainerdRuntime::start() {
  auto deliver = [this](ContainerdNews news) {
    later([this, news = std::move(news)]() mutable {
      worker_->taken();
      take(std::move(news));
    });
  };
  worker_ = std::make_shared<ContainerdWorker>(config_.address, read_, std::move(deliver));
  worker_->start();
}

void ContainerdRuntime::stop() {
  if (!worker_) return;
  worker_->stop();
  worker_.reset();
  asked_.clear();
}

void ContainerdRuntime::later(std::function<void()> what) {
  asio::post(io_, [weak = std::weak_ptr(worker_), what = std::move(what)] {
    if (const auto worker = weak.lock()) what();
  });
}

void ContainerdRuntime::take(ContainerdNews news) {
  std::visit([this](auto& each) { take(std::move(each)); }, news);
}

void ContainerdRuntime::take(const ContainerdLost& lost) {
  in_sync_ = false;
  sink_.runtime_lost(config_.name, lost.why);
}

void ContainerdRuntime::take(const ContainerdListed& listed) {
  view_.all(listed.ids);
  if (!std::exchange(in_sync_, true)) sink_.runtime_connected(config_.name, listed.version);
  RuntimeSnapshot all = view_.snapshot();
  unknown_told_ = !all.unknown.empty();
  sink_.snapshot(config_.name, std::move(all));
}

void ContainerdRuntime::take(ContainerAnswer answer) {
  if (answer.netns) links_cut_ += answer.netns->cut;
  view_.answer(std::move(answer));
  tell();
}

void ContainerdRuntime::take(NetnsAnswer answer) {
  const auto asked = asked_.extract(answer.number);
  if (asked) asked.mapped()(std::move(answer.netns));
}

void ContainerdRuntime::tell() {
  if (!in_sync_) return;
  ContainerdChanges changes = view_.take();
  for (const ContainerKey& each : changes.containers_gone) sink_.container_gone(each);
  for (ContainerFact& each : changes.containers) sink_.container_changed(std::move(each));
  auto unknown = view_.unknown();
  const bool any = !unknown.empty();
  if (any != std::exchange(unknown_told_, any)) sink_.networks_unknown(config_.name, std::move(unknown));
}

void ContainerdRuntime::ensure(const RuntimeNetwork& network, std::function<void(Result<EnsuredNetwork>)> then) {
  later([this, network, then = std::move(then)] {
    EnsuredNetwork out;
    out.fact = fact_of(config_.name, network);
    view_.network(out.fact);
    tell();
    then(std::move(out));
  });
}

void ContainerdRuntime::netns(const ContainerKey& container, std::function<void(Result<Netns>)> then) {
  const ContainerFact* fact = view_.find(container.id);
  const auto key = ContainerdKey::parse(container.id);
  const std::string mode = fact ? fact->network_mode.str() : "";
  if (!key || mode == "host" || mode.starts_with("container:")) {
    Error none = stale("container " + container.id.str() + " has no network namespace of its own");
    later([then = std::move(then), none = std::move(none)] { then(none); });
    return;
  }
  asked_.emplace(++questions_, std::move(then));
  worker_->ask_netns(questions_, *key);
}

std::map<std::string, std::uint64_t> ContainerdRuntime::counters() const {
  const ContainerdCounters of = worker_ ? worker_->counters() : ContainerdCounters{};
  return {{"containerdEvents", of.events},     {"containerdFullLists", of.full_lists}, {"containerdLosses", of.losses},
          {"containerdFailures", of.failures}, {"containerdOverflows", of.overflows},  {"containerdLabelsCut", of.cut},
          {"containerdLinksCut", links_cut_}};
}

}  // namespace berth
