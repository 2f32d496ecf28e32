// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/config_edit.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "daemon/config/config_file.h"
#include "daemon/config/config_gaps.h"
#include "daemon/config/config_print.h"

namespace berth {
namespace {

ConfigEdit start() {
  ConfigEdit edit;
  edit.config = *parse_config(
      "runtime docker unix:/run/docker.sock\nnetwork blue\n subnet 10.0.0.0/24\n gateway 10.0.0.1\n ip-range "
      "10.0.0.128/25\n"
      " advertise host\n tag 100\n",
      "f");
  edit.live = true;
  edit.network = "blue";
  return edit;
}

void take(ConfigEdit& edit, const std::string& line) {
  const auto failure = apply_config_line(edit, line);
  EXPECT_FALSE(failure) << line << ": expected " << (failure ? failure->expected : "");
}

TEST(ConfigEdit, ALiveLineReplacesWhatWasSaidBefore) {
  ConfigEdit edit = start();
  take(edit, "subnet 10.0.0.0/23");
  EXPECT_EQ(edit.config.networks["blue"].subnets[0].gateway->to_string(), "10.0.0.1") << "still inside";
  take(edit, "subnet 10.9.0.0/24");
  EXPECT_FALSE(edit.config.networks["blue"].subnets[0].gateway) << "no longer inside";
  EXPECT_FALSE(edit.config.networks["blue"].subnets[0].ip_range);
  take(edit, "runtime docker unix:/other.sock");
  EXPECT_EQ(edit.config.runtimes.size(), 1u);
  EXPECT_TRUE(edit.network.empty()) << "a line of the top leaves the network";
}

TEST(ConfigEdit, EveryLineCanBeTakenBack) {
  const ConfigEdit before = start();
  const std::pair<const char*, const char*> kPairs[] = {
      {"docker-network n", "no docker-network"},
      {"subnet fd00::/64", "no subnet fd00::/64"},
      {"mtu 1400", "no mtu"},
      {"max-containers 5", "no max-containers 5"},
      {"anycast", "no anycast"},
      {"allow label advertise", "no allow label adv"},
      {"allow label network", "no allow label network"},
      {"allow label tag 3 4", "no allow label tag"},
      {"allow label tag 3 4", "no allow label tag 3 4"},
      {"allow prefix 10.0.0.0/8 ge 24", "no allow prefix 10.0.0.0/8 ge 24 le 32"},
      {"hostname a", "no hostname"},
      {"log syslog debugging", "no log"},
      {"zebra socket /a", "no zebra socket"},
      {"zebra grace-time 5", "no zebra grace-time"},
      {"zebra hold-time 5", "no zebra hold-time 5"},
      {"limit routes 5", "no limit routes"},
      {"firewall patience 0", "no firewall patience 0"},
      {"vty socket /a", "no vty socket"},
      {"vty clients 5", "no vty clients"},
      {"runtime two docker unix:/b.sock", "no runtime two"},
      {"runtime two", "no runtime"},
      {"runtime two", "no runtime two"},
      {"nat-check lenient", "no nat-check"},
      {"network red", "no network red"}};
  for (const auto& [line, undo] : kPairs) {
    ConfigEdit edit = before;
    take(edit, line);
    EXPECT_FALSE(edit.config == before.config) << line << " did nothing";
    take(edit, undo);
    EXPECT_TRUE(edit.config == before.config) << undo << "\n" << print_config(edit.config);
  }
}

// The leading keywords of a command: "allow prefix PREFIX [ge (0-128)]" -> "allow prefix".
std::string keywords(const std::string& syntax) {
  std::istringstream words(syntax);
  std::string out, word;
  while (words >> word && word.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string::npos)
    out += out.empty() ? word : " " + word;
  return out;
}

TEST(ConfigEdit, EveryLineHasANoForm) {
  for (const Grammar* grammar : {&config_grammar(), &network_grammar()}) {
    std::set<std::string> lines;
    for (const Command& command : grammar->commands()) lines.insert(keywords(command.syntax));
    for (const std::string& line : lines) {
      const std::string undo = "no " + (line == "driver bridge" ? "driver" : line);
      EXPECT_TRUE(line.starts_with("no ") || lines.contains(undo)) << line;
    }
  }
}

TEST(ConfigEdit, ADriverIsTakenBackToTheBridge) {
  for (const char* line : {"no driver", "no driver bridge"}) {
    ConfigEdit edit = start();
    edit.config.networks["blue"].driver = "macvlan";
    take(edit, line);
    EXPECT_TRUE(edit.config == start().config) << line;
  }
}

TEST(ConfigEdit, AnAllowedPrefixMustTakeInHostPrefixes) {
  const std::pair<const char*, const char*> kLines[] = {
      {"allow prefix 10.9.0.0/16", "10.9.0.0/16 le 32, else no container's address can match"},
      {"allow prefix fd00:9::/64", "fd00:9::/64 le 128, else no container's address can match"},
      {"allow prefix 10.9.0.0/16 le 24", "32, else no container's address can match"},
      {"allow prefix fd00:9::/64 ge 64 le 127", "128, else no container's address can match"}};
  for (const auto& [line, expected] : kLines) {
    ConfigEdit edit = start();
    const auto failure = apply_config_line(edit, line);
    ASSERT_TRUE(failure) << line;
    EXPECT_EQ(failure->expected, expected);
    EXPECT_TRUE(edit.config == start().config) << line;
  }
  ConfigEdit edit = start();
  for (const char* line : {"allow prefix 10.9.0.0/16 le 32", "allow prefix 10.9.0.0/16 ge 24",
                           "allow prefix 10.9.0.1/32", "allow prefix fd00:9::1/128"})
    take(edit, line);
  EXPECT_EQ(edit.config.networks["blue"].allow_prefixes.size(), 4u);
}

TEST(ConfigEdit, TheLastAllowedTagTakesTheLabelWithIt) {
  ConfigEdit edit = start();
  take(edit, "allow label tag 3");
  take(edit, "no allow label tag 3");
  EXPECT_FALSE(edit.config.networks["blue"].allow_labels.contains(LabelKind::Tag)) << "else any tag would do";
}

TEST(ConfigEdit, AMistakeChangesNothing) {
  const ConfigEdit before = start();
  for (const char* line :
       {"gateway 10.1.0.1", "gateway fd00::1", "ip-range 10.0.0.0/8", "driver swarm", "mtu 1", "tag 0", "network a/b",
        "no network nobody", "no subnet 10.0.0.0/25", "no allow prefix 10.0.0.0/8", "runtime docker /run/docker.sock",
        "allow prefix 10.0.0.0/8 ge 33", "allow prefix 10.0.0.0/8 ge 30 le 20", "nonsense", "allow label tag 0"}) {
    ConfigEdit edit = before;
    EXPECT_TRUE(apply_config_line(edit, line)) << line;
    EXPECT_TRUE(edit.config == before.config) << line;
    EXPECT_EQ(edit.network, "blue") << line;
  }
}

// What Docker, the kernel, the policy or the module would refuse later is refused here; `expected` is a part of what is said.
TEST(ConfigEdit, RefusesWhatIsRefusedLater) {
  const std::string host64(64, 'h'), path107 = "/" + std::string(106, 'p');
  const std::pair<std::string, const char*> kLines[] = {
      {"subnet 127.0.0.0/8", "(loopback)"},
      {"subnet 127.9.0.0/16", "(loopback)"},
      {"subnet 126.0.0.0/7", "126.0.0.0/7 has 127.0.0.0/8 (loopback) in it"},
      {"subnet 0.0.0.0/1", "(this network)"},
      {"subnet 128.0.0.0/1", "(link-local)"},
      {"subnet 0.0.0.0/8", "(this network)"},
      {"subnet 169.254.0.0/24", "(link-local)"},
      {"subnet 224.0.0.0/24", "(multicast"},
      {"subnet 240.0.0.0/24", "reserved"},
      {"subnet 255.255.255.0/24", "the broadcast"},
      {"subnet 8000::/1", "(link-local)"},
      {"subnet ::/16", "IPv4 in IPv6"},
      {"subnet ::ffff:10.0.0.0/104", "IPv4 in IPv6"},
      {"subnet fe80::/64", "(link-local)"},
      {"subnet ff02::/16", "(multicast)"},
      {"subnet 10.9.0.0/31", "at most /30"},
      {"subnet 10.9.0.1", "at most /30"},
      {"subnet fd00:9::/127", "at most /126"},
      {"subnet 0.0.0.0/0", "the default route is never advertised"},
      {"gateway 10.0.0.0", "the first of 10.0.0.0/24"},
      {"gateway 10.0.0.255", "the last of 10.0.0.0/24"},
      {"gateway fd00::", "the first of fd00::/64"},
      {"allow prefix 127.0.0.0/8 le 32", "is of 127.0.0.0/8"},
      {"allow prefix 224.0.0.0/3 le 32", "is of 224.0.0.0/3"},
      {"allow prefix fe80::/64 le 128", "is of fe80::/10"},
      {"docker-network host", "a Docker network"},
      {"docker-network none", "a Docker network"},
      {"docker-network a/b", "a Docker network"},
      {"docker-network gr\xc3\xb6\xc3\x9f", "a Docker network"},
      {"network gr\xc3\xb6\xc3\x9f", "begins with a letter or digit"},
      {"network -x", "begins with a letter or digit"},
      {"network .x", "begins with a letter or digit"},
      {"network a:b", "begins with a letter or digit"},
      {"network " + host64 + "h", "at most 64"},
      {"hostname " + host64 + "h", "at most 64"},
      {"hostname -x", "begins with a letter or digit"},
      {"hostname a$b", "letters, digits"},
      {"zebra socket frr/berth.sock", "the absolute path"},
      {"zebra socket /run/frr/", "the absolute path"},
      {"zebra socket " + path107 + "p", "at most 107 bytes"},
      {"vty socket berthd.vty", "the absolute path"},
      {"vty socket " + path107 + "p", "at most 107 bytes"},
      {"runtime docker unix:run/docker.sock", "unix:PATH, the absolute path"},
      {"runtime docker unix:" + path107 + "p", "at most 107 bytes"},
      {"runtime docker tcp://127.0.0.1:2375", "unix:PATH, the absolute path"},
      {std::string("hostname a\0b", 12), "text, without control characters"},
      {"hostname a\x1b[2J", "text, without control characters"}};
  for (const auto& [line, expected] : kLines) {
    ConfigEdit edit = start();
    take(edit, "subnet fd00::/64");
    const ConfigEdit before = edit;
    const auto failure = apply_config_line(edit, line);
    ASSERT_TRUE(failure) << line;
    EXPECT_NE(failure->expected.find(expected), std::string::npos) << line << ": " << failure->expected;
    EXPECT_GT(failure->column, 0u) << line;
    EXPECT_TRUE(edit.config == before.config && edit.network == before.network) << line;
  }
  for (const std::string& line : {"hostname " + host64, "zebra socket " + path107, "vty socket " + path107,
                                  "runtime docker unix:" + path107, "network " + host64}) {
    ConfigEdit edit = start();
    take(edit, line);
  }
  for (const char* line : {"subnet 10.9.0.0/30", "subnet fd00:9::/126", "docker-network bridge", "docker-network _x",
                           "gateway 10.0.0.254", "allow prefix 0.0.0.0/0 le 32"}) {
    ConfigEdit edit = start();
    take(edit, line);
  }
}

TEST(ConfigEdit, AGatewayThatANewSubnetMakesAnEdgeGoesWithTheOldOne) {
  ConfigEdit edit = start();
  take(edit, "subnet 10.0.0.0/23");
  take(edit, "gateway 10.0.1.0");
  take(edit, "subnet 10.0.1.0/24");
  EXPECT_FALSE(edit.config.networks["blue"].subnets[0].gateway);
}

std::string gap_of(const std::string& lines) {
  const auto config = parse_config("runtime docker unix:/run/docker.sock\n" + lines, "f");
  return config ? "" : config.error().message;
}

TEST(ConfigEdit, SaysWhatNoSingleLineTells) {
  const std::pair<std::string, const char*> kLines[] = {
      {"network bridge\n subnet 10.0.0.0/24\n", "docker-network bridge takes the one that it has\n  network bridge\n"},
      {"network host\n subnet 10.0.0.0/24\n", "another name: Docker makes no network host"},
      {"network none\n subnet 10.0.0.0/24\n", "another name: Docker makes no network none"},
      {"network default\n subnet 10.0.0.0/24\n", "another name: Docker makes no network default"},
      {"network a\n subnet 10.0.0.0/24\n gateway 10.0.0.1\n ip-range 10.0.0.0/31\n", "10.0.0.0/31 does not"},
      {"network a\n subnet 10.0.0.0/24\n ip-range 10.0.0.9/32\n", "10.0.0.9/32 does not"},
      {"network a\n subnet fd00::/64\n ip-range fd00::/127\n", "fd00::/127 does not"},
      {"vty socket /run/frr/berth.sock\n", "zebra socket and vty socket name the same"},
      {"zebra socket /run/docker.sock\n", "zebra socket and runtime docker name the same"}};
  for (const auto& [lines, expected] : kLines)
    EXPECT_NE(gap_of(lines).find(expected), std::string::npos) << lines << gap_of(lines);
  for (const char* lines : {"network bridge\n subnet 10.0.0.0/24\n docker-network bridge\n",
                            "network host\n subnet 10.0.0.0/24\n docker-network mine\n",
                            "network a\n subnet 10.0.0.0/24\n gateway 10.0.0.1\n ip-range 10.0.0.9/32\n",
                            "network a\n subnet 10.0.0.0/30\n", "network a\n subnet fd00::/126\n"})
    EXPECT_EQ(gap_of(lines), "") << lines;
}

TEST(ConfigEdit, ALiveRuntimeReplacesTheOneOfItsName) {
  ConfigEdit edit = start();
  take(edit, "runtime two docker unix:/two.sock");
  take(edit, "runtime docker unix:/new.sock");
  take(edit, "runtime two docker unix:/too.sock");
  const std::vector<RuntimeConfig> expected = {{"docker", "docker", "unix:/new.sock"},
                                               {"two", "docker", "unix:/too.sock"}};
  EXPECT_TRUE(edit.config.runtimes == expected) << "each in its place: the first one is that of blue\n"
                                                << print_config(edit.config);
  EXPECT_NE(print_config(edit.config).find("runtime docker unix:/new.sock\nruntime two docker unix:/too.sock\n"),
            std::string::npos);
  const auto failure = apply_config_line(edit, "no runtime three");
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->expected, "the name of a configured runtime");
  take(edit, "no runtime docker unix:/new.sock");
  EXPECT_EQ(edit.config.runtimes.size(), 1u);
}

// Inside of a network `runtime` is a line of its own; with more words it is the top's.
TEST(ConfigEdit, ANetworkNamesItsRuntime) {
  ConfigEdit edit = start();
  take(edit, "runtime two");
  EXPECT_EQ(edit.config.networks["blue"].runtime, "two");
  EXPECT_EQ(edit.network, "blue");
  EXPECT_EQ(network_gap(edit.config, edit.config.networks["blue"]),
            "a runtime two for network blue (runtime two docker unix:/run/docker.sock)");
  EXPECT_NE(print_config(edit.config).find("network blue\n driver bridge\n runtime two\n subnet "), std::string::npos);
  take(edit, "runtime two docker unix:/two.sock");
  EXPECT_TRUE(edit.network.empty()) << "it leaves the network";
  EXPECT_EQ(config_gap(edit.config), "");
  edit.network = "blue";
  take(edit, "no runtime docker");
  EXPECT_EQ(edit.config.runtimes.size(), 1u) << "docker is not the runtime of this network: the top's line was meant";
  edit.network = "blue";
  take(edit, "no runtime two");
  EXPECT_TRUE(edit.config.networks["blue"].runtime.empty()) << "the network's own line";
  EXPECT_EQ(edit.config.runtimes.size(), 1u);
}

TEST(ConfigEdit, OnlyNetworksOfOneRuntimeContradictEachOtherByName) {
  const std::string two = "runtime two docker unix:/two.sock\n", red = "network red\n subnet 10.1.0.0/24\n";
  const std::string blue = "network blue\n subnet 10.2.0.0/24\n docker-network red\n";
  EXPECT_NE(gap_of(two + red + blue).find("blue and red name the same"), std::string::npos);
  EXPECT_EQ(gap_of(two + red + blue + " runtime two\n"), "");
  EXPECT_NE(gap_of(two + red + " runtime docker\n" + blue).find("blue and red name the same"), std::string::npos)
      << "the first one is meant where none is named";
  EXPECT_NE(gap_of(two + red + " runtime three\n").find("a runtime three for network red"), std::string::npos);
  const auto segment = [](const std::string& name, const std::string& subnet) {
    return "network " + name + "\n driver overlay\n vni 7\n subnet " + subnet + ".0.0/16\n gateway " + subnet +
           ".0.1\n ip-range " + subnet + ".1.0/24\n advertise none\nexit\n";
  };
  EXPECT_NE(gap_of(segment("black", "10.50") + segment("white", "10.51"))
                .find("a vni of its own for each: black and white have 7"),
            std::string::npos);
  EXPECT_NE(gap_of("runtime two docker unix:/run/docker.sock\n").find("runtime docker and runtime two name the same"),
            std::string::npos);
  EXPECT_NE(gap_of("runtime docker unix:/two.sock\n")
                .find("a name of its own for each runtime\n  runtime docker unix"
                      ":/two.sock\n          ^"),
            std::string::npos);
}

TEST(ConfigEdit, SaysWhatIsMissing) {
  ConfigEdit edit = start();
  take(edit, "no tag");
  EXPECT_EQ(network_gap(edit.config, edit.config.networks["blue"]), "a tag for network blue, since it advertises");
  take(edit, "no subnet 10.0.0.0/24");
  EXPECT_EQ(config_gap(edit.config), "a subnet for network blue");
  take(edit, "no runtime docker");
  EXPECT_EQ(config_gap(edit.config), "a runtime (runtime docker unix:/run/docker.sock)");
}

}  // namespace
}  // namespace berth
