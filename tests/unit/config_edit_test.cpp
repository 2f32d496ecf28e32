// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/config_edit.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "daemon/config/config_file.h"
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
      {"vty socket /a", "no vty socket"},
      {"vty clients 5", "no vty clients"},
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
    edit.config.networks["blue"].driver = Driver::Macvlan;
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
       {"gateway 10.1.0.1", "gateway fd00::1", "ip-range 10.0.0.0/8", "driver overlay", "mtu 1", "tag 0", "network a/b",
        "no network nobody", "no subnet 10.0.0.0/25", "no allow prefix 10.0.0.0/8", "runtime docker /run/docker.sock",
        "allow prefix 10.0.0.0/8 ge 33", "allow prefix 10.0.0.0/8 ge 30 le 20", "nonsense", "allow label tag 0"}) {
    ConfigEdit edit = before;
    EXPECT_TRUE(apply_config_line(edit, line)) << line;
    EXPECT_TRUE(edit.config == before.config) << line;
    EXPECT_EQ(edit.network, "blue") << line;
  }
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
