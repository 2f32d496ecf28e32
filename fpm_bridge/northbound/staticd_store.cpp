// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/northbound/staticd_store.h"

#include <utility>

#include "fpm_bridge/northbound/static_lines.h"

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr auto kStaticdPatience = 5s, kCommitPatience = 60s;

}  // namespace

StaticdStore::StaticdStore(const asio::any_io_executor& executor, const std::string& folder)
    : shell_(executor, folder + "/staticd.vty") {}

asio::awaitable<Status> StaticdStore::open() {
  Status connected = co_await shell_.connect_enabled(kStaticdPatience);
  if (!connected) co_return connected;
  // Where mgmtd has the configuration, staticd's shell knows no routes.
  std::vector<std::string> words = {"configure terminal", "list", "end"};
  const auto answers = co_await shell_.ask_all(std::move(words), kStaticdPatience);
  if (!answers) co_return answers.error();
  if ((*answers)[1].text.find("ip route ") == std::string::npos)
    co_return transient(shell_.socket() + " knows no 'ip route', and there is no mgmtd_fe.sock beside it");
  co_return Status();
}

asio::awaitable<Result<std::vector<StaticRoute>>> StaticdStore::read() {
  const auto config = co_await shell_.ask("show running-config", kStaticdPatience);
  if (!config) co_return config.error();
  if (!config->taken()) co_return transient(shell_.socket() + " does not show its configuration");
  co_return read_static_lines(config->text);
}

asio::awaitable<Status> StaticdStore::commit(StaticPlan plan) {
  std::vector<std::string> lines = static_commands(plan);
  lines.insert(lines.begin(), "XFRR_start_configuration");
  lines.emplace_back("XFRR_end_configuration");
  co_return co_await shell_.configure(std::move(lines), kCommitPatience);
}

}  // namespace berth
