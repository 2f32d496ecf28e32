// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/northbound/subnet_lists.h"

#include <chrono>
#include <utility>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr auto kListPatience = 5s, kFirstPatience = 1s;
constexpr std::string_view kDaemons[] = {"bgpd", "ospfd", "ospf6d", "isisd"};

}  // namespace

SubnetLists::SubnetLists(const asio::any_io_executor& executor, const std::string& folder) {
  for (const std::string_view each : kDaemons)
    daemons_.push_back(std::make_shared<FrrShell>(executor, folder + "/" + std::string(each) + ".vty"));
}

SubnetLists::~SubnetLists() {
  close();
}

void SubnetLists::close() {
  for (const auto& each : daemons_) each->close();
}

asio::awaitable<SubnetLists::Done> SubnetLists::apply(SubnetWishes wishes, bool all) {
  Done out;
  for (const auto& each : daemons_) {
    if (each->connected() && !all) {
      ++out.daemons;
      continue;
    }
    if (!each->connected()) {
      const Status runs = co_await each->connect(kFirstPatience);
      if (!runs) continue;
      const auto enabled = co_await each->ask("enable", kFirstPatience);
      if (!enabled) {
        out.silent = enabled.error();
        continue;
      }
    }
    const Status done = co_await set(*each, wishes);
    if (done)
      ++out.daemons;
    else if (done.error().kind == ErrorKind::Permanent)
      out.refused = done;
    else
      out.silent = done;
  }
  co_return out;
}

asio::awaitable<Status> SubnetLists::set(FrrShell& shell, const SubnetWishes& wishes) {
  const auto config = co_await shell.ask("show running-config", kListPatience);
  if (!config) co_return config.error();
  std::vector<std::string> lines = subnet_commands(config->text, wishes);
  if (lines.empty()) co_return Status();
  co_return co_await shell.configure(std::move(lines), kListPatience);
}

void SubnetLists::watch(const std::function<void()>& ended) {
  for (const auto& each : daemons_)
    each->watch([shell = each, ended] {
      shell->close();
      ended();
    });
}

}  // namespace berth
