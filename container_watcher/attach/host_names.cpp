// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/host_names.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace berth {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kCounts = std::chrono::minutes(10);
constexpr std::size_t kMost = 4096;  // hosts

}  // namespace

std::string name_of_host(const IpAddress& address) {
  sockaddr_storage storage = {};
  socklen_t size = 0;
  if (address.is_v4()) {
    auto& to = reinterpret_cast<sockaddr_in&>(storage);
    to.sin_family = AF_INET;
    std::memcpy(&to.sin_addr, address.bytes().data(), 4);
    size = sizeof to;
  } else {
    auto& to = reinterpret_cast<sockaddr_in6&>(storage);
    to.sin6_family = AF_INET6;
    std::memcpy(&to.sin6_addr, address.bytes().data(), 16);
    size = sizeof to;
  }
  char name[NI_MAXHOST];
  const int failed =
      getnameinfo(reinterpret_cast<const sockaddr*>(&storage), size, name, sizeof name, nullptr, 0, NI_NAMEREQD);
  return failed == 0 ? name : "";
}

struct HostNames::State {
  struct Answer {
    std::string name;
    Clock::time_point until = {};  // it counts; before the first one: not at all
    bool asked = false;
  };
  explicit State(Ask the_ask) : ask(std::move(the_ask)) {}
  const Ask ask;
  std::mutex mutex;
  std::condition_variable wake;
  std::map<IpAddress, Answer> answers;  // all below under the mutex
  std::vector<IpAddress> queue;
  bool started = false, stopped = false;

  // False: there is no thread to be had now.
  bool start(const std::shared_ptr<State>& self) try {
    if (!started) std::thread([self] { run(self); }).detach();
    return started = true;
  } catch (const std::system_error&) {
    return false;
  }

  static void run(const std::shared_ptr<State>& self) {
    std::unique_lock lock(self->mutex);
    while (true) {
      self->wake.wait(lock, [&] { return self->stopped || !self->queue.empty(); });
      if (self->stopped) return;
      const IpAddress next = self->queue.front();
      self->queue.erase(self->queue.begin());
      lock.unlock();
      std::string name = self->ask(next);
      lock.lock();
      Answer& answer = self->answers[next];
      if (!name.empty()) answer.name = std::move(name);  // a DNS that is silent takes nothing away
      answer.until = Clock::now() + kCounts;
      answer.asked = false;
    }
  }
};

HostNames::HostNames(Ask ask) : state_(std::make_shared<State>(std::move(ask))) {}

HostNames::~HostNames() {
  const std::lock_guard lock(state_->mutex);
  state_->stopped = true;
  state_->wake.notify_one();
}

std::string HostNames::of(const IpAddress& address) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->answers.contains(address) && state_->answers.size() >= kMost) return {};
  State::Answer& answer = state_->answers[address];
  if (!answer.asked && Clock::now() >= answer.until && state_->start(state_)) {
    answer.asked = true;
    state_->queue.push_back(address);
    state_->wake.notify_one();
  }
  return answer.name;
}

std::string HostNames::told(const IpAddress& vtep) {
  const std::string name = of(vtep);
  return name.empty() ? "the host with the VTEP " + vtep.to_string() : name + " (VTEP " + vtep.to_string() + ")";
}

}  // namespace berth
