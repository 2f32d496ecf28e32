// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/attach/host_plan.h"

#include <algorithm>
#include <utility>

#include "container_watcher/attach/spread.h"
#include "core/names.h"

namespace berth {
namespace {

const std::string kForwardV4 = "net.ipv4.ip_forward", kForwardV6 = "net.ipv6.conf.all.forwarding";
const std::string kConfV6 = "net.ipv6.conf.", kAcceptRa = ".accept_ra";

Problem off(bool v4, const std::string& why) {
  return {"forwarding-off", "the host does not forward " + std::string(v4 ? "IPv4" : "IPv6") + ": " + why,
          "sysctl -w " + (v4 ? kForwardV4 : kForwardV6) + "=1, and in /etc/sysctl.d for the next boot", true,
          v4 ? Family::V4 : Family::V6};
}

// The link that the key "net.ipv6.conf.LINK.accept_ra" is of; empty: it is another key.
std::string link_of_accept_ra(const std::string& key) {
  if (!key.starts_with(kConfV6) || !key.ends_with(kAcceptRa)) return {};
  std::string out = key.substr(kConfV6.size(), key.size() - kConfV6.size() - kAcceptRa.size());
  std::replace(out.begin(), out.end(), '/', '.');
  return out;
}

// Links of ours that no network of berthd.conf has any more, and nobody else stands on: their addresses would be this host's for
// ever. Ports of bridges are those that go first, each with what it is there for.
std::vector<Operation> plan_links_left(const WantedHost& wanted, const HostState& host) {
  const auto stands = [&](const HostLink& link) {
    return std::ranges::any_of(host.links, [&](const HostLink& each) {
      return (each.alias == link.alias && wanted.standing->contains(each.name)) || each.master == link.index ||
             (link.kind == "veth" && each.index == link.peer && each.master != 0);
    });
  };
  std::vector<Operation> out;
  if (!wanted.standing) return out;
  for (const HostLink& each : host.links) {
    if (!each.alias.starts_with(kMark) || wanted.keep.contains(each.alias.substr(kMark.size()))) continue;
    // A veth with its other end elsewhere leads to a container.
    const bool whole = each.kind == "bridge" || each.kind == "macvlan" || (each.kind == "veth" && !each.peer_netns);
    if (whole && each.master == 0 && !stands(each)) out.emplace_back(DeleteLink{each.name, each.alias});
  }
  return out;
}

}  // namespace

Forwarding forwarding_of(const WantedHost& wanted) {
  Forwarding out{wanted.v4, wanted.v6};
  for (const auto& [name, site] : wanted.sites)
    for (const Prefix& subnet : site.subnets) (subnet.is_v4() ? out.v4 : out.v6) = true;
  return out;
}

Sequence plan_forwarding(bool v4, const HostState& host, const std::vector<std::string>& forgetful) {
  Sequence out;
  if ((v4 ? host.all_v4 : host.all_v6).forwarding != 0) return out;  // on; what is not known is not off
  if (!v4)
    for (const std::string& link : forgetful) out.emplace_back(SetSysctl{link_sysctl(false, link, "accept_ra"), "2"});
  out.emplace_back(SetSysctl{v4 ? kForwardV4 : kForwardV6, "1"});
  return out;
}

HostPlan plan_host(const WantedHost& wanted, const std::vector<NetworkSite>& sites, const HostState& host,
                   const Result<std::vector<std::string>>& forgetful, const std::set<std::string>& rules,
                   const DriverLookup& drivers) {
  HostPlan out;
  const Forwarding forwarding = forwarding_of(wanted);
  if (forwarding.v4) out.host.push_back(plan_forwarding(true, host, {}));
  if (forwarding.v6 && forgetful) out.host.push_back(plan_forwarding(false, host, *forgetful));
  for (const auto& [name, config] : wanted.networks) {
    const Driver* driver = driver_of(drivers, config.driver);
    auto ground = driver ? driver->groundwork(config, host) : std::nullopt;
    if (!ground) continue;
    if (std::ranges::any_of(ground->missing, [&](const Operation& each) {
          const auto* put = std::get_if<PutLink>(&each);
          return put && !host.find(put->name) && (ground->base.empty() || ground->base == put->name);
        }))
      out.linkless.insert(name);
    out.host.push_back(std::move(ground->missing));
  }
  for (const NetworkSite& site : sites) {
    const Driver* driver = driver_of(drivers, site.driver);
    if (!driver) continue;
    for (Operation& each : driver->plan(site, host)) out.host.push_back({std::move(each)});
    if (const HostLink* link = host.find(site.interface); link && link->up)
      for (Sequence& each : plan_spread(site, *link, host)) out.host.push_back(std::move(each));
  }
  if (wanted.sweep)
    for (auto& all : {plan_unspread(sites, host), plan_links_left(wanted, host)})
      for (const Operation& each : all) out.host.push_back({each});
  std::erase_if(out.host, [](const Sequence& each) { return each.empty(); });
  out.sites = sites;
  out.keep = wanted.keep;
  if (!wanted.sweep) out.keep.insert(rules.begin(), rules.end());
  for (const NetworkSite& site : sites) out.keep.insert(site.name);
  return out;
}

void isolate(const WantedHost& wanted, const DriverLookup& drivers, std::vector<NetworkSite>* sites) {
  for (NetworkSite& site : *sites) {
    const Driver* driver = driver_of(drivers, site.driver);
    const auto own = wanted.networks.find(site.name);
    if (!driver || own == wanted.networks.end()) continue;
    for (const auto& [name, other] : wanted.networks)
      if (driver->isolates(own->second, other))
        for (const SubnetConfig& each : other.subnets) site.isolated_from.push_back(each.subnet);
  }
}

std::vector<Problem> forwarding_problems(const std::vector<Undone>& undone) {
  std::vector<Problem> out;
  for (const Undone& each : undone) {
    const auto* sysctl = std::get_if<SetSysctl>(&each.operation);
    if (!sysctl || is_of_spread(each.operation)) continue;
    const bool v4 = sysctl->key == kForwardV4;
    if (each.too_often) {
      out.push_back(
          off(v4, "something sets " + sysctl->key + " to 0 again and again; berthd goes on setting it, slower"));
    } else if (const std::string link = link_of_accept_ra(sysctl->key); !link.empty()) {
      std::string why = kForwardV6 + " is 0; ";
      why.append(link).append(
          " would forget the routes that it learns by router advertisements, and berthd may not set ");
      why.append(sysctl->key).append(" to 2");
      out.push_back(off(false, why));
    } else if (each.error.kind == ErrorKind::Stale) {
      out.push_back(off(v4, sysctl->key + " is 0, and berthd can't reach " + sysctl_path(sysctl->key)));
    } else {
      out.push_back(off(v4, sysctl->key + " is 0, and berthd may not change it"));
    }
  }
  return out;
}

Problem forwarding_unsafe(const Error& forgetful) {
  return off(false,
             kForwardV6 + " is 0; what the host learnt by router advertisements can't be read: " + forgetful.message);
}

std::vector<Problem> link_problems(const std::string& network, const std::vector<Undone>& undone) {
  std::vector<Problem> out;
  for (const Undone& each : undone) {
    const auto* put = std::get_if<PutLink>(&each.operation);
    const auto* set = std::get_if<SetLink>(&each.operation);
    if (!put && !set) continue;
    if ((put ? put->settings : set->settings).alias != mark_of(network)) continue;
    const std::string& name = put ? put->name : set->name;
    const std::string& remedy = each.error.remedy;
    if (each.too_often)
      out.push_back({"link-refused",
                     "something changes " + name + " again and again; berthd goes on setting it, slower",
                     "find who does, with ip monitor link", true});
    else
      out.push_back({"link-refused", "berthd can't make " + name + ": " + each.error.message,
                     !remedy.empty()
                         ? remedy
                         : "run berthd with CAP_NET_ADMIN; else ip -d link says who has its name or its parent",
                     true});
  }
  return out;
}

std::vector<Problem> address_problems(const std::string& interface, const std::vector<Undone>& undone) {
  std::vector<Problem> out;
  for (const Undone& each : undone) {
    const auto* address = std::get_if<PutAddress>(&each.operation);
    if (!address || address->link != interface) continue;
    std::string text = address->address.to_string() + " on " + interface + ": ";
    if (each.too_often)
      text += "something takes it away again and again; berthd goes on putting it back, slower";
    else if (!each.error.remedy.empty())
      text += each.error.message;  // what has a remedy of its own is the cause
    else
      text += "berthd can't put it back: " + each.error.message;
    out.push_back({"gateway-refused", text, "find who takes it away, with ip monitor address", false,
                   address->address.is_v4() ? Family::V4 : Family::V6});
  }
  return out;
}

}  // namespace berth
