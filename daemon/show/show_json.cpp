// SPDX-License-Identifier: GPL-2.0-or-later
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "daemon/config/config_print.h"
#include "daemon/config/words.h"
#include "daemon/show/pick.h"
#include "daemon/show/show.h"

namespace json = boost::json;

namespace berth {
namespace {

json::object family_object(const FamilyHealth& health) {
  return json::object{{"nat", to_string(health.nat)},
                      {"in", to_string(health.in)},
                      {"out", to_string(health.out)},
                      {"rule", health.rule},
                      {"chain", health.chain}};
}

json::array addresses_of(const EndpointFact& endpoint) {
  json::array out;
  for (const IpAddress& address : endpoint.addresses) out.emplace_back(address.to_string());
  return out;
}

json::object attachment_object(const AttachmentView& each) {
  json::object out;
  out["network"] = each.network ? std::string_view(each.network->name) : each.endpoint->network.view();
  out["driver"] = each.network ? each.network->driver.view() : each.endpoint->driver.view();
  out["interface"] = "";
  out["hostInterface"] = "";
  out["parent"] = each.parent;
  out["mac"] = each.endpoint->mac.view();
  out["mtu"] = each.mtu;
  out["addresses"] = addresses_of(*each.endpoint);
  out["netns"] = "";
  out["advertise"] = each.advertise;
  out["routeState"] = each.route_state();
  json::array routes;
  for (const AttachmentRoute& route : each.routes)
    routes.push_back(json::object{{"prefix", route.prefix.to_string()}, {"state", route.state()}});
  out["routes"] = std::move(routes);
  return out;
}

json::object counters_object(const View& view) {
  json::object out;
  for (const auto& [name, value] : view.counters) out[name] = value;
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

json::value status_json(const View& view) {
  json::array runtimes;
  for (const RuntimeStatus& each : view.runtimes)
    runtimes.push_back(json::object{{"name", each.name},
                                    {"kind", each.kind},
                                    {"version", each.version},
                                    {"connected", each.connected},
                                    {"inSync", each.in_sync}});
  std::map<std::string, std::size_t> states;
  for (const RouteView& route : view.routes) ++states[std::string(to_string(route.state))];
  json::object routes;
  for (const auto& [state, n] : states) routes[state] = n;
  json::array unknown;
  for (const std::string& each : view.unknown_networks) unknown.emplace_back(each);
  return json::object{{"version", view.version},
                      {"hostname", view.hostname},
                      {"startedAt", rfc3339(view.started_at)},
                      {"inSync", view.in_sync},
                      {"unknownNetworks", std::move(unknown)},
                      {"withdrawn", view.withdrawn},
                      {"runtimes", std::move(runtimes)},
                      {"zebra",
                       {{"connected", view.zebra.connected},
                        {"socket", view.zebra.socket},
                        {"frrVersion", view.zebra.frr_version},
                        {"moduleVersion", view.zebra.module_version},
                        {"inSync", view.zebra.in_sync},
                        {"reason", view.zebra.reason},
                        {"remedy", view.zebra.remedy}}},
                      {"networks", view.config.networks.size()},
                      {"containers", view.containers.size()},
                      {"routes", std::move(routes)},
                      {"counters", counters_object(view)}};
}

json::value networks_json(const View& view) {
  const Picker pick(view);
  json::array out;
  for (const auto& [name, network] : view.config.networks) {
    const auto health = view.health.find(name);
    const bool known = health != view.health.end();
    json::array subnets, problems;
    for (const SubnetConfig& subnet : network.subnets) subnets.emplace_back(subnet.subnet.to_string());
    if (known)
      for (const Problem& problem : health->second.problems)
        problems.push_back(json::object{{"code", problem.code},
                                        {"text", problem.text},
                                        {"remedy", problem.remedy},
                                        {"blocks", problem.blocks},
                                        {"family", to_string(problem.family)}});
    const auto containers = pick.containers_in().find(name);
    json::object firewall;
    if (known && health->second.v4.known) firewall["ipv4"] = family_object(health->second.v4);
    if (known && health->second.v6.known) firewall["ipv6"] = family_object(health->second.v6);
    out.push_back(json::object{{"name", name},
                               {"runtimeNetwork", network.runtime_network()},
                               {"driver", network.driver.view()},
                               {"interface", known ? health->second.interface : ""},
                               {"attached", known && health->second.attached},
                               {"subnets", std::move(subnets)},
                               {"advertise", to_string(network.advertise)},
                               {"tag", network.tag},
                               {"containers", containers == pick.containers_in().end() ? 0 : containers->second},
                               {"nat", to_string(known ? health->second.nat : Nat::Unknown)},
                               {"firewall", std::move(firewall)},
                               {"problems", std::move(problems)}});
  }
  return json::object{{"networks", std::move(out)}};
}

json::value containers_json(const View& view) {
  const Picker pick(view);
  json::array out;
  for (const ContainerFact& container : view.containers) {
    json::array attachments;
    for (const AttachmentView& each : pick.attachments(container)) attachments.push_back(attachment_object(each));
    out.push_back(json::object{{"id", container.key.id},
                               {"name", container.name},
                               {"runtime", container.key.runtime},
                               {"state", container.state},
                               {"networkMode", container.network_mode},
                               {"attachments", std::move(attachments)}});
  }
  return json::object{{"containers", std::move(out)}};
}

json::value attachments_json(const View& view) {
  const Picker pick(view);
  json::array out;
  for (const ContainerFact& container : view.containers)
    for (const AttachmentView& each : pick.attachments(container)) {
      json::object object{{"container", container.name}, {"containerId", container.key.id}};
      for (auto& [key, value] : attachment_object(each)) object[key] = std::move(value);
      out.push_back(std::move(object));
    }
  return json::object{{"attachments", std::move(out)}};
}

json::value routes_json(const View& view) {
  json::array out;
  for (const RouteView& route : view.routes) {
    json::object object{{"prefix", route.key.prefix.to_string()}, {"network", route.network}};
    if (!route.subnet) object["container"] = route.container;
    object["kind"] = route.subnet ? "subnet" : "host";
    object["tag"] = route.tag;
    object["state"] = to_string(route.state);
    object["reason"] = route.reason;
    object["since"] = rfc3339(since_of(view, route));
    out.push_back(std::move(object));
  }
  return json::object{{"routes", std::move(out)}};
}

json::value counters_json(const View& view) {
  return json::object{{"counters", counters_object(view)}};
}

json::value version_json(const View& view) {
  return json::object{
      {"version", view.version}, {"frrVersion", view.zebra.frr_version}, {"moduleVersion", view.zebra.module_version}};
}

json::value running_config_json(const View& view) {
  return json::object{{"text", print_config(view.config)}};
}

json::value explain_json(const Explanation& explanation) {
  json::array steps;
  for (const ReasonStep& step : explanation.steps)
    steps.push_back(
        json::object{{"name", step.name}, {"ok", step.ok}, {"detail", step.detail}, {"remedy", step.remedy}});
  json::array missing;
  for (const std::string& prefix : explanation.missing) missing.emplace_back(prefix);
  return json::object{{"subject", explanation.subject},
                      {"verdict", to_string(explanation.verdict)},
                      {"missing", std::move(missing)},
                      {"steps", std::move(steps)}};
}

json::value trace_json(const firewall::Trace& trace) {
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
