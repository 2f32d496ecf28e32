// SPDX-License-Identifier: GPL-2.0-or-later
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "daemon/config/words.h"
#include "daemon/show/show.h"

namespace json = boost::json;

namespace berth {
namespace {

// What the rules do to the traffic of one family.
json::object family_object(const FamilyHealth& health) {
  return json::object{{"nat", to_string(health.nat)},
                      {"in", to_string(health.in)},
                      {"out", to_string(health.out)},
                      {"rule", health.rule},
                      {"chain", health.chain}};
}

json::array array_of(const std::vector<std::string>& texts) {
  json::array out;
  for (const std::string& each : texts) out.emplace_back(each);
  return out;
}

json::array problems_array(const std::vector<Problem>& problems) {
  json::array out;
  for (const Problem& problem : problems)
    out.push_back(json::object{{"code", problem.code},
                               {"text", problem.text},
                               {"remedy", problem.remedy},
                               {"blocks", problem.blocks},
                               {"waitedFor", problem.waited_for},
                               {"family", to_string(problem.family)}});
  return out;
}

json::object attachment_object(const AttachmentRow& row) {
  json::array routes;
  for (const EndpointRoute& each : row.routes)
    routes.push_back(json::object{{"prefix", each.prefix}, {"state", each.state}});
  return json::object{{"network", row.network},
                      {"driver", row.driver},
                      {"runtime", row.runtime},
                      {"interface", row.inside},
                      {"interfaceIndex", row.inside_index},
                      {"hostInterface", row.host_interface},
                      {"hostIndex", row.host_index},
                      {"parent", row.parent},
                      {"mac", row.mac},
                      {"mtu", row.mtu},
                      {"addresses", array_of(row.addresses)},
                      {"netns", row.netns},
                      {"advertise", row.advertise},
                      {"routeState", row.route_state},
                      {"routes", std::move(routes)},
                      {"problems", problems_array(row.problems)}};
}

template <class Number>
json::object numbers_object(const std::map<std::string, Number>& numbers) {
  json::object out;
  for (const auto& [name, value] : numbers) out[name] = value;
  return out;
}

void pretty_into(std::string& out, const json::value& value, std::size_t depth) {
  const auto line = [&](std::size_t at) { out.append("\n").append(2 * at, ' '); };
  if (value.is_object() && !value.get_object().empty()) {
    out += '{';
    bool first = true;
    for (const auto& [key, each] : value.get_object()) {
      out += first ? "" : ",";
      first = false;
      line(depth + 1);
      out += json::serialize(json::value(key)) + ":";
      pretty_into(out, each, depth + 1);
    }
    line(depth);
    out += '}';
  } else if (value.is_array() && !value.get_array().empty()) {
    out += '[';
    bool first = true;
    for (const json::value& each : value.get_array()) {
      out += first ? "" : ",";
      first = false;
      line(depth + 1);
      pretty_into(out, each, depth + 1);
    }
    line(depth);
    out += ']';
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

json::value to_json(const StatusRows& status) {
  json::array runtimes, unknown;
  for (const RuntimeStatus& each : status.runtimes)
    runtimes.push_back(json::object{{"name", each.name},
                                    {"kind", each.kind},
                                    {"version", each.version},
                                    {"connected", each.connected},
                                    {"inSync", each.in_sync}});
  for (const std::string& each : status.unknown_networks) unknown.emplace_back(each);
  return json::object{{"version", status.version},
                      {"hostname", status.hostname},
                      {"startedAt", rfc3339(status.started_at)},
                      {"inSync", status.in_sync},
                      {"unknownNetworks", std::move(unknown)},
                      {"withdrawn", status.withdrawn},
                      {"runtimes", std::move(runtimes)},
                      {"zebra",
                       {{"connected", status.zebra.connected},
                        {"socket", status.zebra.socket},
                        {"frrVersion", status.zebra.frr_version},
                        {"moduleVersion", status.zebra.module_version},
                        {"inSync", status.zebra.in_sync},
                        {"way", status.zebra.way},
                        {"reason", status.zebra.reason},
                        {"remedy", status.zebra.remedy}}},
                      {"networks", status.networks},
                      {"containers", status.containers},
                      {"routes", numbers_object(status.routes_in)},
                      {"counters", numbers_object(status.counters)}};
}

json::value to_json(const NetworksRows& rows) {
  json::array out;
  for (const NetworkRow& row : rows.networks) {
    json::object firewall;
    if (row.v4.known) firewall["ipv4"] = family_object(row.v4);
    if (row.v6.known) firewall["ipv6"] = family_object(row.v6);
    out.push_back(json::object{{"name", row.name},
                               {"runtimeNetwork", row.runtime_network},
                               {"driver", row.driver},
                               {"interface", row.interface},
                               {"attached", row.attached},
                               {"subnets", array_of(row.subnets)},
                               {"advertise", row.advertise},
                               {"tag", row.tag},
                               {"containers", row.containers},
                               {"nat", row.nat},
                               {"firewall", std::move(firewall)},
                               {"problems", problems_array(row.problems)}});
  }
  return json::object{{"networks", std::move(out)}};
}

json::value to_json(const ContainersRows& rows) {
  json::array out;
  for (const ContainerRow& row : rows.containers) {
    json::array attachments;
    for (const AttachmentRow& each : row.attachments) attachments.push_back(attachment_object(each));
    out.push_back(json::object{{"id", row.id},
                               {"name", row.name},
                               {"runtime", row.runtime},
                               {"state", row.state},
                               {"networkMode", row.network_mode},
                               {"attachments", std::move(attachments)}});
  }
  return json::object{{"containers", std::move(out)}};
}

json::value to_json(const AttachmentsRows& rows) {
  json::array out;
  for (const AttachmentRow& row : rows.attachments) {
    json::object object{{"container", row.container}, {"containerId", row.container_id}};
    for (auto& [key, value] : attachment_object(row)) object[key] = std::move(value);
    out.push_back(std::move(object));
  }
  return json::object{{"attachments", std::move(out)}};
}

json::value to_json(const RoutesRows& rows) {
  json::array out;
  for (const RouteRow& row : rows.routes) {
    json::object object{{"prefix", row.prefix}, {"network", row.network}};
    if (!row.subnet) object["container"] = row.container;
    object["kind"] = row.subnet ? "subnet" : "host";
    object["tag"] = row.tag;
    object["state"] = row.state;
    object["reason"] = row.reason;
    object["since"] = rfc3339(row.since);
    out.push_back(std::move(object));
  }
  return json::object{{"routes", std::move(out)}, {"way", rows.way}};
}

json::value to_json(const LeasesRows& rows) {
  json::array out;
  for (const LeaseRow& row : rows.leases)
    out.push_back(json::object{{"network", row.network},
                               {"container", row.container},
                               {"containerId", row.container_id},
                               {"runtime", row.runtime},
                               {"addresses", array_of(row.addresses)},
                               {"state", row.state},
                               {"withoutAddressMs", row.delay},
                               {"given", rfc3339(row.given)}});
  return json::object{{"leases", std::move(out)}};
}

json::value to_json(const ParentsRows& rows) {
  json::array out;
  for (const ParentRow& row : rows.parents) {
    json::array clashes;
    for (const HostParent::Clash& each : row.clashes)
      clashes.push_back(
          json::object{{"container", each.container}, {"address", each.address.to_string()}, {"mac", each.mac}});
    out.push_back(json::object{{"network", row.network},
                               {"parent", row.parent},
                               {"state", row.state},
                               {"macs", row.macs},
                               {"limit", row.limit},
                               {"clashes", std::move(clashes)}});
  }
  return json::object{{"parents", std::move(out)}};
}

json::value to_json(const OverlaysRows& rows) {
  json::array out;
  const auto text = [](const std::optional<IpAddress>& address) {
    return address ? address->to_string() : std::string();
  };
  for (const OverlayRow& row : rows.overlays) {
    json::array far_vteps, macs;
    for (const IpAddress& each : row.overlay.far_vteps) far_vteps.emplace_back(each.to_string());
    for (const HostOverlay::Machine& each : row.overlay.machines) {
      json::array addresses;
      for (const IpAddress& one : each.addresses) addresses.emplace_back(one.to_string());
      macs.push_back(json::object{{"mac", mac_text(each.mac)},
                                  {"vtep", text(each.vtep)},
                                  {"host", each.vtep ? row.overlay.name_of(*each.vtep) : std::string()},
                                  {"container", each.container},
                                  {"addresses", std::move(addresses)}});
    }
    out.push_back(json::object{{"network", row.network},
                               {"vni", row.overlay.vni},
                               {"vtep", text(row.overlay.vtep)},
                               {"mtu", row.overlay.mtu},
                               {"farVteps", std::move(far_vteps)},
                               {"macs", std::move(macs)},
                               {"problems", problems_array(row.problems)}});
  }
  return json::object{{"overlays", std::move(out)}};
}

json::value to_json(const CountersRows& rows) {
  return json::object{{"counters", numbers_object(rows.counters)}};
}

json::value to_json(const VersionRows& version) {
  return json::object{{"version", version.version},
                      {"frrVersion", version.frr_version},
                      {"moduleVersion", version.module_version},
                      {"way", version.way}};
}

json::value to_json(const RunningConfigRows& config) {
  return json::object{{"text", config.text}};
}

json::value to_json(const Explanation& explanation) {
  json::array steps;
  for (const ReasonStep& step : explanation.steps)
    steps.push_back(
        json::object{{"name", step.name}, {"ok", step.ok}, {"detail", step.detail}, {"remedy", step.remedy}});
  return json::object{{"subject", explanation.subject},
                      {"verdict", to_string(explanation.verdict)},
                      {"missing", array_of(explanation.missing)},
                      {"steps", std::move(steps)}};
}

json::value to_json(const firewall::Trace& trace) {
  json::array steps;
  for (const firewall::TraceStep& step : trace.steps)
    steps.push_back(
        json::object{{"hook", step.hook}, {"chain", step.chain}, {"rule", step.rule}, {"outcome", step.outcome}});
  return json::object{{"in", trace.in}, {"out", trace.out}, {"verdict", trace.verdict}, {"steps", std::move(steps)}};
}

std::string pretty(const json::value& value) {
  std::string out;
  pretty_into(out, value, 0);
  return out + "\n";
}

}  // namespace berth
