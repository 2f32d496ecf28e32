// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "daemon/config/words.h"
#include "daemon/show/show.h"
#include "daemon/show/text_table.h"

namespace berth {
namespace {

std::string number(std::uint64_t value) {
  return value ? std::to_string(value) : "-";
}
std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

// The container's end, as ip link in it prints it: "8: eth0@if7".
std::string inside_text(const AttachmentRow& row) {
  return (row.inside_index ? std::to_string(row.inside_index) + ": " : "") + or_dash(row.inside) +
         (row.host_index ? "@if" + std::to_string(row.host_index) : "");
}

std::string plural(std::size_t n, const std::string& one) {
  return std::to_string(n) + " " + one + (n == 1 ? "" : "s");
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& each : texts) out += (out.empty() ? "" : ", ") + each;
  return out;
}

// In lines that fit the screen, each that far from its edge.
std::string wrapped(const std::string& text, std::size_t indent) {
  constexpr std::size_t kWidth = 100;
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = text.size() - at <= kWidth - indent ? text.size() : text.rfind(' ', at + kWidth - indent);
    if (end == std::string::npos || end <= at) end = std::min(text.find(' ', at), text.size());
    out += std::string(indent, ' ') + text.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return out;
}

std::string in_sync_word(bool connected, bool in_sync) {
  return !connected ? "not connected" : in_sync ? "connected, in sync" : "connected, not in sync yet";
}

std::string not_advertised(const Problem& problem) {
  if (!problem.blocks) return "";
  return problem.family == Family::Both ? " (not advertised)"
                                        : " (" + std::string(to_string(problem.family)) + " not advertised)";
}

// Why nothing can be there, when a table stays empty.
std::string sentences(const std::vector<std::string>& silent) {
  std::string out;
  for (const std::string& each : silent) out += each + "\n";
  return out;
}

std::string short_id(const std::string& id) {
  return id.substr(0, 12);
}

// Nothing is said where all is well.
void note_family(const std::string& name, const FamilyHealth& health, TextTable* table) {
  if (!health.known || (health.nat == Nat::Off && health.in == Passing::All && health.out == Passing::All)) return;
  table->note("  " + name + ": NAT " + std::string(to_string(health.nat)) + ", in " +
              std::string(to_string(health.in)) + ", out " + std::string(to_string(health.out)) +
              (health.rule.empty() ? "" : ", by \"" + health.rule + "\" in " + health.chain));
}

void note_problems(const std::vector<Problem>& problems, TextTable* table) {
  for (const Problem& problem : problems) {
    table->note("  " + problem.code + ": " + problem.text + not_advertised(problem));
    if (problem.remedy.empty()) continue;
    // It may be a long one: of one network it is printed once.
    const auto first =
        std::ranges::find_if(problems, [&](const Problem& each) { return each.remedy == problem.remedy; });
    table->note("    remedy: " + (&*first == &problem ? problem.remedy : "as of " + first->code + ", above"));
  }
}

std::string zebra_text(const ZebraStatus& zebra) {
  std::string out = "Zebra:\n  " + in_sync_word(zebra.connected, zebra.in_sync);
  if (zebra.connected) {
    out += "; FRR " + zebra.frr_version + ", " + (zebra.way == "socket" ? "module " : "") + zebra.module_version + "\n";
    if (zebra.reason.empty()) return out;
    out += "  held up: " + zebra.reason + "\n";
    return zebra.remedy.empty() ? out : out + wrapped("remedy: " + zebra.remedy, 4);
  }
  out += ": " + (zebra.reason.empty() ? zebra.socket + " was not tried yet" : zebra.reason) + "\n";
  return zebra.remedy.empty() ? out : out + wrapped("remedy: " + zebra.remedy, 4);
}

}  // namespace

std::string to_text(const StatusRows& status) {
  std::string out = "berthd " + status.version + " on " + status.hostname + ", up " +
                    uptime(status.started_at, status.now) + " (since " + rfc3339(status.started_at) + ")\n";
  if (status.in_sync)
    out += "In sync: the fabric is told what is running here.\n";
  else if (status.unknown_networks.empty())
    out += "Not in sync: nothing is taken back before every source has answered.\n";
  for (const std::string& each : status.unknown_networks)
    out += "Not in sync with network " + each +
           ": its old routes stay until the runtime tells of it; see show networks.\n";
  if (status.withdrawn) out += "Withdrawn by the operator: nothing is advertised until 'no withdraw'.\n";
  out += "\nRuntimes:\n";
  if (status.runtimes.empty()) out += "  none; add 'runtime docker unix:/run/docker.sock'\n";
  for (const RuntimeStatus& each : status.runtimes)
    out += "  " + each.name + (each.version.empty() ? "" : " " + each.version) + ": " +
           in_sync_word(each.connected, each.in_sync) + "\n";
  out += zebra_text(status.zebra);
  out += "\n" + plural(status.networks, "network") + ", " + plural(status.containers, "container") + ", " +
         plural(status.routes, "route");
  std::vector<std::string> parts;
  parts.reserve(status.routes_in.size());
  for (const auto& [state, n] : status.routes_in) parts.push_back(std::to_string(n) + " " + state);
  out += (parts.empty() ? "" : ": " + joined(parts)) + "\n";
  if (status.networks_with_problems)
    out += plural(status.networks_with_problems, "network") + " with problems; see show networks.\n";
  return out;
}

std::string to_text(const NetworksRows& rows) {
  if (rows.networks.empty()) return "No network is configured; see 'network NAME' under configure terminal.\n";
  TextTable table({"Network", "Driver", "Interface", "Subnet", "Advertise", "Tag", "Containers", "NAT"});
  for (const NetworkRow& row : rows.networks) {
    table.row({row.name, row.driver, or_dash(row.interface), row.subnets.empty() ? "-" : row.subnets[0], row.advertise,
               number(row.tag), std::to_string(row.containers), row.nat});
    for (std::size_t at = 1; at < row.subnets.size(); ++at) table.row({"", "", "", row.subnets[at], "", "", "", ""});
    if (!row.looked_at) table.note("  not looked at yet" + (rows.silent.empty() ? "" : ": " + rows.silent.front()));
    note_family("IPv4", row.v4, &table);
    note_family("IPv6", row.v6, &table);
    note_problems(row.problems, &table);
  }
  return table.text();
}

std::string to_text(const ContainersRows& rows) {
  if (rows.containers.empty()) return "No container runs here.\n" + sentences(rows.silent);
  TextTable table({"Container", "Id", "State", "Network", "Address", "Route"});
  for (const ContainerRow& row : rows.containers) {
    if (row.attachments.empty()) table.row({row.name, short_id(row.id), row.state, or_dash(row.shares), "-", "-"});
    bool first = true;
    for (const AttachmentRow& each : row.attachments) {
      const std::string route = each.lacking.empty() ? each.route_state : "partly: " + each.lacking;
      table.row({first ? row.name : "", first ? short_id(row.id) : "", first ? row.state : "",
                 each.runtime_network + (each.ours ? "" : " (not ours)"), or_dash(joined(each.addresses)),
                 or_dash(route)});
      note_problems(each.problems, &table);
      first = false;
    }
  }
  return table.text();
}

std::string to_text(const AttachmentsRows& rows) {
  TextTable table({"Container", "Network", "Driver", "Parent", "Port", "MAC", "MTU", "Address", "Route"});
  for (const AttachmentRow& row : rows.attachments) {
    if (!row.ours) continue;
    table.row({row.container, row.network, row.driver, or_dash(row.parent), or_dash(row.host_interface),
               or_dash(row.mac), number(row.mtu), or_dash(joined(row.addresses)),
               or_dash(row.lacking.empty() ? row.route_state : row.lacking)});
    table.note("  " + row.runtime + ", inside " + inside_text(row) + (row.netns.empty() ? "" : ", netns " + row.netns));
  }
  if (table.empty()) return "No container is attached to a network of berthd.conf.\n" + sentences(rows.silent);
  return table.text();
}

std::string to_text(const RoutesRows& rows) {
  if (rows.routes.empty())
    return "No route: no container runs in a network that advertises.\n" + sentences(rows.silent);
  TextTable table({"Prefix", "Kind", "Network", "Container", "Tag", "State", "Since"});
  for (const RouteRow& row : rows.routes) {
    table.row({row.prefix, row.subnet ? "subnet" : "host", row.network, or_dash(row.container), number(row.tag),
               row.state, uptime(row.since, rows.now)});
    if (!row.reason.empty()) table.note("  " + row.reason);
  }
  return table.text() +
         (rows.way == "socket" ? "" : "By FRR's " + rows.way + ": routes of type static, subnets by prefix-lists.\n");
}

std::string to_text(const LeasesRows& rows) {
  if (rows.leases.empty()) return "No container has an address of berthd's.\n";
  TextTable table({"Network", "Address", "Container", "Runtime", "State", "Since", "Without"});
  for (const LeaseRow& row : rows.leases)
    table.row({row.network, joined(row.addresses), row.container.empty() ? short_id(row.container_id) : row.container,
               row.runtime, row.state, uptime(row.given, rows.now),
               row.delay < 0 ? "-" : std::to_string(row.delay) + " ms"});
  return table.text();
}

std::string to_text(const ParentsRows& rows) {
  if (rows.parents.empty()) return "No network of berthd.conf stands on a parent.\n";
  TextTable table({"Network", "Parent", "State", "MACs", "Limit", "Clashes"});
  for (const ParentRow& row : rows.parents) {
    table.row(
        {row.network, row.parent, or_dash(row.state), number(row.macs), number(row.limit), number(row.clashes.size())});
    for (const HostParent::Clash& each : row.clashes)
      table.note("  " + each.mac + " has " + each.address.to_string() + " of " + each.container);
  }
  return table.text();
}

std::string to_text(const OverlaysRows& rows) {
  if (rows.overlays.empty()) return "No network of berthd.conf is an overlay.\n";
  TextTable table({"Network", "VNI", "VTEP", "MTU", "Far VTEPs", "Here", "Far"});
  for (const OverlayRow& row : rows.overlays) {
    const HostOverlay& overlay = row.overlay;
    table.row({row.network, std::to_string(overlay.vni), overlay.vtep ? overlay.vtep->to_string() : "-",
               number(overlay.mtu), number(overlay.far_vteps.size()), number(row.here), number(row.far)});
    note_problems(row.problems, &table);
    for (const HostOverlay::Machine& each : overlay.machines) {
      std::string line = "  " + mac_text(each.mac);
      for (const IpAddress& one : each.addresses) line += " " + one.to_string();
      if (each.vtep) {
        const std::string name = overlay.name_of(*each.vtep);
        line += " at " + each.vtep->to_string() + (name.empty() ? "" : " (" + name + ")");
      }
      table.note(line + (each.vtep || each.container.empty() ? "" : " " + each.container));
    }
  }
  return table.text();
}

std::string to_text(const CountersRows& rows) {
  if (rows.counters.empty()) return "Every counter is zero.\n";
  TextTable table({"Counter", "Value"});
  for (const auto& [name, value] : rows.counters) table.row({name, std::to_string(value)});
  return table.text();
}

std::string to_text(const VersionRows& version) {
  const std::string out = "berthd " + version.version + " (" + version.hostname + ")\n";
  if (!version.zebra_connected) return out + "zebra is not connected\n";
  return out + "FRR " + version.frr_version + ", " + (version.way == "socket" ? "zebra_fpm_bridge " : "") +
         version.module_version + "\n";
}

// What is not in force stands there as comments, so that the whole can be read as a file.
std::string to_text(const RunningConfigRows& config) {
  std::string out = "Current configuration:\n" + config.text;
  for (const RunningConfigRows::Draft& draft : config.drafts) {
    out += "! not in force, expected " + draft.expected + ":\n";
    for (std::size_t at = 0; at < draft.text.size();) {
      const std::size_t end = draft.text.find('\n', at);
      out += "! " + draft.text.substr(at, end - at) + "\n";
      at = end + 1;
    }
  }
  return out;
}

std::string to_text(const firewall::Trace& trace) {
  std::string out = "in by " + trace.in + ", out by " + trace.out + "\n";
  TextTable table({"Hook", "Chain", "Rule", "Outcome"});
  for (const firewall::TraceStep& step : trace.steps) table.row({step.hook, step.chain, step.rule, step.outcome});
  if (!trace.steps.empty()) out += table.text();
  return out + "verdict: " + trace.verdict + "\n";
}

std::string to_text(const Explanation& explanation) {
  std::string out = explanation.subject + " is ";
  if (explanation.verdict == Advertised::Partly)
    out += "partly advertised, without " + joined(explanation.missing) + "\n";
  else
    out += explanation.verdict == Advertised::Yes ? "advertised\n" : "not advertised\n";
  std::size_t width = 0;
  for (const ReasonStep& step : explanation.steps) width = std::max(width, step.name.size());
  for (const ReasonStep& step : explanation.steps) {
    out += std::string("  ") + (step.ok ? "ok  " : "NO  ") + step.name +
           std::string(width - step.name.size() + 2, ' ') + step.detail + "\n";
    if (!step.remedy.empty()) out += std::string(width + 8, ' ') + "remedy: " + step.remedy + "\n";
  }
  return out;
}

}  // namespace berth
