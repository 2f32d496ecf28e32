// SPDX-License-Identifier: GPL-2.0-or-later
#include "redistribute/runtime_words.h"

#include <algorithm>

namespace berth {
namespace {

// "NAMESPACE/ID", as containerd's containers are called here.
struct OfContainerd {
  explicit OfContainerd(const ContainerFact& fact) {
    const std::string text = fact.key.id;
    const std::size_t slash = std::min(text.find('/'), text.size());
    ctr = "ctr -n " + text.substr(0, slash) + " ";
    id = text.substr(std::min(slash + 1, text.size()));
    // nerdctl gives a container a name beside its id, and starts it with the network that it made for it.
    if (fact.name != id) nerdctl = "nerdctl -n " + text.substr(0, slash) + " ";
  }
  std::string ctr, id, nerdctl;
};

}  // namespace

bool makes_networks(const Config& config, const ContainerKey& container) {
  return std::none_of(config.runtimes.begin(), config.runtimes.end(),
                      [&](const RuntimeConfig& each) { return each.name == container.runtime && !each.networks; });
}

std::string list_command(const Config& config) {
  const auto any = [&](const char* kind) {
    return std::any_of(config.runtimes.begin(), config.runtimes.end(),
                       [&](const auto& each) { return each.kind == kind; });
  };
  if (!any("containerd")) return "docker ps";
  return std::string(any("docker") ? "docker ps; " : "") + "ctr namespace list; ctr -n NAMESPACE container list";
}

std::string start_command(const Config& config, const ContainerFact& fact) {
  if (makes_networks(config, fact.key)) return "docker start " + fact.name;
  const OfContainerd it(fact);
  if (!it.nerdctl.empty()) return it.nerdctl + "start " + fact.name;
  // The task that has ended is in the way of another one.
  return (fact.state == "stopped" ? it.ctr + "task delete " + it.id + "; " : "") + it.ctr + "task start -d " + it.id;
}

std::string connect_command(const Config& config, const ContainerFact& fact) {
  if (makes_networks(config, fact.key)) return "docker network connect NETWORK " + fact.name;
  const OfContainerd it(fact);
  return it.ctr + "container label " + it.id +
         " berth.network=NETWORK # of one that says 'allow label network'; or CNI: ctr run --cni, nerdctl run";
}

std::string inspect_command(const Config& config, const ContainerFact& fact) {
  if (makes_networks(config, fact.key)) return "docker logs " + fact.name;
  const OfContainerd it(fact);
  return it.ctr + "task list; " + it.ctr + "container info " + it.id;
}

}  // namespace berth
