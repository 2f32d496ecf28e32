// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "daemon/config/words.h"
#include "daemon/show/pick.h"
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

std::string plural(std::size_t n, const std::string& one) {
  return std::to_string(n) + " " + one + (n == 1 ? "" : "s");
}

std::string addresses_of(const EndpointFact& endpoint) {
  std::string out;
  for (const IpAddress& address : endpoint.addresses) out += (out.empty() ? "" : ", ") + address.to_string();
  return or_dash(out);
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

// What stands for the network of a container that has no endpoint of its own.
std::string without_endpoint(const View& view, const ContainerFact& container) {
  constexpr std::string_view kShared = "container:";
  const std::string& mode = container.network_mode;
  if (!mode.starts_with(kShared)) return mode == "host" || mode == "none" ? mode : "-";
  const std::string other = mode.substr(kShared.size());
  for (const ContainerFact& each : view.containers)
    if (each.key.id == other || each.name == other) return "of " + each.name;
  return "of " + other.substr(0, 12);
}

// Why nothing can be there, when a table stays empty.
std::string why_empty(const View& view) {
  std::string out;
  for (const RuntimeStatus& each : view.runtimes)
    if (!each.connected)
      out += "Runtime " + each.name + " does not answer; see show status.\n";
    else if (!each.in_sync)
      out += "Runtime " + each.name + " has not listed its containers yet.\n";
  return out;
}

// Nothing is said where all is well.
void note_family(const std::string& name, const FamilyHealth& health, TextTable* table) {
  if (!health.known || (health.nat == Nat::Off && health.in == Passing::All && health.out == Passing::All)) return;
  table->note("  " + name + ": NAT " + std::string(to_string(health.nat)) + ", in " +
              std::string(to_string(health.in)) + ", out " + std::string(to_string(health.out)) +
              (health.rule.empty() ? "" : ", by \"" + health.rule + "\" in " + health.chain));
}

}  // namespace

std::string status_text(const View& view) {
  std::string out = "berthd " + view.version + " on " + view.hostname + ", up " + uptime(view.started_at, view.now) +
                    " (since " + rfc3339(view.started_at) + ")\n";
  if (view.in_sync)
    out += "In sync: the fabric is told what is running here.\n";
  else if (view.unknown_networks.empty())
    out += "Not in sync: nothing is taken back before every source has answered.\n";
  for (const std::string& each : view.unknown_networks)
    out += "Not in sync with network " + each +
           ": its old routes stay until the runtime tells of it; see show networks.\n";
  if (view.withdrawn) out += "Withdrawn by the operator: nothing is advertised until 'no withdraw'.\n";
  out += "\nRuntimes:\n";
  if (view.runtimes.empty()) out += "  none; add 'runtime docker unix:/run/docker.sock'\n";
  for (const RuntimeStatus& each : view.runtimes)
    out += "  " + each.name + (each.version.empty() ? "" : " " + each.version) + ": " +
           in_sync_word(each.connected, each.in_sync) + "\n";
  out += "Zebra:\n  " + in_sync_word(view.zebra.connected, view.zebra.in_sync);
  if (view.zebra.connected)
    out += "; FRR " + view.zebra.frr_version + ", module " + view.zebra.module_version + "\n";
  else
    out += ": " + (view.zebra.reason.empty() ? view.zebra.socket + " was not tried yet" : view.zebra.reason) + "\n";
  if (!view.zebra.connected && !view.zebra.remedy.empty()) out += wrapped("remedy: " + view.zebra.remedy, 4);
  std::map<std::string, std::size_t> states;
  for (const RouteView& route : view.routes) ++states[std::string(to_string(route.state))];
  out += "\n" + plural(view.config.networks.size(), "network") + ", " + plural(view.containers.size(), "container") +
         ", " + plural(view.routes.size(), "route");
  std::string parts;
  for (const auto& [state, n] : states) parts += (parts.empty() ? "" : ", ") + std::to_string(n) + " " + state;
  out += (parts.empty() ? "" : ": " + parts) + "\n";
  std::size_t sick = 0;
  for (const auto& [name, health] : view.health) sick += health.problems.empty() ? 0 : 1;
  if (sick) out += plural(sick, "network") + " with problems; see show networks.\n";
  return out;
}

std::string networks_text(const View& view) {
  if (view.config.networks.empty()) return "No network is configured; see 'network NAME' under configure terminal.\n";
  const Picker pick(view);
  TextTable table({"Network", "Driver", "Interface", "Subnet", "Advertise", "Tag", "Containers", "NAT"});
  for (const auto& [name, network] : view.config.networks) {
    const auto entry = view.health.find(name);
    const NetworkHealth health = entry == view.health.end() ? NetworkHealth{} : entry->second;
    const auto containers = pick.containers_in().find(name);
    const std::size_t n = containers == pick.containers_in().end() ? 0 : containers->second;
    const std::string first = network.subnets.empty() ? "-" : network.subnets[0].subnet.to_string();
    table.row({name, network.driver, or_dash(health.interface), first, std::string(to_string(network.advertise)),
               number(network.tag), std::to_string(n), std::string(to_string(health.nat))});
    for (std::size_t at = 1; at < network.subnets.size(); ++at)
      table.row({"", "", "", network.subnets[at].subnet.to_string(), "", "", "", ""});
    if (entry == view.health.end()) {
      const std::string why = why_empty(view);
      table.note("  not looked at yet" + (why.empty() ? "" : ": " + why.substr(0, why.find('\n'))));
    }
    note_family("IPv4", health.v4, &table);
    note_family("IPv6", health.v6, &table);
    for (const Problem& problem : health.problems) {
      table.note("  " + problem.code + ": " + problem.text + not_advertised(problem));
      if (!problem.remedy.empty()) table.note("    remedy: " + problem.remedy);
    }
  }
  return table.text();
}

std::string containers_text(const View& view) {
  if (view.containers.empty()) return "No container runs here.\n" + why_empty(view);
  const Picker pick(view);
  TextTable table({"Container", "Id", "State", "Network", "Address", "Route"});
  for (const ContainerFact& container : view.containers) {
    const auto attachments = pick.attachments(container);
    if (attachments.empty())
      table.row({container.name, container.key.id.str().substr(0, 12), container.state,
                 without_endpoint(view, container), "-", "-"});
    bool first = true;
    for (const AttachmentView& each : attachments) {
      table.row({first ? container.name.str() : "", first ? container.key.id.str().substr(0, 12) : "",
                 first ? container.state.str() : "", each.endpoint->network + (each.network ? "" : " (not ours)"),
                 addresses_of(*each.endpoint), or_dash(each.route_text())});
      first = false;
    }
  }
  return table.text();
}

std::string attachments_text(const View& view) {
  const Picker pick(view);
  TextTable table({"Container", "Network", "Driver", "Parent", "MAC", "MTU", "Address", "Advertise", "Route"});
  for (const ContainerFact& container : view.containers)
    for (const AttachmentView& each : pick.attachments(container))
      if (each.network)
        table.row({container.name, each.network->name, each.network->driver, or_dash(each.parent),
                   or_dash(each.endpoint->mac), number(each.mtu), addresses_of(*each.endpoint), each.advertise,
                   or_dash(each.route_text(""))});
  if (table.empty()) return "No container is attached to a network of berthd.conf.\n" + why_empty(view);
  return table.text();
}

std::string routes_text(const View& view) {
  if (view.routes.empty()) return "No route: no container runs in a network that advertises.\n" + why_empty(view);
  TextTable table({"Prefix", "Kind", "Network", "Container", "Tag", "State", "Since"});
  for (const RouteView& route : view.routes) {
    table.row({route.key.prefix.to_string(), route.subnet ? "subnet" : "host", route.network, or_dash(route.container),
               number(route.tag), std::string(to_string(route.state)), uptime(since_of(view, route), view.now)});
    if (!route.reason.empty()) table.note("  " + route.reason);
  }
  return table.text();
}

std::string counters_text(const View& view) {
  if (view.counters.empty()) return "Every counter is zero.\n";
  TextTable table({"Counter", "Value"});
  for (const auto& [name, value] : view.counters) table.row({name, std::to_string(value)});
  return table.text();
}

std::string version_text(const View& view) {
  std::string out = "berthd " + view.version + " (" + view.hostname + ")\n";
  if (view.zebra.connected)
    out += "FRR " + view.zebra.frr_version + ", zebra_fpm_bridge " + view.zebra.module_version + "\n";
  else
    out += "zebra is not connected\n";
  return out;
}

std::string trace_text(const firewall::Trace& trace) {
  std::string out = "in by " + trace.in + ", out by " + trace.out + "\n";
  TextTable table({"Hook", "Chain", "Rule", "Outcome"});
  for (const firewall::TraceStep& step : trace.steps) table.row({step.hook, step.chain, step.rule, step.outcome});
  if (!trace.steps.empty()) out += table.text();
  return out + "verdict: " + trace.verdict + "\n";
}

std::string explain_text(const Explanation& explanation) {
  std::string out = explanation.subject + " is ";
  if (explanation.verdict == Advertised::Partly) {
    std::string missing;
    for (const std::string& prefix : explanation.missing) missing += (missing.empty() ? "" : ", ") + prefix;
    out += "partly advertised, without " + missing + "\n";
  } else {
    out += explanation.verdict == Advertised::Yes ? "advertised\n" : "not advertised\n";
  }
  std::size_t width = 0;
  for (const ReasonStep& step : explanation.steps) width = std::max(width, step.name.size());
  for (const ReasonStep& step : explanation.steps) {
    out += std::string("  ") + (step.ok ? "ok  " : "NO  ") + step.name +
           std::string(width - step.name.size() + 2, ' ') + step.detail + "\n";
    if (!step.ok && !step.remedy.empty()) out += std::string(width + 8, ' ') + "remedy: " + step.remedy + "\n";
  }
  return out;
}

}  // namespace berth
