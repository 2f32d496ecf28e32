// SPDX-License-Identifier: GPL-2.0-or-later
//
// Verdicts on the rulesets of tests/data/rulesets, each of which says itself what is to be said of it (ruleset_file.h).
#include "container_watcher/firewall/verdict.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "daemon/config/words.h"
#include "tests/support/ruleset_file.h"

namespace berth::firewall {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(BERTH_SOURCE_DIR) / "tests/data/rulesets";

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& each : fs::directory_iterator(kFolder))
    if (each.path().extension() == ".nft") out.push_back(each.path().stem().string());
  std::sort(out.begin(), out.end());
  return out;
}

std::string rest_of(const std::vector<std::string>& words, std::size_t from) {
  std::string out;
  for (std::size_t i = from; i < words.size(); ++i) out += (i == from ? "" : " ") + words[i];
  return out;
}

std::string all_problems(const RulesVerdict& verdict) {
  std::string out;
  for (const Problem& each : verdict.problems)
    out += "  " + each.code + (each.blocks ? " (blocks " : " (told ") + std::string(to_string(each.family)) +
           "): " + each.text + "\n    -> " + each.remedy + "\n";
  return out;
}

class RulesetFiles : public testing::TestWithParam<std::string> {
 protected:
  void check(const std::vector<std::string>& words, const RulesVerdict& verdict) {
    SCOPED_TRACE(rest_of(words, 0) + "\n" + all_problems(verdict));
    const std::string& what = words[0];
    if (what == "verdict") {
      const bool v4 = words.at(2) == "ip";
      const auto& health = v4 ? verdict.v4 : verdict.v6;
      ASSERT_TRUE(health.known);
      NetworkHealth whole{true, "", verdict.nat, verdict.problems};
      whole.v4 = verdict.v4;
      whole.v6 = verdict.v6;
      const std::map<std::string, std::string> found{
          {"nat", std::string(to_string(health.nat))},
          {"in", std::string(to_string(health.in))},
          {"out", std::string(to_string(health.out))},
          {"advertised", whole.advertisable(*Prefix::parse(v4 ? "0.0.0.0/0" : "::/0")) ? "yes" : "no"}};
      for (std::size_t i = 3; i < words.size(); ++i) {
        const std::size_t at = words[i].find('=');
        EXPECT_EQ(found.at(words[i].substr(0, at)), words[i].substr(at + 1)) << words[i];
      }
    } else if (what == "silent") {
      EXPECT_TRUE(verdict.problems.empty());
    } else if (what == "closed") {
      EXPECT_TRUE(std::any_of(verdict.closed.begin(), verdict.closed.end(),
                              [&](const auto& each) { return each.first == *Prefix::parse(words.at(2)); }));
    } else {
      ASSERT_TRUE(what == "says" || what == "remedy") << what;
      EXPECT_TRUE(std::any_of(verdict.problems.begin(), verdict.problems.end(), [&](const Problem& each) {
        const std::string& text = what == "says" ? each.text : each.remedy;
        return each.code == words.at(2) && text.find(rest_of(words, 3)) != std::string::npos;
      }));
    }
  }
};

TEST_P(RulesetFiles, SayWhatIsToBeSaid) {
  std::ifstream in(kFolder / (GetParam() + ".nft"));
  const RulesetFile file = read_ruleset(in);
  ASSERT_FALSE(file.expected.empty()) << "it expects nothing";
  const auto verdicts = judge(parse_ruleset(file.text), file.sites, file.around);
  for (const auto& words : file.expected) check(words, verdicts.at(words.at(1)));
}

INSTANTIATE_TEST_SUITE_P(Corpus, RulesetFiles, testing::ValuesIn(names()), [](const auto& each) {
  std::string out = each.param;
  std::replace_if(out.begin(), out.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return out;
});

}  // namespace
}  // namespace berth::firewall
