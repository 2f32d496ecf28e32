// SPDX-License-Identifier: GPL-2.0-or-later
//
// A host in memory: carries out the same operations as the kernel on a HostState, and is asked the same questions. What it is
// held to is tests/support/host_suite.h, which runs over the kernel as well. It can fail: the Nth operation with an errno, a
// dump, a notification that is lost.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "container_watcher/netlink/errors.h"
#include "container_watcher/netlink/executor.h"
#include "container_watcher/netlink/observer.h"
#include "container_watcher/netlink/watch.h"

namespace berth {

class FakeHostKernel : public Executor, public Observer {
 public:
  struct Namespace {
    HostState host;
    std::vector<HostRoute> routes;
    std::map<int, std::vector<HostNeighbour>> neighbours;  // by the link's index
    std::map<int, std::vector<FdbEntry>> fdb;
    std::map<std::string, std::string> sysctls;
  };
  FakeHostKernel() {
    all_.emplace(Netns(), Namespace());
    begin(&own());
  }

  // What a test arranges.
  Namespace& own() { return all_.at({}); }
  Namespace& in(const Netns& where) { return all_.at(where); }
  void add_netns(const Netns& where) { begin(&all_[where]); }
  void fail(unsigned nth, int error) { fails_.emplace(applied + nth, error); }  // 1: the next operation
  void interrupt_dumps(unsigned times) { interrupted_ = times; }
  void change() { tell(); }  // by another hand

  // What a test counts.
  unsigned applied = 0;  // operations
  unsigned dumps = 0;    // of the whole state
  std::vector<AnnounceAddress> announced{};
  std::vector<std::string> forgetful{};  // what forgetful_links() answers

  // As Watch: whether there is something to look for since the last time.
  bool heard() { return std::exchange(waiting_, 0U) > 0; }
  const Watch::Counts& counts() const { return counts_; }

  Status apply(const Operation& operation) override {
    if (const auto fault = fails_.find(++applied); fault != fails_.end())
      return error_of(fails_.extract(fault).mapped(), "");
    return std::visit(
        [&](const auto& what) {
          const auto where = all_.find(what.netns);
          if (where == all_.end()) return Status(stale("there is no such network namespace"));
          return carry_out(what, &where->second);
        },
        operation);
  }

  using Observer::state;
  Result<HostState> state(const std::vector<Prefix>&, const Netns& where) override {
    ++dumps;
    if (interrupted_ > 0) return --interrupted_, transient("Dump inconsistency detected, interrupted");
    const auto found = all_.find(where);
    if (found == all_.end()) return stale("there is no such network namespace");
    HostState out = found->second.host;
    const auto& sysctls = found->second.sysctls;
    const auto number = [&](const std::string& key) -> std::optional<int> {
      const auto at = sysctls.find(key);
      return at == sysctls.end() ? std::nullopt : std::optional<int>(std::stoi(at->second));
    };
    out.all_v4 = {number("net.ipv4.ip_forward"), number("net.ipv4.conf.all.rp_filter")};
    out.all_v6 = {number("net.ipv6.conf.all.forwarding"), {}};
    for (HostLink& link : out.links) {
      link.v4 = {number(link_sysctl(true, link.name, "forwarding")), number(link_sysctl(true, link.name, "rp_filter"))};
      link.v6 = {number(link_sysctl(false, link.name, "forwarding")), {}};
      for (const LinkAddress& each : link.addresses) out.addresses.insert(each.address);
    }
    std::sort(out.links.begin(), out.links.end(), [](const auto& a, const auto& b) { return a.index < b.index; });
    return out;
  }
  Result<std::vector<std::string>> forgetful_links() override { return forgetful; }
  Result<std::vector<HostLink>> links(const Netns& where) override {
    const auto found = all_.find(where);
    return found == all_.end() ? Result<std::vector<HostLink>>(stale("there is no such network namespace"))
                               : found->second.host.links;
  }
  std::map<int, Mac> peer_macs(const std::vector<HostLink>& ports) override {
    std::map<int, Mac> out;
    for (const HostLink& port : ports)
      for (const auto& [where, each] : all_)
        for (const HostLink& link : each.host.links)
          if (link.index == port.peer) out[port.index] = link.mac;
    return out;
  }
  std::map<int, std::string> named_netns() override { return {}; }
  std::optional<HostLink> way_out(const Netns&, bool, const std::optional<IpAddress>&) override { return std::nullopt; }
  Result<std::vector<HostRoute>> routes(std::uint32_t table, int protocol, const Netns& where) override {
    std::vector<HostRoute> out;
    for (const HostRoute& each : all_.at(where).routes)
      if (each.table == table && (protocol == 0 || each.protocol == protocol)) out.push_back(each);
    return out;
  }
  Result<std::vector<HostNeighbour>> neighbours(const std::string& link, const Netns& where) override {
    Namespace& in = all_.at(where);
    const HostLink* of = in.host.find(link);
    return of ? in.neighbours[of->index] : Result<std::vector<HostNeighbour>>(none(link));
  }
  Result<HostProxies> proxies(const std::vector<Prefix>& within, const std::set<int>& links) override {
    HostProxies out;
    for (const HostRoute& each : own().routes)
      if (each.table == kMainTable && each.to.is_host() &&
          std::ranges::any_of(within, [&](const Prefix& one) { return one.contains(each.to); }))
        out.routes[each.to.address()].insert(each.link);
    for (const auto& [index, all] : own().neighbours)
      for (const HostNeighbour& each : all)
        if (each.proxy && each.protocol == kRouteProtocol) out.links[index].ours.insert(each.address);
    const auto number = [&](const std::string& key) { return std::stoi(own().sysctls.at(key)); };
    for (const int index : links)
      if (const HostLink* link = own().host.find(index)) {
        LinkProxies& of = out.links[index];
        of.delay_v4 = number(proxy_delay(true, link->name));
        of.delay_v6 = number(proxy_delay(false, link->name));
        of.ndp = number(link_sysctl(false, link->name, "proxy_ndp"));
      }
    return out;
  }
  Result<std::vector<FdbEntry>> fdb(const std::string& link, const Netns& where) override {
    Namespace& in = all_.at(where);
    const HostLink* of = in.host.find(link);
    if (!of) return none(link);
    std::vector<FdbEntry> out = in.fdb[of->index];
    if (of->kind == "bridge")
      for (const HostLink& each : in.host.links)
        if (each.master == of->index)
          for (const FdbEntry& one : in.fdb[each.index])
            if (one.of_bridge) out.push_back(one);
    return out;
  }

 private:
  static constexpr unsigned kQueue = 64;  // notifications that wait; more are lost

  static Error none(const std::string& link) { return stale("there is no interface " + link); }
  static void begin(Namespace* out) {
    out->sysctls = {
        {"net.ipv4.ip_forward", "0"}, {"net.ipv6.conf.all.forwarding", "0"}, {"net.ipv4.conf.all.rp_filter", "0"}};
  }
  void tell() {
    if (waiting_ < kQueue)
      ++waiting_, ++counts_.notifications;
    else
      ++counts_.overruns;
  }
  static HostLink* find(Namespace* in, const std::string& name) {
    return const_cast<HostLink*>(std::as_const(in->host).find(name));
  }

  Status carry_out(const PutAddress& what, Namespace* in) {
    HostLink* link = find(in, what.link);
    if (!link) return none(what.link);
    const std::string off = link_sysctl(false, what.link, "disable_ipv6");
    if (!what.address.is_v4() && in->sysctls[off] == "1") return permanent(off + " is 1", "sysctl -w " + off + "=0");
    const LinkAddress wanted{what.address, what.length};
    if (!what.address.is_v4() || what.alone)
      std::erase_if(link->addresses, [&](const auto& each) { return each.address == what.address && each != wanted; });
    if (std::find(link->addresses.begin(), link->addresses.end(), wanted) == link->addresses.end())
      link->addresses.push_back(wanted);
    tell();
    return {};
  }
  Status carry_out(const DeleteAddress& what, Namespace* in) {
    if (HostLink* link = find(in, what.link);
        link && std::erase(link->addresses, LinkAddress{what.address, what.length}))
      tell();
    return {};
  }
  Status carry_out(const RepeatAddresses& what, Namespace* in) {
    const HostLink* link = find(in, what.link);
    if (!link) return none(what.link);
    for (std::size_t i = 0; i < link->addresses.size(); ++i) tell();
    return {};
  }
  Status carry_out(const SetSysctl& what, Namespace* in) {
    const auto at = in->sysctls.find(what.key);
    if (at == in->sysctls.end()) return stale("berthd can't reach " + sysctl_path(what.key));
    if (std::exchange(at->second, what.value) == what.value) return {};
    // That of the whole host is given to each link.
    for (const bool v4 : {true, false})
      if (what.key == (v4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding"))
        for (const HostLink& link : in->host.links) in->sysctls[link_sysctl(v4, link.name, "forwarding")] = what.value;
    tell();
    return {};
  }

  HostLink& add_link(Namespace* in, const std::string& name, const std::string& kind) {
    HostLink link;
    link.index = ++next_index_;
    link.name = name;
    link.kind = kind;
    link.mtu = 1500;
    link.mac = 0x020000000000 | static_cast<Mac>(link.index);
    in->sysctls[link_sysctl(true, name, "rp_filter")] = "0";
    for (const bool v4 : {true, false}) in->sysctls[proxy_delay(v4, name)] = "80";
    for (const char* key : {"accept_dad", "accept_ra", "disable_ipv6", "proxy_ndp"})
      in->sysctls[link_sysctl(false, name, key)] = "0";
    in->sysctls[link_sysctl(true, name, "forwarding")] = in->sysctls["net.ipv4.ip_forward"];
    in->sysctls[link_sysctl(false, name, "forwarding")] = in->sysctls["net.ipv6.conf.all.forwarding"];
    in->host.links.push_back(link);
    tell();
    return in->host.links.back();
  }
  Status same_kind(const PutLink& what, const HostLink& link) {
    const auto* macvlan = std::get_if<MacvlanLink>(&what.kind);
    const auto* vxlan = std::get_if<VxlanLink>(&what.kind);
    const auto* veth = std::get_if<VethLink>(&what.kind);
    if (what.settings.alias && !link.alias.empty() && link.alias != *what.settings.alias)
      return permanent(what.name + " is somebody else's");
    if (const HostLink* peer = veth ? std::as_const(all_.at(veth->peer_netns).host).find(link.peer) : nullptr;
        veth && (!peer || (what.netns == veth->peer_netns && peer->name != veth->peer)))
      return permanent(what.name + " has its other end elsewhere");
    if (link.kind != name_of(what.kind) || (macvlan && link.peer != find(&own(), macvlan->parent)->index) ||
        (vxlan && (link.vni != vxlan->vni || link.port_number != vxlan->port)))
      return permanent(what.name + " is there already");
    return {};
  }
  Status make(const PutLink& what, Namespace* in) {
    if (const auto* veth = std::get_if<VethLink>(&what.kind)) {
      Namespace& there = all_.at(veth->peer_netns);
      if (find(&there, veth->peer)) return permanent(veth->peer + " is there already");
      HostLink& peer = add_link(&there, veth->peer, "veth");
      peer.peer = next_index_ + 1;
      if (veth->peer_mac != 0) peer.mac = veth->peer_mac;
      if (what.settings.mtu) peer.mtu = *what.settings.mtu;
    }
    HostLink& link = add_link(in, what.name, std::string(name_of(what.kind)));
    if (std::holds_alternative<VethLink>(what.kind)) link.peer = link.index - 1;
    if (const auto* macvlan = std::get_if<MacvlanLink>(&what.kind)) link.peer = find(&own(), macvlan->parent)->index;
    if (const auto* vxlan = std::get_if<VxlanLink>(&what.kind)) {
      link.vni = vxlan->vni;
      link.port_number = vxlan->port;
    }
    return {};
  }
  Status carry_out(const PutLink& what, Namespace* in) {
    if (const auto* veth = std::get_if<VethLink>(&what.kind); veth && !all_.contains(veth->peer_netns))
      return stale("there is no such network namespace");
    if (const auto* macvlan = std::get_if<MacvlanLink>(&what.kind); macvlan && !find(&own(), macvlan->parent))
      return none(macvlan->parent);
    if (what.settings.master && !what.settings.master->empty() && !find(in, *what.settings.master))
      return none(*what.settings.master);
    if (const HostLink* link = find(in, what.name)) {
      if (const Status same = same_kind(what, *link); !same) return same;
    } else if (const Status made = make(what, in); !made) {
      return made;
    }
    HostLink* link = find(in, what.name);
    const HostLink before = *link;
    if (const auto* macvlan = std::get_if<MacvlanLink>(&what.kind)) link->macvlan_mode = macvlan->mode;
    if (const auto* vxlan = std::get_if<VxlanLink>(&what.kind)) {
      link->local = vxlan->local;
      link->learns = vxlan->learning;
    }
    if (const auto* bridge = std::get_if<BridgeLink>(&what.kind)) {
      link->vlan_filtering = bridge->vlan_filtering;
      link->multicast_snooping = bridge->multicast_snooping;
    }
    if (before != *link) tell();
    return set(what.settings, link, in);
  }
  Status carry_out(const SetLink& what, Namespace* in) {
    HostLink* link = find(in, what.name);
    return link ? set(what.settings, link, in) : Status(none(what.name));
  }
  Status set(const LinkSettings& wanted, HostLink* link, Namespace* in) {
    const HostLink before = *link;
    if (wanted.master && !wanted.master->empty()) {
      const HostLink* master = find(in, *wanted.master);
      if (!master) return none(*wanted.master);
      link->master = master->index;
    } else if (wanted.master) {
      link->master = 0;
    }
    if (wanted.alias) link->alias = *wanted.alias;
    if (wanted.mtu) link->mtu = *wanted.mtu;
    if (wanted.mac) link->mac = *wanted.mac;
    if (wanted.up) link->up = *wanted.up;
    const auto flag = [](const std::optional<bool>& from, std::optional<bool>* to) {
      if (from) *to = from;
    };
    flag(wanted.port.isolated, &link->port.isolated);
    flag(wanted.port.hairpin, &link->port.hairpin);
    flag(wanted.port.learning, &link->port.learning);
    flag(wanted.port.neigh_suppress, &link->port.neigh_suppress);
    if (before != *link) tell();
    return {};
  }
  Status carry_out(const DeleteLink& what, Namespace* in) {
    const HostLink* link = find(in, what.name);
    if (!link) return {};
    if (!what.mark.empty() && link->alias != what.mark) return permanent(what.name + " is not a link of berth's");
    remove(link->index, link->kind == "veth" ? link->peer : 0);
    tell();
    return {};
  }
  Status carry_out(const DeleteMarkedLinks& what, Namespace* in) {
    if (in == &own()) return permanent("the links of berthd's own network namespace are not a container's");
    const auto marked = [](const HostLink& link) { return link.alias.starts_with("berth:"); };
    std::vector<int> ours;
    for (const HostLink& each : in->host.links) {
      const HostLink* peer = each.kind == "veth" ? own().host.find(each.peer) : nullptr;
      if ((marked(each) || (peer && marked(*peer))) && !(each.name == what.keep && each.alias == what.keep_mark))
        ours.push_back(each.index);
    }
    const bool more = ours.size() > kMostMarkedLinks;
    if (more) ours.resize(kMostMarkedLinks);
    for (const int each : ours)
      if (const HostLink* link = in->host.find(each)) remove(each, link->kind == "veth" ? link->peer : 0);
    if (!ours.empty()) tell();
    return more ? transient("some are left") : Status();
  }
  Status carry_out(const AnnounceAddress& what, Namespace* in) {
    const HostLink* link = find(in, what.link);
    if (!link) return none(what.link);
    if (!link->up) return error_of(ENETDOWN, "");
    announced.push_back(what);
    return {};
  }
  Status carry_out(const AwaitOperUp& what, Namespace* in) { return find(in, what.link) ? Status() : none(what.link); }
  // With all that stands on it.
  void remove(int index, int peer) {
    std::set<int> more;
    for (auto& [where, in] : all_) {
      for (HostLink& each : in.host.links) {
        if (each.master == index) each.master = 0;
        if (each.kind == "macvlan" && each.peer == index) more.insert(each.index);
      }
      std::erase_if(in.host.links, [&](const HostLink& each) { return each.index == index || each.index == peer; });
      std::erase_if(in.routes, [&](const HostRoute& each) { return each.link == index || each.link == peer; });
      in.neighbours.erase(index);
      in.fdb.erase(index);
    }
    for (const int each : more) remove(each, 0);
  }

  static unsigned metric_of(const Prefix& to, unsigned said) { return !to.is_v4() && said == 0 ? 1024 : said; }
  static bool reaches(const HostLink& link, const PutRoute& what) {
    return what.onlink || !what.via || std::any_of(link.addresses.begin(), link.addresses.end(), [&](const auto& each) {
             return Prefix::of(each.address, each.length).contains(*what.via);
           });
  }
  Status carry_out(const PutRoute& what, Namespace* in) {
    const HostLink* link = find(in, what.link);
    if (!link) return none(what.link);
    if (!link->up) return error_of(ENETDOWN, "");
    if (!reaches(*link, what)) return error_of(ENETUNREACH, "");
    const HostRoute wanted{what.to,     what.table, kRouteProtocol, metric_of(what.to, what.metric),
                           link->index, what.via,   what.onlink};
    for (HostRoute& each : in->routes) {
      if (each.to != wanted.to || each.table != wanted.table || each.metric != wanted.metric) continue;
      if (each.protocol != kRouteProtocol) return permanent("a route of another hand is there already");
      if (std::exchange(each, wanted) != wanted) tell();
      return {};
    }
    in->routes.push_back(wanted);
    tell();
    return {};
  }
  Status carry_out(const DeleteRoute& what, Namespace* in) {
    if (std::erase_if(in->routes, [&](const HostRoute& each) {
          return each.to == what.to && each.table == what.table && each.metric == metric_of(what.to, what.metric) &&
                 each.protocol == kRouteProtocol;
        }))
      tell();
    return {};
  }

  Status carry_out(const PutNeighbour& what, Namespace* in) {
    const HostLink* link = find(in, what.link);
    if (!link) return none(what.link);
    auto& all = in->neighbours[link->index];
    std::erase_if(all, [&](const auto& each) { return each.address == what.address && each.proxy == what.proxy; });
    all.push_back({what.address, what.proxy ? 0 : what.mac, !what.proxy, what.proxy, what.external, kRouteProtocol});
    tell();
    return {};
  }
  Status carry_out(const DeleteNeighbour& what, Namespace* in) {
    if (const HostLink* link = find(in, what.link);
        link && std::erase_if(in->neighbours[link->index], [&](const auto& each) {
          return each.address == what.address && each.proxy == what.proxy;
        }))
      tell();
    return {};
  }
  Status carry_out(const PutFdb& what, Namespace* in) {
    const HostLink* link = find(in, what.link);
    if (!link) return none(what.link);
    const bool tunnel = link->kind == "vxlan";
    if (!tunnel && link->master == 0) return error_of(EINVAL, "");
    auto& all = in->fdb[link->index];
    std::erase_if(
        all, [&](const auto& each) { return each.mac == what.mac && (what.mac != 0 || each.far_end == what.far_end); });
    if (!tunnel)  // one MAC address is behind one port of a bridge
      for (const HostLink& each : in->host.links)
        if (each.master == link->master)
          std::erase_if(in->fdb[each.index], [&](const auto& one) { return one.of_bridge && one.mac == what.mac; });
    all.push_back({what.mac, what.far_end, false, !tunnel, what.external, link->index});
    tell();
    return {};
  }
  Status carry_out(const DeleteFdb& what, Namespace* in) {
    if (const HostLink* link = find(in, what.link); link && std::erase_if(in->fdb[link->index], [&](const auto& each) {
                                                      return each.mac == what.mac &&
                                                             (!what.far_end || each.far_end == what.far_end);
                                                    }))
      tell();
    return {};
  }

  std::map<Netns, Namespace> all_;
  std::map<unsigned, int> fails_;  // errno by the number of the operation
  unsigned interrupted_ = 0, waiting_ = 0;
  int next_index_ = 1;
  Watch::Counts counts_;
};

}  // namespace berth
