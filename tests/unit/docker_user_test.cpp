// SPDX-License-Identifier: GPL-2.0-or-later
//
// Our rules in DOCKER-USER, against a small nft that carries the commands out: what it prints is read again.
#include "container_watcher/firewall/docker_user.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <sstream>

namespace berth::firewall {
namespace {

const NetworkSite kBlue{"blue", "br-blue", {*Prefix::parse("10.10.1.0/24")}};
const NetworkSite kRed{"red", "br-red", {*Prefix::parse("10.10.2.0/24")}};
const NetworkSite kDual{"dual", "br-dual", {*Prefix::parse("10.10.3.0/24"), *Prefix::parse("fd00:3::/64")}};
const std::string kBlueRule =
    R"(iifname != "br-blue" oifname "br-blue" ip daddr 10.10.1.0/24 counter packets 0 bytes 0 accept comment "berth:blue")";
const std::string kRedRule =
    R"(iifname != "br-red" oifname "br-red" ip daddr 10.10.2.0/24 counter packets 0 bytes 0 accept comment "berth:red")";
const std::string kReturn = "counter packets 0 bytes 0 return";  // as Docker 20.10 and 26.1 end the chain
const std::string kForeign =
    R"(iifname "eth0" ip saddr 192.0.2.0/24 counter packets 0 bytes 0 drop comment "operator's")";

// The DOCKER-USER chains of one host. Add, insert and delete by handle, in one transaction, as nft(8) says.
class Host {
 public:
  struct Line {
    std::string text;
    std::uint64_t handle;
  };
  explicit Host(const std::vector<std::string>& v4) { chain("ip", v4); }
  void chain(const std::string& family, const std::vector<std::string>& rules) {
    chains_[family];
    for (const std::string& each : rules) chains_[family].push_back({each, ++handles_});
  }
  std::string print() const {
    std::string out;
    for (const auto& [family, lines] : chains_) {
      out +=
          "# Warning: table " + family + " filter is managed by iptables-nft, do not touch!\ntable " + family +
          " filter { # handle 1\n\tchain DOCKER { # handle 1\n\t\tcounter packets 0 bytes 0 drop # handle 1000\n\t}\n\n"
          "\tchain DOCKER-USER { # handle 7\n";
      for (const Line& each : lines) out += "\t\t" + each.text + " # handle " + std::to_string(each.handle) + "\n";
      out += "\t}\n}\n";
    }
    return out;
  }
  std::string commands(const std::vector<NetworkSite>& sites, const std::set<std::string>& keep = {}) const {
    return docker_user_commands(parse_ruleset(print()), sites, keep);
  }
  void run(const std::string& commands) {
    std::istringstream in(commands);
    for (std::string line; std::getline(in, line);) {
      std::istringstream words(line);
      std::string verb, rule, family, table, name, word;
      words >> verb >> rule >> family >> table >> name;
      ASSERT_TRUE(rule == "rule" && table == "filter" && name == "DOCKER-USER" && chains_.contains(family)) << line;
      std::vector<Line>& lines = chains_[family];
      auto at = lines.end();
      if (verb != "add") {
        std::uint64_t handle = 0;
        words >> word >> handle;
        ASSERT_EQ(word, "handle") << line;
        at = std::find_if(lines.begin(), lines.end(), [&](const Line& each) { return each.handle == handle; });
        ASSERT_NE(at, lines.end()) << line;
      }
      std::string text;
      std::getline(words >> std::ws, text);
      if (verb == "delete")
        lines.erase(at);
      else
        lines.insert(at, {text, ++handles_});
    }
  }
  std::vector<std::string> rules(const std::string& family = "ip") const {
    std::vector<std::string> out;
    for (const Line& each : chains_.at(family)) out.push_back(each.text);
    return out;
  }

 private:
  std::map<std::string, std::vector<Line>> chains_;
  std::uint64_t handles_ = 10;
};

// As we write them: the counter has no numbers yet.
std::string written(std::string rule) {
  if (const auto at = rule.find(" packets 0 bytes 0"); at != std::string::npos) rule.erase(at, 18);
  return rule;
}

TEST(DockerUser, GoesBeforeTheReturnThatEndsTheChain) {
  Host host({kReturn});
  EXPECT_EQ(host.commands({kBlue}),
            "insert rule ip filter DOCKER-USER handle 11 iifname != \"br-blue\" oifname \"br-blue\" ip daddr "
            "10.10.1.0/24 counter accept comment \"berth:blue\"\n");
  host.run(host.commands({kBlue, kRed}));
  EXPECT_EQ(host.rules(), (std::vector<std::string>{written(kBlueRule), written(kRedRule), kReturn}));
  EXPECT_EQ(host.commands({kBlue, kRed}), "") << "nothing to do the second time";
}

// Docker writes none for a link that it does not know: what comes from the containers is let out, too.
TEST(DockerUser, OfALinkOfOursBothWaysAreOpened) {
  NetworkSite violet{"violet", "mv-violet", {*Prefix::parse("10.40.1.0/24")}};
  violet.own_link = true;
  Host host({kReturn});
  host.run(host.commands({violet}));
  EXPECT_NE(host.print().find(R"(iifname "mv-violet" oifname != "mv-violet" ip saddr 10.40.1.0/24)"),
            std::string::npos);
  EXPECT_NE(host.print().find(R"(iifname != "mv-violet" oifname "mv-violet" ip daddr 10.40.1.0/24)"),
            std::string::npos);
  EXPECT_EQ(host.commands({violet}), "") << "they are known again";
  host.run(host.commands({}));
  EXPECT_EQ(host.print().find("mv-violet"), std::string::npos);
}

TEST(DockerUser, GoesToTheEndOfAChainWithoutReturn) {
  Host host({kForeign});
  EXPECT_EQ(host.commands({kBlue}),
            "add rule ip filter DOCKER-USER iifname != \"br-blue\" oifname \"br-blue\" ip daddr 10.10.1.0/24 counter "
            "accept comment "
            "\"berth:blue\"\n");
  host.run(host.commands({kBlue}));
  EXPECT_EQ(host.rules(), (std::vector<std::string>{kForeign, written(kBlueRule)}));
  Host empty({});
  empty.run(empty.commands({kBlue}));
  EXPECT_EQ(empty.rules(), std::vector<std::string>{written(kBlueRule)});
  EXPECT_EQ(empty.commands({kBlue}), "");
}

TEST(DockerUser, KnowsItsRulesAsNftPrintsThem) {
  EXPECT_EQ(Host({kBlueRule, kRedRule, kReturn}).commands({kBlue, kRed}), "");
  EXPECT_EQ(Host({kRedRule, kForeign, kBlueRule}).commands({kBlue, kRed}), "") << "in whatever order";
  // a subnet of one address is printed without its length
  const NetworkSite one{"one", "br-one", {*Prefix::parse("10.10.9.9/32")}};
  EXPECT_EQ(Host({R"(iifname != "br-one" oifname "br-one" ip daddr 10.10.9.9 counter accept comment "berth:one")"})
                .commands({one}),
            "");
}

TEST(DockerUser, AReturnWithAMatchEndsNothing) {
  const std::string some = "ip saddr 192.0.2.0/24 counter packets 0 bytes 0 return";
  Host host({some, kForeign, kReturn});
  host.run(host.commands({kBlue}));
  EXPECT_EQ(host.rules(), (std::vector<std::string>{some, kForeign, written(kBlueRule), kReturn}));
}

TEST(DockerUser, WhatStandsBehindTheReturnIsPutBeforeIt) {
  Host host({kForeign, kReturn, kBlueRule, kRedRule});
  host.run(host.commands({kBlue}, {"red"}));
  EXPECT_EQ(host.rules(), (std::vector<std::string>{kForeign, written(kBlueRule), kReturn, kRedRule}));
  EXPECT_EQ(host.commands({kBlue}, {"red"}), "");
}

TEST(DockerUser, DuplicatesOfOursGo) {
  Host host({kBlueRule, kForeign, kBlueRule, kReturn, kBlueRule});
  host.run(host.commands({kBlue}));
  EXPECT_EQ(host.rules(), (std::vector<std::string>{kBlueRule, kForeign, kReturn}));
  EXPECT_EQ(host.commands({kBlue}), "");
}

TEST(DockerUser, WhatIsWrongInOursIsReplaced) {
  for (const char* wrong : {R"(oifname "br-blue" ip daddr 10.10.1.0/24 counter accept comment "berth:blue")",
                            R"(oifname "br-old" ip daddr 10.10.1.0/24 counter accept comment "berth:blue")",
                            R"(oifname "br-blue" ip daddr 10.10.7.0/24 counter accept comment "berth:blue")",
                            R"(ip daddr 10.10.1.0/24 counter accept comment "berth:blue")",
                            R"(oifname "br-blue" ip daddr 10.10.1.0/24 counter drop comment "berth:blue")",
                            R"(oifname "br-blue" ip daddr 10.10.1.0/24 tcp dport 80 accept comment "berth:blue")",
                            R"(oifname "br-blue" ip daddr 10.10.1.0/24 counter accept comment "berth:red")"}) {
    Host host({kForeign, wrong, kReturn});
    host.run(host.commands({kBlue}));
    EXPECT_EQ(host.rules(), (std::vector<std::string>{kForeign, written(kBlueRule), kReturn})) << wrong;
  }
}

TEST(DockerUser, RulesWithoutOurCommentAreNeverTouched) {
  const std::vector<std::string> foreign{
      kForeign,
      R"(oifname "br-blue" ip daddr 10.10.1.0/24 counter accept)",
      R"(oifname "br-blue" ip daddr 10.10.1.0/24 counter accept comment "berth")",
      R"(oifname "br-blue" ip daddr 10.10.1.0/24 counter accept comment "my berth:blue")",
      R"(counter packets 0 bytes 0 accept comment "set by containerlab")",
      R"(xt match "set" counter packets 0 bytes 0 drop)",
      kReturn,
      kReturn};
  Host host(foreign);
  EXPECT_EQ(host.commands({}), "");
  EXPECT_EQ(std::count(foreign.begin(), foreign.end(), kReturn), 2);
  host.run(host.commands({kBlue}));
  std::vector<std::string> expected = foreign;
  expected.insert(expected.end() - 2, written(kBlueRule));
  EXPECT_EQ(host.rules(), expected);
  host.run(host.commands({}));
  EXPECT_EQ(host.rules(), foreign) << "and all is as it was when ours are swept";
}

TEST(DockerUser, KeepsAndSweeps) {
  const Host host({kBlueRule, kRedRule, kForeign, kReturn});
  EXPECT_EQ(host.commands({}, {"blue", "red"}), "") << "the runtime is away";
  EXPECT_EQ(host.commands({kBlue}, {"red"}), "");
  EXPECT_EQ(host.commands({kBlue}), "delete rule ip filter DOCKER-USER handle 12\n");
  EXPECT_EQ(host.commands({}, {"red"}), "delete rule ip filter DOCKER-USER handle 11\n");
  // of a network whose site is known what is wrong goes, kept or not
  const NetworkSite moved{"blue", "br-blue", {*Prefix::parse("10.10.8.0/24")}};
  Host other({kBlueRule, kReturn});
  other.run(other.commands({moved}, {"blue"}));
  EXPECT_EQ(other.rules(),
            (std::vector<std::string>{
                R"(iifname != "br-blue" oifname "br-blue" ip daddr 10.10.8.0/24 counter accept comment "berth:blue")",
                kReturn}));
}

// Docker's enable_icc=false is a drop behind DOCKER-USER: ours says nothing of what stays on one bridge. An internal network is
// closed on purpose.
TEST(DockerUser, OpensNothingThatWasClosedOnPurpose) {
  NetworkSite closed = kDual;
  closed.closed_v6 = true;
  Host host({kReturn});
  host.chain("ip6", {kReturn});
  host.run(host.commands({closed}));
  EXPECT_EQ(host.rules("ip6"), std::vector<std::string>{kReturn});
  ASSERT_EQ(host.rules("ip").size(), 2u);
  EXPECT_TRUE(host.rules("ip")[0].starts_with("iifname != \"br-dual\" "));
  closed.closed_v4 = true;
  host.run(host.commands({closed}));
  EXPECT_EQ(host.rules("ip"), std::vector<std::string>{kReturn}) << "what was open is closed again";
}

TEST(DockerUser, EachFamilyHasItsChain) {
  const std::string four =
      R"(iifname != "br-dual" oifname "br-dual" ip daddr 10.10.3.0/24 counter accept comment "berth:dual")";
  const std::string six =
      R"(iifname != "br-dual" oifname "br-dual" ip6 daddr fd00:3::/64 counter accept comment "berth:dual")";
  Host host({kReturn});
  host.chain("ip6", {kReturn});
  host.run(host.commands({kDual}));
  EXPECT_EQ(host.rules("ip"), (std::vector<std::string>{four, kReturn}));
  EXPECT_EQ(host.rules("ip6"), (std::vector<std::string>{six, kReturn}));
  EXPECT_EQ(host.commands({kDual}), "");
  host.run(host.commands({}));
  EXPECT_EQ(host.rules("ip"), std::vector<std::string>{kReturn});
  EXPECT_EQ(host.rules("ip6"), std::vector<std::string>{kReturn});
  // Docker without ip6tables: no chain is made
  Host alone({kReturn});
  alone.run(alone.commands({kDual}));
  EXPECT_EQ(alone.commands({kDual}), "");
}

TEST(DockerUser, MakesNoChainAndHeedsNoOther) {
  EXPECT_EQ(docker_user_commands({}, {kBlue}, {}), "") << "Docker without iptables";
  EXPECT_EQ(docker_user_commands(parse_ruleset("table inet filter {\n\tchain DOCKER-USER {\n\t\t" + kRedRule +
                                               " # handle 3\n\t}\n}\ntable ip nat {\n\tchain DOCKER-USER {\n\t\t" +
                                               kRedRule + " # handle 4\n\t}\n}\n"),
                                 {kBlue}, {}),
            "");
}

TEST(DockerUser, NothingOutOfANameRunsAsACommand) {
  for (const NetworkSite& site :
       {NetworkSite{"blue", "br\"; flush ruleset; \"", kBlue.subnets},
        NetworkSite{"blue\"\nflush ruleset", "br-blue", kBlue.subnets}, NetworkSite{"blue\\", "br-blue", kBlue.subnets},
        NetworkSite{"blue", "", kBlue.subnets}})
    EXPECT_EQ(Host({kReturn}).commands({site}), "");
}

// Whatever is in the chain: one run is enough, foreign rules keep their order, and what is wanted stands once before
// the first bare return.
TEST(DockerUser, OneRunIsEnough) {
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  const std::vector<std::string> pool{kForeign,
                                      kReturn,
                                      kBlueRule,
                                      kRedRule,
                                      R"(oifname "br-x" ip daddr 10.0.0.0/8 accept comment "berth:gone")",
                                      R"(oifname "br-blue" accept comment "berth:blue")",
                                      "ip saddr 192.0.2.1 return"};
  for (int round = 0; round < 500; ++round) {
    std::vector<std::string> rules;
    for (auto left = random() % 9; left > 0; --left) rules.push_back(pool[random() % pool.size()]);
    std::vector<NetworkSite> sites;
    for (const NetworkSite& each : {kBlue, kRed})
      if (random() % 2) sites.push_back(each);
    const std::set<std::string> keep = random() % 2 ? std::set<std::string>{"red"} : std::set<std::string>{};
    Host host(rules);
    host.run(host.commands(sites, keep));
    ASSERT_EQ(host.commands(sites, keep), "") << "seed " << seed << " round " << round << "\n" << host.print();
    const auto foreign = [](std::vector<std::string> all) {
      std::erase_if(all, [](const std::string& each) { return each.find("\"berth:") != std::string::npos; });
      return all;
    };
    ASSERT_EQ(foreign(host.rules()), foreign(rules)) << "seed " << seed << " round " << round;
    const std::vector<std::string> now = host.rules();
    const auto end = std::find(now.begin(), now.end(), kReturn);
    for (const auto& [site, rule] : {std::pair{kBlue, kBlueRule}, std::pair{kRed, kRedRule}}) {
      if (std::find(sites.begin(), sites.end(), site) == sites.end()) continue;
      const auto same = [&ours = rule](const std::string& each) { return written(each) == written(ours); };
      EXPECT_EQ(std::count_if(now.begin(), now.end(), same), 1) << "seed " << seed << " round " << round;
      EXPECT_EQ(std::count_if(now.begin(), end, same), 1) << "seed " << seed << " round " << round;
    }
  }
}

// nft refuses a longer one, and with it the rules of all.
TEST(DockerUser, NoCommentIsLongerThanNftTakesAndNoneStandsForTwoNetworks) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::vector<NetworkSite> sites;
  std::set<std::string> names;
  for (std::size_t length = 1; length < 400; ++length) {
    std::string name(length, 'n');
    name.back() = static_cast<char>('a' + random() % 26);
    names.insert(name);
    sites.push_back({name, "br-x", {*Prefix::parse("10.10.1.0/24")}});
  }
  Host host({kReturn});
  host.run(host.commands(sites, names));
  std::set<std::string> comments;
  for (const std::string& rule : host.rules()) {
    const auto at = rule.find("comment \"");
    if (at == std::string::npos) continue;
    const std::string comment = rule.substr(at + 9, rule.rfind('"') - at - 9);
    EXPECT_LE(comment.size(), 127U) << comment;
    EXPECT_TRUE(comments.insert(comment).second) << comment;
  }
  EXPECT_EQ(comments.size(), names.size());
  EXPECT_EQ(host.commands(sites, names), "") << "each is known again";
  EXPECT_EQ(host.commands({}, names), "") << "and kept";
}

}  // namespace
}  // namespace berth::firewall
