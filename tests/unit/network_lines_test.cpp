// SPDX-License-Identifier: GPL-2.0-or-later
//
// The inside of `network NAME` over two drivers of the test's own: what a driver takes is its rows, and nothing else of berth
// has to know them.
#include "daemon/config/network_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <utility>

#include "container_watcher/attach/options.h"

namespace berth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StubDriver : public Driver {
 public:
  StubDriver(std::string name, std::vector<NetworkOption> options)
      : name_(std::move(name)), options_(std::move(options)) {}
  std::string_view name() const override { return name_; }
  std::string_view help() const override { return "A stub"; }
  const std::vector<NetworkOption>& options() const override { return options_; }
  std::vector<std::string> gaps(const NetworkConfig&) const override { return {}; }
  RuntimeNetwork runtime_network(const NetworkConfig&) const override { return {}; }
  NetworkSite site(const NetworkConfig&, const NetworkFact&) const override { return {}; }
  std::vector<Operation> plan(const NetworkSite&, const HostState&) const override { return {}; }
  LinkVerdict judge(const NetworkSite&, const HostState&, const std::vector<std::string>&) const override { return {}; }
  SubnetRoute subnet_route() const override { return SubnetRoute::None; }

 private:
  const std::string name_;
  const std::vector<NetworkOption> options_;
};

// As macvlan will be: one row for each line.
const std::vector<const Driver*>& drivers_of_the_test() {
  static const StubDriver kPlain("bridge", {gateway_option("The bridge's"), mtu_option("The bridge's")});
  static const StubDriver kStub(
      "stub",
      {gateway_option("The router's"), plain_option("parent IF", "The host's interface\nIts name"),
       plain_option("mode <bridge|vepa|private|passthru>",
                    "How its endpoints see each other\nDirectly\nBy the switch\nNot at all\nThere is one"),
       plain_option("aux-address NAME ADDRESS", "Not for containers\nWhose it is\nThe address", Times::ForEachName,
                    [](const NetworkConfig& network, const OptionWords& words) -> std::optional<OptionMistake> {
                      for (const SubnetConfig& each : network.subnets)
                        if (each.subnet.contains(*IpAddress::parse(words[2]))) return std::nullopt;
                      return OptionMistake{2, "an address of this network"};
                    }),
       plain_option("isolated", "Endpoints do not see each other"),
       plain_option("shim [ADDRESS]", "The host is on it\nIts address there", Times::ForEachValue)});
  static const std::vector<const Driver*> kDrivers = {&kPlain, &kStub};
  return kDrivers;
}

class NetworkLinesTest : public ::testing::Test {
 protected:
  // Empty: the line was taken; otherwise the column and what was expected.
  std::string say(const std::string& text, bool live = true) {
    const auto parsed = lines_.parse(network_.driver, text);
    if (const auto* failure = std::get_if<ParseFailure>(&parsed))
      return std::to_string(failure->column) + " " + failure->expected;
    const ParsedLine& line = std::get<ParsedLine>(parsed);
    const auto mistake = lines_.apply(network_, line, live);
    if (!mistake) return "";
    const ParseFailure failure = failure_of(line, *mistake);
    return std::to_string(failure.column) + " " + failure.expected;
  }
  void enter(std::initializer_list<const char*> lines) {
    for (const char* line : lines) EXPECT_EQ(say(line), "") << line;
  }

  const NetworkLines lines_{drivers_of_the_test(), {{"exit", "Leave"}}};
  NetworkConfig network_;
};

TEST_F(NetworkLinesTest, ADriversOwnLinesAreKeptAndPrinted) {
  network_.name = "red";
  enter({"driver stub", "subnet 10.0.0.0/24", "subnet fd00::/64", "gateway fd00::1", "gateway 10.0.0.1", "par eth1",
         "mode ve", "aux-address router 10.0.0.5", "aux-address printer fd00::9", "isolated", "tag 7"});
  EXPECT_EQ(network_.options.at("mode"), std::set<std::string>{"vepa"});
  EXPECT_EQ(network_.options.at("isolated"), std::set<std::string>{""});
  const std::string text = lines_.print(network_);
  EXPECT_EQ(
      text,
      "network red\n driver stub\n subnet 10.0.0.0/24\n gateway 10.0.0.1\n subnet fd00::/64\n gateway fd00::1\n parent "
      "eth1\n mode vepa\n aux-address printer fd00::9\n aux-address router 10.0.0.5\n isolated\n advertise none\n "
      "tag 7\nexit\n");
  const NetworkConfig before = std::exchange(network_, NetworkConfig{});
  network_.name = before.name;
  std::istringstream in(text.substr(text.find('\n') + 1));
  for (std::string line; std::getline(in, line) && line != "exit";) EXPECT_EQ(say(line, false), "") << line;
  EXPECT_TRUE(network_ == before) << lines_.print(network_);
}

TEST_F(NetworkLinesTest, ADriversOwnLinesAreTakenBack) {
  enter({"driver stub", "subnet 10.0.0.0/24"});
  const NetworkConfig before = network_;
  const std::pair<const char*, const char*> kPairs[] = {{"parent eth1", "no parent"},
                                                        {"parent eth1", "no parent eth1"},
                                                        {"mode vepa", "no mode"},
                                                        {"aux-address a 10.0.0.5", "no aux-address a"},
                                                        {"aux-address a 10.0.0.5", "no aux-address a 10.0.0.5"},
                                                        {"isolated", "no isolated"},
                                                        {"shim", "no shim"},
                                                        {"shim 10.0.0.9", "no shim"},
                                                        {"shim 10.0.0.9", "no shim 10.0.0.9"}};
  for (const auto& [line, undo] : kPairs) {
    EXPECT_EQ(say(line), "");
    EXPECT_FALSE(network_ == before) << line;
    EXPECT_EQ(say(undo), "");
    EXPECT_TRUE(network_ == before) << undo;
  }
  enter({"shim 10.0.0.9", "shim fd00::9", "no shim 10.0.0.9"});
  EXPECT_EQ(network_.options.at("shim"), std::set<std::string>{"fd00::9"});
  EXPECT_EQ(say("no shim 10.0.0.9"), "8 one that was said (shim [ADDRESS])");
  enter({"no parent", "aux-address a 10.0.0.5", "aux-address ab 10.0.0.6", "no aux-address a"});
  EXPECT_EQ(network_.options.at("aux-address"), std::set<std::string>{"ab 10.0.0.6"});
  EXPECT_EQ(say("no aux-address a"), "15 one that was said (aux-address NAME ADDRESS)");
}

TEST_F(NetworkLinesTest, ALineIsReplacedAtTheShellAndAMistakeInAFile) {
  enter({"driver stub", "subnet 10.0.0.0/24", "parent eth1", "parent eth2", "aux-address a 10.0.0.5",
         "aux-address a 10.0.0.6"});
  EXPECT_EQ(network_.options.at("parent"), std::set<std::string>{"eth2"});
  EXPECT_EQ(network_.options.at("aux-address"), std::set<std::string>{"a 10.0.0.6"});
  const NetworkConfig before = network_;
  EXPECT_EQ(say("parent eth3", false), "0 one parent line");
  enter({"shim 10.0.0.9", "shim fd00::9"});
  EXPECT_EQ(network_.options.at("shim"), (std::set<std::string>{"10.0.0.9", "fd00::9"}));
  EXPECT_EQ(say("shim fd00::9", false), "0 each shim line once");
  enter({"no shim"});
  EXPECT_EQ(say("aux-address a 10.0.0.7", false), "12 one aux-address line for each name");
  EXPECT_EQ(say("aux-address b 10.1.0.7", false), "14 an address of this network") << "what the driver knows of it";
  EXPECT_TRUE(network_ == before) << "a mistake changes nothing";
  EXPECT_EQ(say("aux-address b 10.0.0.7", false), "");
}

TEST_F(NetworkLinesTest, ALineOfAnotherDriverIsRefusedAsSuch) {
  EXPECT_EQ(say(" parent eth1"), "1 another line: driver bridge has no such line; stub has");
  EXPECT_EQ(say("parent"), "0 another line: driver bridge has no such line; stub has") << "half of one, too";
  EXPECT_THAT(say("nonsense"), HasSubstr("advertise, allow, anycast, driver")) << "nobody's line";
  EXPECT_THAT(say("m"), HasSubstr("'m' may be max-containers, mtu")) << "its own, if that were clear";
  enter({"mtu 1400", "no mtu", "driver stub", "parent eth1"});
  EXPECT_EQ(say("mtu 1400"), "0 another line: driver stub has no such line; bridge has");
  EXPECT_EQ(say("m vepa"), "0 one word: 'm' may be max-containers, mode");
}

// Otherwise it could neither be taken back nor be printed any more.
TEST_F(NetworkLinesTest, ADriverChangesWhenWhatTheNewOneDoesNotTakeIsGone) {
  enter({"subnet 10.0.0.0/24", "gateway 10.0.0.1", "mtu 1400"});
  EXPECT_EQ(say("driver stub"), "7 a network without what driver stub does not take; take back first: mtu 1400");
  EXPECT_EQ(network_.driver, "bridge");
  enter({"no mtu", "driver stub", "parent eth1", "isolated"});
  EXPECT_TRUE(network_.subnets[0].gateway) << "both take it";
  EXPECT_EQ(say("no driver"),
            "3 a network without what driver bridge does not take; take back first: isolated, parent eth1");
  enter({"no parent", "no isolated", "no driver"});
  EXPECT_EQ(network_.driver, "bridge");
}

TEST_F(NetworkLinesTest, OffersWhatTheDriverTakes) {
  const auto offers = [&](const char* driver, const char* text) {
    std::vector<std::string> out;
    for (const Completion& each : lines_.grammar(driver).completions(text)) out.push_back(each.text);
    return out;
  };
  EXPECT_THAT(offers("bridge", "m"), ElementsAre("max-containers", "mtu"));
  EXPECT_THAT(offers("stub", "m"), ElementsAre("max-containers", "mode"));
  EXPECT_THAT(offers("stub", "driver "), ElementsAre("bridge", "stub"));
  EXPECT_THAT(offers("stub", "ex"), ElementsAre("exit"));
  std::vector<std::string> all;
  for (const Command& each : lines_.every_line().commands()) all.push_back(each.syntax);
  for (const char* line : {"parent IF", "no parent [IF]", "mtu (1280-65535)", "no aux-address NAME [ADDRESS]"})
    EXPECT_THAT(all, ::testing::Contains(line));
  EXPECT_EQ(std::count(all.begin(), all.end(), "gateway ADDRESS"), 1) << "two drivers have it";
}

}  // namespace
}  // namespace berth
