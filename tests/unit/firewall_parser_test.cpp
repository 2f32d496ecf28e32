// SPDX-License-Identifier: GPL-2.0-or-later
//
// Single rules, as nft prints them: what is read of them.
#include <gtest/gtest.h>

#include "container_watcher/firewall/interval_set.h"
#include "container_watcher/firewall/ruleset.h"

namespace berth::firewall {
namespace {

Do verdict(const std::string& rule) {
  const Rule parsed = parse_rule(rule);
  return parsed.verdict() ? parsed.verdict()->what : Do::Nothing;
}

TEST(RuleParser, AnOptionOfALogIsNoVerdict) {
  EXPECT_EQ(verdict(R"(log prefix "x" flags ip options drop)"), Do::Drop);
  EXPECT_EQ(verdict(R"(log prefix "x" flags tcp sequence,options level debug accept)"), Do::Accept);
  EXPECT_EQ(verdict(R"(log flags all)"), Do::Nothing);
  EXPECT_EQ(verdict(R"(log flags skuid flags ether drop)"), Do::Drop);
  EXPECT_EQ(verdict(R"(log prefix "drop" group 2 snaplen 80 queue-threshold 3)"), Do::Nothing);
}

TEST(RuleParser, QuotedTextIsText) {
  EXPECT_EQ(verdict(R"(counter packets 0 bytes 0 log prefix "a "b" drop")"), Do::Nothing) << "iptables allows a quote";
  EXPECT_EQ(verdict(R"(log prefix "accept" drop)"), Do::Drop);
  EXPECT_EQ(verdict(R"(drop comment "say "accept" here" # handle 7)"), Do::Drop);
  EXPECT_EQ(parse_rule(R"(drop comment "say "accept" here" # handle 7)").handle, 7u);
  EXPECT_EQ(parse_rule(R"(accept comment "# handle 3" # handle 12)").handle, 12u);
  EXPECT_EQ(parse_rule(R"(accept comment "berth:blue")").comment, "berth:blue");
}

TEST(RuleParser, KeepsWhatItDoesNotKnow) {
  const Rule rule = parse_rule("xt match policy ip saddr 10.0.0.0/8 masquerade");
  ASSERT_EQ(rule.statements.size(), 3u);
  EXPECT_EQ(rule.statements[0].what, Do::Opaque);
  EXPECT_EQ(rule.statements[1].what, Do::Match);
  EXPECT_EQ(rule.statements[2].what, Do::SourceNat);
}

TEST(RuleParser, ReadsElements) {
  const Rule rule =
      parse_rule(R"(ip saddr . tcp dport { 10.0.0.1 . 80 timeout 1h comment "a, b", 10.0.0.0/8 . 1-5 } drop)");
  ASSERT_EQ(rule.statements.size(), 2u);
  const Statement& match = rule.statements[0];
  ASSERT_EQ(match.operands.size(), 2u);
  ASSERT_EQ(match.elements.size(), 2u);
  EXPECT_EQ(match.elements[1].parts, (std::vector<std::string>{"10.0.0.0/8", "1-5"}));
}

TEST(RuleParser, LeavesOutWhatIsDormant) {
  const Ruleset rules = parse_ruleset(
      "table ip a {\n\tflags dormant\n\tchain x {\n\t\tdrop\n\t}\n}\ntable ip b {\n\tchain y {\n\t}\n}\n");
  EXPECT_EQ(rules.find("ip", "a", "x"), nullptr);
  EXPECT_NE(rules.find("ip", "b", "y"), nullptr);
}

TEST(IntervalSet, IsASet) {
  const IntervalSet a({{1, 5}, {10, 20}, {4, 7}}), b = IntervalSet::range(6, 12);
  EXPECT_EQ(a, IntervalSet({{1, 7}, {10, 20}}));
  EXPECT_EQ(a & b, IntervalSet({{6, 7}, {10, 12}}));
  EXPECT_EQ(a - b, IntervalSet({{1, 5}, {13, 20}}));
  EXPECT_EQ(a | b, IntervalSet::range(1, 20));
  EXPECT_TRUE((a - a).empty());
  EXPECT_EQ(IntervalSet::all() - IntervalSet::of(0), IntervalSet::range(1, ~Word{0}));
  EXPECT_EQ(IntervalSet::all() - IntervalSet::of(~Word{0}), IntervalSet::range(0, ~Word{0} - 1));
  EXPECT_TRUE(a.contains(10) && !a.contains(8) && !a.contains(0));
  EXPECT_EQ(prefixes_of(IntervalSet::range(0, ~Word{0}), false, 4).size(), 1u);
  EXPECT_EQ(prefixes_of(IntervalSet::range(1, 6), true, 9).size(), 4u);
}

}  // namespace
}  // namespace berth::firewall
