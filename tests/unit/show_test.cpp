// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/show/show.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "daemon/show/text_table.h"
#include "tests/unit/shell_fixture.h"

namespace json = boost::json;

namespace berth {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::set<std::string> keys(const json::value& value) {
  std::set<std::string> out;
  for (const auto& [key, each] : value.as_object()) out.insert(key);
  return out;
}

void has_keys(const json::value& value, const std::set<std::string>& wanted) {
  for (const std::string& key : wanted) EXPECT_TRUE(value.as_object().contains(key)) << key << " is missing";
}

// The keys that are fixed from the start.
TEST(ShowJson, HasTheKeysOfTheDesign) {
  const View view = sample_view();
  const json::value routes = to_json(routes_rows(view));
  EXPECT_EQ(keys(routes), (std::set<std::string>{"routes", "way"}));
  EXPECT_EQ(keys(routes.at("routes").at(0)),
            (std::set<std::string>{"prefix", "network", "container", "kind", "tag", "state", "reason", "since"}));
  EXPECT_FALSE(routes.at("routes").at(2).as_object().contains("container")) << "a subnet has none";
  const json::value containers = to_json(containers_rows(view));
  has_keys(containers.at("containers").at(0), {"id", "name", "runtime", "state", "attachments"});
  has_keys(containers.at("containers").at(0).at("attachments").at(0),
           {"network", "driver", "interface", "interfaceIndex", "hostInterface", "hostIndex", "parent", "mac", "mtu",
            "addresses", "netns", "advertise", "routeState"});
  const json::value networks = to_json(networks_rows(view));
  has_keys(networks.at("networks").at(1),
           {"name", "driver", "subnets", "advertise", "tag", "containers", "nat", "problems"});
  has_keys(networks.at("networks").at(1).at("problems").at(0), {"code", "text", "remedy"});
  const json::value status = to_json(status_rows(view));
  has_keys(status, {"version", "startedAt", "inSync", "runtimes", "zebra", "counters"});
  has_keys(status.at("runtimes").at(0), {"name", "kind", "connected", "inSync"});
  has_keys(status.at("zebra"), {"connected", "frrVersion", "moduleVersion", "inSync"});
  const json::value explain = to_json(Explanation{"web", Advertised::Yes, {{"container", true, "there", ""}}, {}});
  EXPECT_EQ(keys(explain), (std::set<std::string>{"subject", "verdict", "missing", "steps"}));
  EXPECT_EQ(keys(explain.at("steps").at(0)), (std::set<std::string>{"name", "ok", "detail", "remedy"}));
}

TEST(ShowJson, TellsTheValues) {
  const View view = sample_view();
  const json::value routes = to_json(routes_rows(view));
  EXPECT_EQ(routes.at("routes").at(0), json::parse(R"({"prefix":"10.10.1.2/32","network":"blue","container":"web",
    "kind":"host","tag":100,"state":"installed","reason":"","since":"2026-11-18T11:11:40.000Z"})"));
  EXPECT_EQ(routes.at("routes").at(2).at("kind"), "subnet");
  const json::value networks = to_json(networks_rows(view));
  EXPECT_EQ(networks.at("networks").at(0).at("nat"), "off");
  EXPECT_EQ(networks.at("networks").at(0).at("containers"), 1);
  EXPECT_EQ(networks.at("networks").at(1).at("nat"), "on");
  EXPECT_EQ(networks.at("networks").at(2).at("nat"), "unknown") << "not looked at yet";
  const json::value web = to_json(containers_rows(view)).at("containers").at(0).at("attachments").at(0);
  EXPECT_EQ(web.at("routeState"), "notBest") << "the worst of its addresses";
  EXPECT_EQ(web.at("mtu"), 1450) << "that of the link itself";
  EXPECT_EQ(web.at("parent"), "br-0123456789ab");
  const json::value db = to_json(containers_rows(view)).at("containers").at(1).at("attachments");
  EXPECT_EQ(db.at(0).at("mtu"), 1400) << "as configured";
  EXPECT_EQ(db.at(1).at("network"), "bridge");
  EXPECT_EQ(db.at(1).at("advertise"), "none") << "not of berthd.conf";
  EXPECT_EQ(to_json(Explanation{"x", Advertised::No, {}, {}}).at("verdict"), "notAdvertised");
  EXPECT_EQ(to_json(Explanation{"x", Advertised::Yes, {}, {}}).at("verdict"), "advertised");
}

// Both ends of its link, and what it stands on, as one would find them with nsenter and ip link.
TEST(Show, AnAttachmentHasBothEndsOfItsLink) {
  View view = sample_view();
  const auto first = [&] { return to_json(attachments_rows(view)).at("attachments").at(0).as_object(); };
  json::object web = first();
  EXPECT_EQ(web["interface"], "eth0") << "as the kernel says it, where the runtime does not";
  EXPECT_EQ(web["interfaceIndex"], 8);
  EXPECT_EQ(web["hostInterface"], "veth0a1b2c3");
  EXPECT_EQ(web["hostIndex"], 7);
  EXPECT_EQ(web["netns"], "/run/docker/netns/0a1b");
  const std::string text = to_text(attachments_rows(view));
  EXPECT_THAT(text, HasSubstr("  br-0123456789ab  veth0a1b2c3  02:42:0a:0a:01:02  1450  "));
  EXPECT_THAT(text, HasSubstr("\n  docker, inside 8: eth0@if7, netns /run/docker/netns/0a1b\n"));

  view.containers[0].netns = "/proc/7/ns/net";
  view.containers[0].endpoints[0].inside = "net1";
  view.ports.begin()->second = {0, "", {8, "eth0", 0, "/run/netns/x"}};
  view.parents["blue"].name = "eth1";
  web = first();
  EXPECT_EQ(web["interface"], "net1") << "the runtime's word";
  EXPECT_EQ(web["netns"], "/proc/7/ns/net");
  EXPECT_EQ(web["mtu"], 0) << "of a parent that was not read";
  EXPECT_EQ(web["parent"], "eth1") << "of a macvlan";
  EXPECT_EQ(web["hostInterface"], "") << "it has no end on the host";
  EXPECT_EQ(web["hostIndex"], 0);

  view.parents.clear();
  view.containers[0].endpoints[0].host_link = "rv01-abc";
  view.ports.begin()->second = {9, "rv01-abc", {}};
  web = first();
  EXPECT_EQ(web["parent"], "") << "a routed link stands on nothing";
  EXPECT_EQ(web["hostInterface"], "rv01-abc");
  EXPECT_EQ(web["hostIndex"], 9);
}

// What stands against one connection, or is told of it, is there where one looks for the container.
TEST(Show, AnAttachmentHasItsProblems) {
  View view = sample_view();
  EXPECT_EQ(to_json(attachments_rows(view)).at("attachments").at(0).at("problems"), json::array());
  view.endpoint_problems[view.ports.begin()->first] = {"default-route-nat", "NAT there", "move it", false, Family::V4};
  EXPECT_EQ(to_json(containers_rows(view)).at("containers").at(0).at("attachments").at(0).at("problems"),
            json::parse(R"([{"code":"default-route-nat","text":"NAT there","remedy":"move it","blocks":false,
              "waitedFor":false,"family":"IPv4"}])"));
  EXPECT_THAT(to_text(containers_rows(view)), HasSubstr("\n  default-route-nat: NAT there\n    remedy: move it\ndb "));
}

// A container whose addresses fare differently: neither its best nor its worst alone is the truth.
TEST(Show, TellsAPartAsAPart) {
  View view = sample_view();
  const auto state = [&](std::size_t at, RibState state) { view.routes[at].state = state; };
  const auto column = [&] {
    const std::string text = to_text(containers_rows(view)), line = text.substr(text.find("\nweb ") + 1);
    return line.substr(line.find("fd00:10:1::2") + 14, line.find('\n') - line.find("fd00:10:1::2") - 14);
  };
  const auto word = [&] {
    return std::string(
        to_json(containers_rows(view)).at("containers").at(0).at("attachments").at(0).at("routeState").as_string());
  };
  EXPECT_EQ(column(), "partly: IPv6 notBest");
  EXPECT_EQ(word(), "notBest");
  state(1, RibState::Installed);
  EXPECT_EQ(column(), "partly: IPv4 subnet accepted");
  EXPECT_EQ(word(), "accepted");
  state(2, RibState::Installed);
  EXPECT_EQ(column(), "installed");
  EXPECT_EQ(word(), "installed");
  for (const std::size_t at : {0u, 1u, 2u}) state(at, RibState::Inactive);
  EXPECT_EQ(column(), "inactive") << "all of it";
  for (const std::size_t at : {0u, 1u, 2u}) state(at, RibState::Installed);
  view.routes.erase(view.routes.begin() + 1);
  EXPECT_EQ(column(), "partly: IPv6 refused") << "policy lets it have no route";
  EXPECT_EQ(word(), "refused");
  EXPECT_EQ(to_json(attachments_rows(view)).at("attachments").at(0).at("routes"),
            json::parse(R"([{"prefix":"10.10.1.0/24","state":"installed"},{"prefix":"10.10.1.2/32","state":"installed"},
              {"prefix":"fd00:10:1::2/128","state":"refused"}])"));
  view.routes.erase(view.routes.begin());
  EXPECT_EQ(column(), "installed") << "its subnet alone is advertised";
  view.routes.clear();
  EXPECT_EQ(column(), "-");
  EXPECT_EQ(word(), "");
}

TEST(Show, ProblemsOfOneFamilyAndContainersWithoutANetworkAreSaidAsSuch) {
  View view = sample_view();
  view.health["blue"].problems = {{"forwarding", "forwarding is off", "switch it on", true, Family::V6}};
  EXPECT_THAT(to_text(networks_rows(view)), HasSubstr("  forwarding: forwarding is off (IPv6 not advertised)\n"));
  EXPECT_EQ(to_json(networks_rows(view)).at("networks").at(0).at("problems").at(0).at("family"), "IPv6");
  EXPECT_FALSE(to_json(networks_rows(view)).at("networks").at(0).at("problems").at(0).at("waitedFor").as_bool());
  EXPECT_EQ(to_json(networks_rows(view)).at("networks").at(1).at("problems").at(0).at("family"), "both");
  ContainerFact& lonely = view.containers[2];
  for (const auto& [mode, shown] : std::map<std::string, std::string>{{"host", "host"},
                                                                      {"none", "none"},
                                                                      {"container:aaaaaaaaaaaabbbb", "of web"},
                                                                      {"container:db", "of db"},
                                                                      {"container:0123456789abcdef", "of 0123456789ab"},
                                                                      {"blue", "-"},
                                                                      {"", "-"}}) {
    lonely.network_mode = mode;
    EXPECT_THAT(to_text(containers_rows(view)),
                ::testing::ContainsRegex("lonely +eeeeeeeeeeee +created +" + shown + " "))
        << mode;
    EXPECT_EQ(to_json(containers_rows(view)).at("containers").at(2).at("networkMode"), json::value(mode));
  }
}

TEST(ShowJson, PrettyIsTheSameDocument) {
  for (const auto& document : {to_json(status_rows(sample_view())), to_json(networks_rows(sample_view())),
                               to_json(containers_rows(sample_view())), to_json(attachments_rows(sample_view())),
                               to_json(routes_rows(View{})), to_json(counters_rows(View{})),
                               to_json(running_config_rows(sample_config(), {})), to_json(version_rows(sample_view()))})
    EXPECT_EQ(json::parse(pretty(document)), document);
  EXPECT_EQ(pretty(json::parse(R"({"a":[],"b":{},"c":[1,"x\ny"]})")),
            "{\n  \"a\":[],\n  \"b\":{},\n  \"c\":[\n    1,\n    \"x\\ny\"\n  ]\n}\n");
}

TEST(ShowText, RoutesAreATable) {
  EXPECT_EQ(to_text(routes_rows(sample_view())),
            "Prefix            Kind    Network  Container  Tag  State      Since\n"
            "10.10.1.2/32      host    blue     web        100  installed  1d02h55m\n"
            "fd00:10:1::2/128  host    blue     web        100  notBest    1d02h55m\n"
            "  a bgp route wins\n"
            "10.10.1.0/24      subnet  blue     -          100  accepted   1d02h55m\n");
}

TEST(ShowText, NetworksCarryTheirProblems) {
  EXPECT_EQ(to_text(networks_rows(sample_view())),
            "Network  Driver  Interface        Subnet          Advertise  Tag  Containers  NAT\n"
            "blue     bridge  br-0123456789ab  10.10.1.0/24    both       100  1           off\n"
            "                                  fd00:10:1::/64\n"
            "nat      bridge  br-ba9876543210  10.10.2.0/24    host       100  1           on\n"
            "  nat-on: NAT is on: rule X (not advertised)\n"
            "    remedy: do Y\n"
            "new      bridge  -                10.10.3.0/24    none       -    0           unknown\n"
            "  not looked at yet\n");
}

TEST(ShowText, ARemedyIsPrintedOnceForANetwork) {
  View view = sample_view();
  view.health["nat"].problems.push_back({"firewall-drops", "all is dropped by rule Z", "do Y"});
  EXPECT_THAT(to_text(networks_rows(view)), HasSubstr("    remedy: do Y\n"
                                                      "  firewall-drops: all is dropped by rule Z (not advertised)\n"
                                                      "    remedy: as of nat-on, above\n"));
  EXPECT_EQ(to_json(networks_rows(view)).at("networks").at(1).at("problems").at(1).at("remedy"), json::value("do Y"));
}

TEST(ShowText, EmptyTablesSayWhy) {
  View view;
  EXPECT_THAT(to_text(routes_rows(view)), HasSubstr("No route"));
  EXPECT_THAT(to_text(networks_rows(view)), HasSubstr("No network is configured"));
  view.runtimes = {{"docker", "docker", "", false, false}};
  for (const auto& text : {to_text(routes_rows(view)), to_text(containers_rows(view)), to_text(attachments_rows(view))})
    EXPECT_THAT(text, HasSubstr("Runtime docker does not answer"));
  EXPECT_THAT(to_text(counters_rows(view)), HasSubstr("zero"));
}

TEST(Show, ParentsOfMacvlans) {
  View view = with_a_parent(sample_view());
  EXPECT_EQ(to_text(parents_rows(view)),
            "Network  Parent  State  MACs  Limit  Clashes\n"
            "wire     eth1    up     3     512    1\n"
            "  02:00:00:00:00:99 has 10.10.4.9 of printer\n");
  EXPECT_EQ(to_json(parents_rows(view)), json::parse(R"({"parents":[{"network":"wire","parent":"eth1","state":"up",
    "macs":3,"limit":512,"clashes":[{"container":"printer","address":"10.10.4.9","mac":"02:00:00:00:00:99"}]}]})"));
  const auto state = [&](auto&& change) {
    view.parents["wire"] = {"eth1", true, true, true, 1, 0, {}};
    change(&view.parents["wire"]);
    return parents_rows(view).parents.at(0).state;
  };
  EXPECT_EQ(state([](HostParent* parent) { parent->there = false; }), "missing");
  EXPECT_EQ(state([](HostParent* parent) { parent->up = false; }), "down");
  EXPECT_EQ(state([](HostParent* parent) { parent->carrier = false; }), "noCarrier");
  view.parents.clear();
  EXPECT_THAT(to_text(parents_rows(view)), HasSubstr("wire     eth1    -      -     -      -\n"))
      << "not looked at yet";
  EXPECT_THAT(to_text(parents_rows(View())), HasSubstr("No network"));
}

TEST(Show, Overlays) {
  View view = with_an_overlay(sample_view());
  EXPECT_EQ(to_text(overlays_rows(view)),
            "Network  VNI    VTEP       MTU   Far VTEPs  Here  Far\n"
            "black    10100  10.0.0.21  1450  1          1     1\n"
            "  02:42:0a:58:01:02 10.88.1.2 web\n"
            "  02:42:0a:58:02:02 10.88.2.2 at 10.0.0.22 (host2)\n");
  EXPECT_EQ(to_json(overlays_rows(view)), json::parse(R"({"overlays":[{"network":"black","vni":10100,"vtep":"10.0.0.21",
    "mtu":1450,"farVteps":["10.0.0.22"],"macs":[{"mac":"02:42:0a:58:01:02","vtep":"","host":"","container":"web",
    "addresses":["10.88.1.2"]},{"mac":"02:42:0a:58:02:02","vtep":"10.0.0.22","host":"host2","container":"","addresses":["10.88.2.2"]}],
    "problems":[]}]})"));
  view.overlays.clear();
  view.health["black"].problems = {{"vtep-missing", "there is none", "ip addr add …"}};
  EXPECT_THAT(to_text(overlays_rows(view)),
              HasSubstr("black    10100  -     -    -          -     -\n  vtep-missing: there"));
  EXPECT_THAT(to_text(overlays_rows(View())), HasSubstr("No network"));
}

TEST(ShowText, FitsTheScreen) {
  const View view = sample_view();
  for (const std::string& text :
       {to_text(status_rows(view)), to_text(networks_rows(view)), to_text(containers_rows(view)),
        to_text(routes_rows(view)), to_text(attachments_rows(view)), to_text(counters_rows(view)),
        to_text(parents_rows(with_a_parent(view))), to_text(overlays_rows(with_an_overlay(view))),
        to_text(version_rows(view))}) {
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
      EXPECT_LE(line.size(), 120u) << line;
      EXPECT_FALSE(line.ends_with(' ')) << line;
    }
  }
}

TEST(ShowText, StatusTellsWhatTheOperatorDid) {
  View view = sample_view();
  EXPECT_THAT(to_text(status_rows(view)), HasSubstr("connected, in sync; FRR 8.4.4, module 0.1.0"));
  EXPECT_THAT(to_text(status_rows(view)),
              HasSubstr("3 networks, 3 containers, 3 routes: 1 accepted, 1 installed, 1 notBest"));
  EXPECT_THAT(to_text(status_rows(view)), Not(HasSubstr("Withdrawn")));
  view.withdrawn = true;
  view.zebra.connected = false;
  EXPECT_THAT(to_text(status_rows(view)), HasSubstr("Withdrawn by the operator"));
  EXPECT_THAT(to_text(status_rows(view)), HasSubstr("not connected: /run/frr/berth.sock was not tried yet"));
}

TEST(ShowText, StatusTellsWhyZebraIsAway) {
  View view = sample_view();
  view.zebra.connected = false;
  view.zebra.reason = "zebra's module refuses: this module was built for FRR 1.2.3 and stays inert in FRR 8.4.4";
  view.zebra.remedy = "one word and another, " + std::string(200, 'x') + " and the last one";
  const std::string text = to_text(status_rows(view));
  EXPECT_THAT(text, HasSubstr("not connected: zebra's module refuses: this module was built for FRR 1.2.3"));
  EXPECT_THAT(text, HasSubstr("\n    remedy: one word and another,\n    " + std::string(200, 'x') +
                              "\n    and the last one\n"));
  EXPECT_THAT(text, Not(HasSubstr("-M")));
  const auto zebra = to_json(status_rows(view)).as_object().at("zebra").as_object();
  EXPECT_EQ(zebra.at("reason").as_string(), view.zebra.reason);
  EXPECT_EQ(zebra.at("remedy").as_string(), view.zebra.remedy);
}

TEST(ShowText, ExplainMarksTheFirstNo) {
  EXPECT_EQ(to_text(Explanation{"web",
                                Advertised::No,
                                {{"container", true, "web is running", ""}, {"nat", false, "NAT is on", "fix it"}},
                                {"10.10.2.2/32"}}),
            "web is not advertised\n"
            "  ok  container  web is running\n"
            "  NO  nat        NAT is on\n"
            "                 remedy: fix it\n");
}

TEST(ShowText, ExplainNamesWhatIsMissing) {
  const Explanation part{
      "web", Advertised::Partly, {{"container", true, "web is running", ""}}, {"fd00::2/128", "10.0.0.0/8"}};
  EXPECT_EQ(to_text(part),
            "web is partly advertised, without fd00::2/128, 10.0.0.0/8\n"
            "  ok  container  web is running\n");
  EXPECT_EQ(to_json(part).at("verdict"), "partlyAdvertised");
  EXPECT_EQ(to_json(part).at("missing"), json::parse(R"(["fd00::2/128","10.0.0.0/8"])"));
}

TEST(Times, AreRfc3339AndFrrsUptime) {
  const WallTime start{std::chrono::seconds(0)};
  EXPECT_EQ(rfc3339(start + std::chrono::milliseconds(1999)), "1970-01-01T00:00:01.999Z");
  EXPECT_EQ(uptime(start, start + std::chrono::seconds(65)), "00:01:05");
  EXPECT_EQ(uptime(start, start + std::chrono::hours(26)), "1d02h00m");
  EXPECT_EQ(uptime(start, start + std::chrono::hours(24 * 15)), "02w1d00h");
  EXPECT_EQ(uptime(start + std::chrono::hours(1), start), "00:00:00") << "a clock that was set back";
}

TEST(Show, NamesTheNetworksThatAreUnknown) {
  View view = sample_view();
  EXPECT_EQ(to_json(status_rows(view)).at("unknownNetworks"), json::parse("[]"));
  view.in_sync = false;
  view.unknown_networks = {"nat"};
  EXPECT_EQ(to_json(status_rows(view)).at("unknownNetworks"), json::parse(R"(["nat"])"));
  EXPECT_THAT(to_text(status_rows(view)), HasSubstr("Not in sync with network nat: its old routes stay"));
  EXPECT_THAT(to_text(status_rows(view)), Not(HasSubstr("nothing is taken back")));
}

// A swarm's overlay has the name of our bridge.
TEST(Show, ANetworkOfTheSameNameIsShownAsWhatItIs) {
  View view = sample_view();
  view.health["blue"].key = {"docker", "n1"};
  view.containers[2].endpoints = {{"e9", "blue", "n9", "", {*IpAddress::parse("10.10.1.2")}, "overlay"}};
  EXPECT_EQ(to_json(networks_rows(view)).at("networks").at(0).at("containers"), 1);
  const json::value theirs = to_json(containers_rows(view)).at("containers").at(2).at("attachments").at(0);
  EXPECT_EQ(theirs.at("network"), "blue");
  EXPECT_EQ(theirs.at("driver"), "overlay");
  EXPECT_EQ(theirs.at("advertise"), "none");
  EXPECT_EQ(theirs.at("parent"), "");
}

// Each runtime may have a network of that name; ours is that of one of them.
TEST(Show, ANetworkOfAnotherRuntimeIsNotOurs) {
  View view = sample_view();
  view.config.runtimes.push_back({"two", "docker", "unix:/two.sock"});
  view.containers[2].key.runtime = "two";
  view.containers[2].endpoints = {{"e9", "blue", "n9", "", {*IpAddress::parse("10.10.1.9")}}};
  EXPECT_EQ(to_json(networks_rows(view)).at("networks").at(0).at("containers"), 1);
  EXPECT_THAT(to_text(containers_rows(view)), HasSubstr("blue (not ours)"));
  view.config.networks.at("blue").runtime = "two";
  EXPECT_EQ(to_json(networks_rows(view)).at("networks").at(0).at("containers"), 1);
  EXPECT_EQ(containers_rows(view).containers[2].attachments[0].advertise, "both");
  EXPECT_FALSE(containers_rows(view).containers[0].attachments[0].ours);
}

}  // namespace
}  // namespace berth
