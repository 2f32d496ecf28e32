// SPDX-License-Identifier: GPL-2.0-or-later
//
// A host as a value, for what is pure: HostBuilder().link("br0", "bridge", {"10.1.0.1/24"}).forwards(true).
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "container_watcher/netlink/host_state.h"

namespace berth {

class HostBuilder {
 public:
  operator HostState() const {  // NOLINT(google-explicit-constructor)
    HostState out = host_;
    for (const HostLink& link : out.links)
      for (const LinkAddress& each : link.addresses) out.addresses.insert(each.address);
    return out;
  }
  // Up, with these addresses ("10.1.0.1/24"); `kind` empty: a real device.
  HostBuilder link(const std::string& name, const std::string& kind, const std::vector<std::string>& addresses) {
    HostLink link;
    link.index = ++index_;
    link.name = name;
    link.kind = kind;
    link.up = link.carrier = true;
    host_.links.push_back(link);
    return this->addresses(name, addresses);
  }
  HostBuilder addresses(const std::string& name, const std::vector<std::string>& all) {
    HostLink& link = of(name);
    link.addresses.clear();
    for (const std::string& each : all) {
      const auto slash = each.find('/');
      link.addresses.push_back(
          {*IpAddress::parse(each.substr(0, slash)), static_cast<unsigned>(std::stoul(each.substr(slash + 1)))});
    }
    return *this;
  }
  HostBuilder duplicate(const std::string& name, const std::string& address) {
    for (LinkAddress& each : of(name).addresses)
      each.failed = each.failed || each.address == *IpAddress::parse(address);
    return *this;
  }
  HostBuilder down(const std::string& name) {
    of(name).up = of(name).carrier = false;
    return *this;
  }
  HostBuilder without(const std::string& name) {
    std::erase_if(host_.links, [&](const HostLink& each) { return each.name == name; });
    return *this;
  }
  // The host and each of its links.
  HostBuilder forwards(bool yes) {
    host_.all_v4.forwarding = host_.all_v6.forwarding = yes ? 1 : 0;
    for (HostLink& each : host_.links) each.v4.forwarding = each.v6.forwarding = yes ? 1 : 0;
    return *this;
  }

 private:
  HostLink& of(const std::string& name) {
    return *std::find_if(host_.links.begin(), host_.links.end(), [&](const auto& each) { return each.name == name; });
  }
  HostState host_;
  int index_ = 0;
};

}  // namespace berth
