// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/stub/stub_driver.h"

#include "container_watcher/attach/options.h"

namespace berth {

const std::vector<NetworkOption>& StubDriver::options() const {
  static const std::vector<NetworkOption> kOptions = {
      plain_option("link IF", "The interface that containers hang on\nIts name"),
  };
  return kOptions;
}

std::vector<std::string> StubDriver::gaps(const NetworkConfig& config) const {
  if (config.options.contains("link")) return {};
  return {"a link for network " + config.name + " (link IF)"};
}

RuntimeNetwork StubDriver::runtime_network(const NetworkConfig& config) const {
  RuntimeNetwork out;
  out.network = config.name;
  out.name = config.runtime_network();
  out.driver = "stub";
  out.interface = *config.options.at("link").begin();
  out.subnets = config.subnets;
  return out;
}

NetworkSite StubDriver::site(const NetworkConfig& config, const NetworkFact& fact) const {
  NetworkSite out;
  out.name = config.name;
  out.driver = config.driver;
  out.interface = *config.options.at("link").begin();
  for (const SubnetFact& each : fact.subnets) out.subnets.push_back(each.subnet);
  out.key = {fact.runtime, fact.id};
  return out;
}

std::vector<Operation> StubDriver::plan(const NetworkSite&, const HostState&) const {
  return {};
}

LinkVerdict StubDriver::judge(const NetworkSite& site, const HostState& host, const std::vector<std::string>&) const {
  LinkVerdict out;
  out.attached = host.find(site.interface) != nullptr;
  if (!out.attached) out.problems.push_back({"link-missing", "there is no " + site.interface, "ip link", true});
  return out;
}

}  // namespace berth
