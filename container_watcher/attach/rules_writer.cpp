// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/rules_writer.h"

#include <algorithm>

#include "container_watcher/firewall/docker_raw.h"
#include "container_watcher/firewall/docker_user.h"
#include "container_watcher/firewall/isolation.h"

namespace berth {

// Stale: not now, the budget is used up.
Status RulesWriter::put(const std::vector<NetworkSite>& sites, const std::set<std::string>& keep, Budget* budget,
                        Outcome* out) {
  const std::string docker = firewall::docker_user_commands(*reader_.rules(), sites, keep) +
                             firewall::docker_raw_commands(*reader_.rules(), sites, keep);
  const std::string own = firewall::isolation_commands(*reader_.rules(), sites, keep);
  if (docker.empty() && own.empty()) return {};
  if (!budget->take()) return stale("");
  Status out_of_both;
  for (const std::string& commands : {docker, own}) {  // one refused is no reason for the other
    if (commands.empty()) continue;
    if (const auto done = nft_.run(commands); !done)
      out_of_both = done.error();
    else
      out->changed = true;
  }
  if (out->changed) static_cast<void>(reader_.read());  // else the next look reads them
  return out_of_both;
}

// nft takes a transaction as a whole or not at all: whose rules does it refuse?
void RulesWriter::put_singly(const std::vector<NetworkSite>& sites, const std::set<std::string>& keep, Outcome* out) {
  for (const NetworkSite& site : sites) {
    const Status done = put({site}, keep, &retries_, out);
    if (done) {
      refused_.erase(site.name);
      continue;
    }
    std::string& why = refused_[site.name];
    if (done.error().kind != ErrorKind::Stale) why = done.error().message;
    if (!why.empty()) out->refused[site.name] = why;  // else its turn comes with a later look
  }
}

RulesWriter::Outcome RulesWriter::apply(const HostPlan& plan) {
  Outcome out;
  std::vector<NetworkSite> accepted, refused;
  for (const NetworkSite& site : plan.sites) (refused_.contains(site.name) ? refused : accepted).push_back(site);
  std::erase_if(refused_, [&](const auto& each) {
    return std::none_of(plan.sites.begin(), plan.sites.end(),
                        [&](const NetworkSite& site) { return site.name == each.first; });
  });
  const Status done = put(accepted, plan.keep, &changes_, &out);
  if (!done && done.error().kind == ErrorKind::Stale) {
    out.undone = true;
    return out;
  }
  if (!done) {
    reader_.doubt();  // a rule's handle that is no more is refused as well
    static_cast<void>(reader_.read());
  }
  put_singly(done ? refused : plan.sites, plan.keep, &out);
  return out;
}

}  // namespace berth
