// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/northbound/static_yang.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <initializer_list>
#include <map>
#include <optional>
#include <utility>

#include "fpm_bridge/northbound/json_members.h"

namespace json = boost::json;

namespace berth {
namespace {

constexpr std::string_view kFlatSince = "2026-04-18";
constexpr std::string_view kContainer = "frr-staticd:staticd";

bool only(const json::value& of, std::initializer_list<std::string_view> known) {
  return std::ranges::all_of(of.as_object(), [&](const auto& each) {
    return std::ranges::find(known, std::string_view(each.key())) != known.end();
  });
}

std::string family(const Prefix& prefix) {
  return prefix.is_v4() ? "frr-routing:ipv4-unicast" : "frr-routing:ipv6-unicast";
}

std::string kind(const StaticRoute& route) {
  if (!route.gateway) return "ifindex";
  return std::string(route.gateway->is_v4() ? "ip4" : "ip6") + (route.interface.empty() ? "" : "-ifindex");
}

std::string quoted(std::string_view key, const std::string& value) {
  const char mark = value.find('\'') == std::string::npos ? '\'' : '"';  // a link's name may have either
  return "[" + std::string(key) + "=" + mark + value + mark + "]";
}

std::string next_hop_keys(const StaticRoute& route) {
  return quoted("nh-type", kind(route)) + "[vrf='default']" +
         quoted("gateway", route.gateway ? route.gateway->to_string() : "") + quoted("interface", route.interface);
}

// A next hop of one path, with what stands at the path.
StaticRoute route_of(const Prefix& prefix, const json::value& path, const json::value& hop, bool plain) {
  StaticRoute out{prefix,
                  IpAddress::parse(json_text(hop, "gateway")),
                  json_text(hop, "interface"),
                  json_number(path, "distance", 1),
                  json_number(path, "tag", 0),
                  plain};
  if (json_text(hop, "vrf") != "default" || json_number(path, "table-id", 0) != 0) out.plain = false;
  if (json_number(path, "metric", 0) != 0) out.plain = false;  // 10.7 says 0 of what its shell has taken
  if (!out.gateway && !json_text(hop, "gateway").empty()) out.plain = false;
  if (json_text(hop, "nh-type") == "blackhole") {
    out.plain = false;
    out.interface.clear();  // FRR writes "(null)"
  }
  return out;
}

void read_path(const Prefix& prefix, const json::value& path, std::vector<StaticRoute>& out) {
  if (!path.is_object()) return;
  if (json_member(&path, "nh-type")) {
    out.push_back(
        route_of(prefix, path, path,
                 only(path, {"table-id", "distance", "metric", "tag", "nh-type", "vrf", "gateway", "interface"})));
    return;
  }
  const bool plain = only(path, {"table-id", "distance", "metric", "tag", "frr-nexthops"});
  for (const json::value& hop : json_list(json_member(&path, "frr-nexthops"), "nexthop"))
    if (hop.is_object())
      out.push_back(route_of(prefix, path, hop, plain && only(hop, {"nh-type", "vrf", "gateway", "interface"})));
}

json::object hop_of(const StaticRoute& route) {
  return {{"nh-type", kind(route)},
          {"vrf", "default"},
          {"gateway", route.gateway ? route.gateway->to_string() : ""},
          {"interface", route.interface}};
}

json::object list_of(const StaticRoute& route, StaticSchema schema) {
  json::object path{{"table-id", 0}, {"distance", route.distance}, {"tag", route.tag}};
  if (schema == StaticSchema::Flat)
    for (const auto& each : hop_of(route)) path[each.key()] = each.value();
  else
    path["frr-nexthops"] = json::object{{"nexthop", json::array{hop_of(route)}}};
  return {{"prefix", route.prefix.to_string()},
          {"src-prefix", "::/0"},
          {"afi-safi", family(route.prefix)},
          {"path-list", json::array{std::move(path)}}};
}

}  // namespace

Result<StaticSchema> static_schema(std::string_view answer) {
  boost::system::error_code error;
  const json::value root = json::parse(answer, error);
  const json::value* library = error ? nullptr : json_member(&root, "ietf-yang-library:yang-library");
  for (const json::value& set : json_list(library, "module-set"))
    for (const json::value& module : json_list(&set, "module"))
      if (const std::string revision = json_text(module, "revision"); !revision.empty())
        return revision >= kFlatSince ? StaticSchema::Flat : StaticSchema::Nested;
  return permanent(
      "mgmtd does not tell its model of static routes",
      "vtysh -c 'show modules' says whether staticd runs; FRR 10.2 or newer is needed, or one without mgmtd");
}

Result<StaticTree> read_static_tree(std::string_view config) {
  boost::system::error_code error;
  const json::value root = json::parse(config, error);
  if (error || !root.is_object()) return transient("mgmtd gives a configuration that is no JSON");
  StaticTree out;
  const json::value* protocols = json_member(json_member(&root, "frr-routing:routing"), "control-plane-protocols");
  for (const json::value& protocol : json_list(protocols, "control-plane-protocol")) {
    if (json_text(protocol, "type") != kContainer || json_text(protocol, "vrf") != "default") continue;
    const json::value* container = json_member(&protocol, kContainer);
    if (!container || !container->is_object()) continue;
    out.container = container->as_object();
    for (const json::value& each : json_list(container, "route-list")) {
      const auto prefix = Prefix::parse(json_text(each, "prefix"));
      const std::string source = json_text(each, "src-prefix");
      if (!prefix || (!source.empty() && source != "::/0") || json_text(each, "afi-safi") != family(*prefix)) continue;
      const json::array& paths = json_list(&each, "path-list");
      if (paths.empty()) out.empty_lists.push_back(static_list(*prefix));
      for (const json::value& path : paths) read_path(*prefix, path, out.routes);
    }
  }
  return out;
}

std::string static_list(const Prefix& prefix) {
  return std::string(kStaticPath) + "/route-list" + quoted("prefix", prefix.to_string()) + "[src-prefix='::/0']" +
         quoted("afi-safi", family(prefix));
}

std::string static_merge(const std::vector<StaticRoute>& add, StaticSchema schema) {
  json::array lists;
  for (const StaticRoute& each : add) lists.push_back(list_of(each, schema));
  return json::serialize(json::object{{kContainer, json::object{{"route-list", std::move(lists)}}}});
}

std::vector<std::string> static_removals(const std::vector<StaticRoute>& remove, const StaticTree& tree,
                                         StaticSchema schema) {
  std::vector<std::string> out;
  if (schema == StaticSchema::Flat) {
    for (const StaticRoute& each : remove)
      out.push_back(static_list(each.prefix) + "/path-list[table-id='0']" + next_hop_keys(each));
    return out;
  }
  // How many next hops a path-list has, and how many of them go.
  std::map<std::pair<Prefix, std::uint32_t>, std::pair<int, int>> paths;
  for (const StaticRoute& each : tree.routes) ++paths[{each.prefix, each.distance}].first;
  for (const StaticRoute& each : remove) ++paths[{each.prefix, each.distance}].second;
  for (const StaticRoute& each : remove) {
    const std::string path =
        static_list(each.prefix) + "/path-list[table-id='0']" + quoted("distance", std::to_string(each.distance));
    auto& [there, going] = paths[{each.prefix, each.distance}];
    if (going < there)
      out.push_back(path + "/frr-nexthops/nexthop" + next_hop_keys(each));
    else if (std::exchange(there, 0) != 0)
      out.push_back(path);
  }
  return out;
}

std::string static_replacement(const StaticTree& tree, const StaticPlan& plan) {
  // A path of ours that is taken back, or set anew.
  const auto goes = [&](const Prefix& prefix, const json::value& path) {
    std::vector<StaticRoute> here;
    read_path(prefix, path, here);
    return here.size() == 1 &&
           (std::ranges::find(plan.remove, here.front()) != plan.remove.end() ||
            std::ranges::any_of(plan.add, [&](const StaticRoute& each) { return each.same_next_hop(here.front()); }));
  };
  json::object container = tree.container;
  json::array lists;
  if (const json::value* all = container.if_contains("route-list"); all && all->is_array())
    for (json::value each : all->as_array()) {
      const auto prefix = Prefix::parse(json_text(each, "prefix"));
      if (prefix && json_member(&each, "path-list")) {
        json::array paths;
        for (const json::value& path : json_list(&each, "path-list"))
          if (!goes(*prefix, path)) paths.push_back(path);
        each.as_object()["path-list"] = std::move(paths);
      }
      lists.push_back(std::move(each));
    }
  for (const StaticRoute& each : plan.add) {
    json::object added = list_of(each, StaticSchema::Flat);
    const auto same = std::ranges::find_if(lists, [&](const json::value& one) {
      return json_text(one, "prefix") == each.prefix.to_string() && json_text(one, "src-prefix") == "::/0" &&
             json_text(one, "afi-safi") == family(each.prefix);
    });
    if (same == lists.end())
      lists.push_back(std::move(added));
    else if (json::value* paths = same->as_object().if_contains("path-list"); paths && paths->is_array())
      paths->as_array().push_back(added["path-list"].as_array().front());
    else
      same->as_object()["path-list"] = added["path-list"];
  }
  json::array left;
  for (json::value& each : lists)
    if (!json_list(&each, "path-list").empty()) left.push_back(std::move(each));
  container["route-list"] = std::move(left);
  return json::serialize(json::object{{kContainer, std::move(container)}});
}

}  // namespace berth
