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
  EXPECT_EQ(keys(routes), std::set<std::string>{"routes"});
  EXPECT_EQ(keys(routes.at("routes").at(0)),
            (std::set<std::string>{"prefix", "network", "container", "kind", "tag", "state", "reason", "since"}));
  EXPECT_FALSE(routes.at("routes").at(2).as_object().contains("container")) << "a subnet has none";
  const json::value containers = to_json(containers_rows(view));
  has_keys(containers.at("containers").at(0), {"id", "name", "runtime", "state", "attachments"});
  has_keys(containers.at("containers").at(0).at("attachments").at(0),
           {"network", "driver", "interface", "hostInterface", "parent", "mac", "mtu", "addresses", "netns",
            "advertise", "routeState"});
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
  EXPECT_EQ(web.at("mtu"), 1500) << "the bridge's";
  EXPECT_EQ(web.at("parent"), "br-0123456789ab");
  const json::value db = to_json(containers_rows(view)).at("containers").at(1).at("attachments");
  EXPECT_EQ(db.at(0).at("mtu"), 1400) << "as configured";
  EXPECT_EQ(db.at(1).at("network"), "bridge");
  EXPECT_EQ(db.at(1).at("advertise"), "none") << "not of berthd.conf";
  EXPECT_EQ(to_json(Explanation{"x", Advertised::No, {}, {}}).at("verdict"), "notAdvertised");
  EXPECT_EQ(to_json(Explanation{"x", Advertised::Yes, {}, {}}).at("verdict"), "advertised");
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

TEST(ShowText, FitsTheScreen) {
  const View view = sample_view();
  for (const std::string& text :
       {to_text(status_rows(view)), to_text(networks_rows(view)), to_text(containers_rows(view)),
        to_text(routes_rows(view)), to_text(attachments_rows(view)), to_text(counters_rows(view)),
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
