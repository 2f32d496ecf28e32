// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "container_watcher/firewall/flow.h"
#include "container_watcher/firewall/program.h"
#include "container_watcher/firewall/verdict.h"

namespace berth::firewall {
namespace {

// The link by which an address is reached: a bridge of ours, or an uplink of the fabric.
std::vector<std::string> links_to(const IpAddress& address, const std::vector<NetworkSite>& sites,
                                  const Surroundings& around) {
  for (const NetworkSite& site : sites)
    for (const Prefix& each : site.subnets)
      if (each.contains(address)) return {site.interface};
  return address.is_v4() ? around.uplinks_v4 : around.uplinks_v6;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& each : names) out += (out.empty() ? "" : ", ") + each;
  return out.empty() ? "any link" : out;
}

std::string verdict_of(const Passage& passage) {
  if (passage.gave_up) return "not judged: too many rules";
  if (!passage.diverted.empty()) return "its destination is changed";
  const bool natted =
      std::any_of(passage.passed.begin(), passage.passed.end(), [](const Box& each) { return each.source_nat >= 0; });
  const std::string how = natted ? ", with its source changed" : "";
  if (passage.dropped.empty()) return "passes" + how;
  if (passage.passed.empty()) return "is dropped";
  const bool unsure =
      std::any_of(passage.dropped.begin(), passage.dropped.end(), [](const Gone& each) { return each.box.unsure; });
  return (unsure ? "may pass, which can't be judged" : "passes sometimes") + how;
}

}  // namespace

Trace trace(const Ruleset& rules, const std::vector<NetworkSite>& sites, const Surroundings& around,
            const TracedPacket& packet) {
  const bool v4 = packet.source.is_v4();
  Trace out;
  const std::vector<std::string> in = links_to(packet.source, sites, around);
  const std::vector<std::string> to = links_to(packet.destination, sites, around);
  out.in = joined(in);
  out.out = joined(to);
  Program program = compile(rules, v4, around.interfaces);
  for (const IpAddress& each : around.host_addresses)
    if (each.is_v4() == v4) program.host = program.host | IntervalSet::of(word_of(each));
  Box box;
  box[Field::In] = around.interfaces.numbers(in);
  box[Field::Out] = around.interfaces.numbers(to);
  box[Field::Source] = IntervalSet::of(word_of(packet.source));
  box[Field::Destination] = IntervalSet::of(word_of(packet.destination));
  const Word icmp = v4 ? kIcmp : kIcmpV6;
  box[Field::Protocol] = IntervalSet::of(packet.protocol == "tcp" ? kTcp : packet.protocol == "udp" ? kUdp : icmp);
  box[Field::SourcePort] = IntervalSet::range(32768, 60999);  // net.ipv4.ip_local_port_range
  box[Field::DestinationPort] = IntervalSet::of(packet.port);
  if (packet.protocol == "icmp") box[Field::SourcePort] = IntervalSet::of(0);
  box[Field::Mark] = box[Field::CtMark] = IntervalSet::of(0);
  out.verdict = verdict_of(walk_flow(program, box, false, &out.steps));
  return out;
}

}  // namespace berth::firewall
