// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/vty/shell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "tests/unit/shell_fixture.h"

namespace berth {
namespace {

using ::testing::HasSubstr;

class ShellTest : public ::testing::Test {
 protected:
  Reply run(const std::string& line) { return session_.run(line); }
  void ok(const std::string& line) {
    const Reply reply = run(line);
    EXPECT_EQ(reply.status, VtyStatus::Success) << line << "\n" << reply.text;
    EXPECT_EQ(reply.text, "") << line;
  }
  void enter(std::initializer_list<const char*> lines) {
    for (const char* line : lines) ok(line);
  }

  FakeHost host_;
  Shell shell_{host_, {}};
  ShellSession session_{shell_};
};

TEST_F(ShellTest, EveryShowHasJson) {
  for (const char* what : {"status", "networks", "containers", "routes", "attachments", "leases", "macvlan parents",
                           "overlays", "counters", "running-config", "version"}) {
    const Reply text = run(std::string("show ") + what), json = run(std::string("show ") + what + " json");
    EXPECT_EQ(text.status, VtyStatus::Success) << what;
    EXPECT_FALSE(text.text.empty()) << what;
    boost::system::error_code error;
    EXPECT_TRUE(boost::json::parse(json.text, error).is_object()) << what << "\n" << json.text;
    EXPECT_FALSE(error) << what;
  }
  EXPECT_THAT(run("explain web").text, HasSubstr("remedy: turn it off"));
  EXPECT_EQ(boost::json::parse(run("exp 10.0.0.1 j").text).at("subject"), "10.0.0.1");
}

TEST_F(ShellTest, WrongInputIsAnsweredAsInFrr) {
  EXPECT_EQ(run("show nothing").status, VtyStatus::NoMatch);
  EXPECT_EQ(run("show nothing").text,
            "% Unknown command\n  show nothing\n       ^ expected attachments, containers, counters, leases, macvlan, "
            "networks, overlays, routes, "
            "running-config, status, version\n");
  EXPECT_EQ(run("show c").status, VtyStatus::Ambiguous);
  EXPECT_EQ(run("show").status, VtyStatus::Incomplete);
  EXPECT_EQ(run("show status \x01 json").status, VtyStatus::NoMatch);
  EXPECT_EQ(run("\x7f").status, VtyStatus::NoMatch);
  EXPECT_EQ(run("berthctl nonsense").status, VtyStatus::NoMatch);
  enter({"", "   ", "! a comment", "# a comment"});
}

TEST_F(ShellTest, ANetworkIsActedUponWhenItIsLeft) {
  enter({"configure terminal", "network red", "subnet 10.20.0.0/24", "gateway 10.20.0.1", "advertise host", "tag 7"});
  EXPECT_EQ(session_.prompt(), "host1(config-network)# ");
  EXPECT_EQ(host_.applied, 0) << "half a network is not made";
  ok("exit");
  EXPECT_EQ(session_.prompt(), "host1(config)# ");
  EXPECT_EQ(host_.applied, 1);
  EXPECT_EQ(host_.shown.config.networks.at("red").subnets[0].gateway->to_string(), "10.20.0.1");
  enter({"network red", "end"});
  EXPECT_EQ(host_.applied, 1) << "nothing was changed";
  EXPECT_EQ(session_.prompt(), "host1# ");
}

TEST_F(ShellTest, AnIncompleteNetworkIsKeptAsideAndSaysWhatIsMissing) {
  enter({"conf t", "network red", "subnet 10.20.0.0/24", "advertise host"});
  const Reply left = run("end");
  EXPECT_EQ(left.status, VtyStatus::ConfigFailed);
  EXPECT_EQ(left.text, "% Network red is not in force: expected a tag for network red, since it advertises\n");
  EXPECT_EQ(host_.applied, 0);
  EXPECT_THAT(run("show running-config").text, HasSubstr("! network red\n!  driver bridge\n!  subnet 10.20.0.0/24\n"));
  EXPECT_EQ(run("write").status, VtyStatus::Warning);
  EXPECT_TRUE(parse_config(host_.saved, "saved"));
  enter({"conf t", "network red", "tag 9", "end"});
  EXPECT_EQ(host_.shown.config.networks.at("red").subnets.size(), 1u) << "the draft was gone on with";
  EXPECT_EQ(run("write").text, "[OK]\n");
}

TEST_F(ShellTest, AWorkingNetworkStaysAsItWasWhileItsChangeIsIncomplete) {
  enter({"conf t", "network blue", "no tag"});
  EXPECT_THAT(run("exit").text, HasSubstr("it stays as it was"));
  EXPECT_EQ(host_.shown.config.networks.at("blue").tag, 100u);
  enter({"no network blue"});
  EXPECT_FALSE(host_.shown.config.networks.contains("blue"));
  EXPECT_TRUE(shell_.drafts.empty()) << "the draft went with it";
}

TEST_F(ShellTest, ALineOfTheTopLeavesTheNetwork) {
  enter({"conf t", "network blue", "tag 5", "hostname other"});
  EXPECT_EQ(host_.shown.config.networks.at("blue").tag, 5u);
  EXPECT_EQ(host_.shown.config.hostname, "other");
  EXPECT_EQ(session_.prompt(), "other(config)# ");
  enter({"network blue", "tag 6", "network nat", "tag 7", "end"});
  EXPECT_EQ(host_.shown.config.networks.at("blue").tag, 6u);
  EXPECT_EQ(host_.shown.config.networks.at("nat").tag, 7u);
}

TEST_F(ShellTest, ALineThatCanNotBeChangesNothing) {
  enter({"conf t"});
  EXPECT_EQ(run("no runtime docker").status, VtyStatus::ConfigFailed);
  EXPECT_EQ(host_.applied, 0);
  enter({"network blue"});
  const Reply reply = run("gateway 192.0.2.1");
  EXPECT_EQ(reply.status, VtyStatus::NoMatch);
  EXPECT_THAT(reply.text, HasSubstr("          ^ expected an address inside of 10.10.1.0/24"));
  EXPECT_EQ(session_.prompt(), "host1(config-network)# ") << "and the context stays";
  enter({"end"});
  EXPECT_EQ(host_.applied, 0);
}

TEST_F(ShellTest, NoNetworkOfADraftForgetsOnlyThat) {
  enter({"conf t", "network red"});
  EXPECT_EQ(run("exit").status, VtyStatus::ConfigFailed);
  enter({"no network red"});
  EXPECT_TRUE(shell_.drafts.empty());
  EXPECT_EQ(host_.applied, 0);
  EXPECT_EQ(run("no network red").status, VtyStatus::NoMatch) << "no such network now";
}

TEST_F(ShellTest, DoRunsACommandOfTheTop) {
  enter({"conf t", "network blue", "tag 5"});
  EXPECT_THAT(run("do show version").text, HasSubstr("berthd 0.1.0"));
  EXPECT_EQ(session_.prompt(), "host1(config-network)# ");
  EXPECT_EQ(host_.applied, 0);
  EXPECT_EQ(run("do show nothing").status, VtyStatus::NoMatch);
  EXPECT_THAT(run("do list").text, HasSubstr("show routes"));
  enter({"do configure terminal", "do exit"});
  EXPECT_FALSE(session_.closed());
  enter({"end"});
  EXPECT_EQ(host_.shown.config.networks.at("blue").tag, 5u) << "the network was not left on the way";
}

TEST_F(ShellTest, ARefusedLineOfTheTopLeavesNothingAndChangesNothing) {
  enter({"conf t", "network blue", "tag 5"});
  for (const auto& [line, status] : {std::pair{"no network green", VtyStatus::NoMatch},
                                     {"zebra socket here.sock", VtyStatus::NoMatch},
                                     {"no runtime docker", VtyStatus::ConfigFailed}}) {
    EXPECT_EQ(run(line).status, status) << line;
    EXPECT_EQ(session_.prompt(), "host1(config-network)# ") << line;
    EXPECT_EQ(host_.applied, 0) << line;
  }
  ok("exit");
  EXPECT_EQ(host_.shown.config.networks.at("blue").tag, 5u) << "the draft was still there";
}

TEST_F(ShellTest, ANetworkThatIsTakenBackWhileItIsWrittenIsNeverInForce) {
  enter({"conf t", "network red", "subnet 10.20.0.0/24", "no network red"});
  EXPECT_EQ(session_.prompt(), "host1(config)# ");
  EXPECT_TRUE(shell_.drafts.empty());
  EXPECT_EQ(host_.applied, 0);
  enter({"network blue", "tag 5", "no network blue"});
  EXPECT_EQ(host_.applied, 1) << "without its new tag on the way";
  EXPECT_FALSE(host_.shown.config.networks.contains("blue"));
}

TEST_F(ShellTest, ARuntimeIsALineOfTheTopAndOfANetwork) {
  enter({"conf t", "runtime two docker unix:/run/two.sock", "network blue", "runtime two", "exit"});
  EXPECT_EQ(host_.shown.config.networks.at("blue").runtime, "two");
  EXPECT_EQ(run("no runtime two").text,
            "% Not done: expected a runtime two for network blue (runtime two docker unix:/run/docker.sock)\n");
  enter({"network blue", "tag 7", "runtime two docker unix:/run/other.sock"});
  EXPECT_EQ(session_.prompt(), "host1(config)# ") << "it has more words than the network's line";
  EXPECT_EQ(host_.shown.config.networks.at("blue").tag, 7u);
  EXPECT_EQ(host_.shown.config.runtimes.at(1).address, "unix:/run/other.sock");
  enter({"network blue", "no runtime two", "no runtime two"});
  EXPECT_EQ(host_.shown.config.runtimes.size(), 1u) << "first the network's, then the top's";
  EXPECT_TRUE(host_.shown.config.networks.at("blue").runtime.empty());
}

TEST_F(ShellTest, WithdrawIsSwitchedAndShown) {
  ok("withdraw");
  EXPECT_TRUE(host_.shown.withdrawn);
  EXPECT_EQ(boost::json::parse(run("show status json").text).at("withdrawn"), true);
  ok("no withdraw");
  EXPECT_FALSE(host_.shown.withdrawn);
}

TEST_F(ShellTest, WithdrawSaysThatZebraIsAway) {
  host_.shown.zebra.connected = false;
  host_.shown.config.zebra.grace_seconds = 77;
  const Reply reply = run("withdraw");
  EXPECT_TRUE(host_.shown.withdrawn) << "it holds from when zebra is back";
  EXPECT_EQ(reply.status, VtyStatus::Warning);
  EXPECT_THAT(reply.text, HasSubstr("zebra is away"));
  EXPECT_THAT(reply.text, HasSubstr("77 s"));
  EXPECT_THAT(run("no withdraw").text, HasSubstr("zebra is away"));
  EXPECT_FALSE(host_.shown.withdrawn);
}

TEST_F(ShellTest, AWriteThatFailsSaysWhy) {
  host_.save_error = "disk full";
  const Reply reply = run("write file");
  EXPECT_EQ(reply.status, VtyStatus::Warning);
  EXPECT_EQ(reply.text, "% Not saved: disk full; make room\n");
}

TEST_F(ShellTest, OffersCommandsAndNames) {
  const auto offers = [&](const std::string& line) {
    std::vector<std::string> out;
    for (const Completion& each : session_.complete(line))
      if (each.keyword) out.push_back(each.text);
    return out;
  };
  EXPECT_THAT(offers("show r"), ::testing::ElementsAre("routes", "running-config"));
  EXPECT_THAT(offers("explain "), ::testing::ElementsAre("web", "db", "lonely"));
  ok("conf t");
  EXPECT_THAT(offers("network n"), ::testing::ElementsAre("nat", "new"));
  ok("runtime two docker unix:/run/two.sock");
  EXPECT_THAT(offers("no runtime "), ::testing::ElementsAre("containerd", "docker", "two"));
  EXPECT_THAT(offers("do show v"), ::testing::ElementsAre("version"));
  EXPECT_THAT(run("berthctl complete net").text, HasSubstr("word\tnetwork\tA network that berth keeps"));
  EXPECT_EQ(run("berthctl prompt").text, "host1(config)# ");
}

TEST_F(ShellTest, NamesCanNotPlayWithTheReader) {
  host_.shown.containers[0].name = std::string("evil\0\x1b[2Jname", 13);
  const std::string text = run("show containers").text;
  EXPECT_THAT(text, HasSubstr("evil??[2Jname"));
  EXPECT_EQ(text.find('\0'), std::string::npos);
}

TEST_F(ShellTest, TabMayStandWhereNoWordIs) {
  for (const char* mode : {"", "conf t", "network blue"}) {
    run(mode);
    for (const char* line :
         {"\t", " \t ", "", " ", "\r", "do\t", "do \t", "do", "show\t", "no\t\t", "!\t", "berthctl\t"})
      EXPECT_EQ(run(std::string("berthctl complete ") + line).status, VtyStatus::Success)
          << mode << ": '" << line << "'";
  }
  EXPECT_THAT(run("berthctl complete \t").text, HasSubstr("word\tadvertise\t"));
  EXPECT_THAT(run("berthctl complete do\tshow r").text, HasSubstr("word\troutes\t"));
}

TEST_F(ShellTest, OffersNoNameThatIsNotAWord) {
  host_.shown.containers = {{{"docker", "1"}, "two words", "running", {}, {}},
                            {{"docker", "2"}, "tab\there", "running", {}, {}},
                            {{"docker", "3"}, "two\nlines", "running", {}, {}},
                            {{"docker", "4"}, "", "running", {}, {}},
                            {{"docker", "5"}, "good", "running", {}, {}}};
  EXPECT_EQ(run("berthctl complete explain ").text,
            "hint\tADDRESS\tIts address\nhint\tCONTAINER\tName of a container, or "
            "the beginning of its id\nword\tgood\t\n");
}

TEST_F(ShellTest, NoByteOfANameIsATerminalsCommand) {
  for (const char* name :
       {"c1\xc2\x9b[2J", "raw\x9b[2J", "cut\xe2\x82", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xc0\xaf"}) {
    host_.shown.containers[0].name = name;
    const Reply reply = run("show containers json");
    EXPECT_EQ(reply.text.find(name), std::string::npos) << reply.text;
    EXPECT_THAT(reply.text, HasSubstr("?"));
  }
  host_.shown.containers[0].name = "gr\xc3\xb6\xc3\x9f";
  EXPECT_THAT(run("show containers").text, HasSubstr("gr\xc3\xb6\xc3\x9f"));
}

// A mistake is told in the same words by -C and by configure terminal.
TEST_F(ShellTest, RefusesInTheWordsOfTheFile) {
  const std::string file = "runtime docker unix:/run/docker.sock\nnetwork x\n subnet 10.99.0.0/24\n";
  enter({"conf t", "network x", "subnet 10.99.0.0/24"});
  for (const char* line : {"subnet 127.0.0.0/8", "gateway 10.99.0.255", "docker-network host", "hostname \xc3\xb6",
                           "zebra socket here", "runtime docker x", "network a/b", "allow prefix ::1", "tag 0",
                           "log foo", "log stderr foo", "hostname", "limit routes 0"}) {
    const auto config = parse_config(file + line, "f");
    ASSERT_FALSE(config) << line;
    const std::string message = config.error().message;  // f:4: expected WORDS
    const std::size_t from = message.find("expected "), end = message.find('\n');
    EXPECT_THAT(run(line).text, HasSubstr("^ " + message.substr(from, end - from) + "\n")) << line;
    EXPECT_EQ(session_.prompt(), "host1(config-network)# ") << line;
  }
}

TEST_F(ShellTest, ExitAtTheTopCloses) {
  enter({"conf t", "exit"});
  EXPECT_FALSE(session_.closed());
  ok("exit");
  EXPECT_TRUE(session_.closed());
}

// One packet through the rules in force: what is typed is what is asked.
TEST_F(ShellTest, TracesAPacketThroughTheFirewall) {
  const std::string text = run("firewall trace 10.0.7.9 10.10.1.2 tcp 80").text;
  EXPECT_THAT(text, HasSubstr("ip filter FORWARD"));
  EXPECT_THAT(text, HasSubstr("tcp dport 80 drop"));
  EXPECT_THAT(text, HasSubstr("verdict: is dropped"));
  EXPECT_THAT(run("firewall trace 10.0.7.9 10.10.1.2").text, HasSubstr("icmp dport 0"));
  EXPECT_THAT(run("firewall trace fd00::1 fd00::2 udp 53 json").text, HasSubstr("\"udp dport 53 drop\""));
  EXPECT_THAT(run("firewall trace 10.0.7.9 10.10.1.2 json").text, HasSubstr("\"verdict\""));
  EXPECT_THAT(run("firewall trace 10.0.7.9 fd00::2").text, HasSubstr("one family"));
  host_.rules_read = false;
  EXPECT_THAT(run("firewall trace 10.0.7.9 10.10.1.2").text, HasSubstr("not read yet"));
}

}  // namespace
}  // namespace berth
