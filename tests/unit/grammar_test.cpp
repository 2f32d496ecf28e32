// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/vty/grammar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth {
namespace {

using ::testing::ElementsAre;

const Grammar& sample() {
  static const Grammar grammar({
      {"show routes [json]", "Show\nRoutes\nJSON"},
      {"show running-config", "Show\nConfiguration"},
      {"show route-map NAME", "Show\nA route-map\nIts name"},
      {"set <ADDRESS|PREFIX|auto> [via (1-10)] [tag (1-100)]...", "Set\nAddress\nPrefix\nAlone\nVia\nN\nTag\nN"},
      {"say LINE", "Say\nWhat"},
  });
  return grammar;
}

std::vector<std::string> words(const std::string& line) {
  const auto parsed = sample().parse(line);
  std::vector<std::string> out;
  if (const auto* ok = std::get_if<ParsedLine>(&parsed))
    for (const ParsedWord& word : ok->words) out.push_back(word.text);
  return out;
}

ParseFailure failure(const std::string& line) {
  const auto parsed = sample().parse(line);
  if (const auto* bad = std::get_if<ParseFailure>(&parsed)) return *bad;
  ADD_FAILURE() << "'" << line << "' was taken";
  return {};
}

std::vector<std::string> offers(const std::string& line) {
  std::vector<std::string> out;
  for (const Completion& each : sample().completions(line)) out.push_back(each.text);
  return out;
}

TEST(Grammar, TakesWordsAndTheirUnambiguousBeginnings) {
  EXPECT_THAT(words("show routes json"), ElementsAre("show", "routes", "json"));
  EXPECT_THAT(words("  sh  routes\tj \r"), ElementsAre("show", "routes", "json"));
  EXPECT_THAT(words("sh ru"), ElementsAre("show", "running-config"));
  EXPECT_THAT(words("set 10.0.0.1 v 3"), ElementsAre("set", "10.0.0.1", "via", "3"));
  EXPECT_THAT(words("set 10.0.0.0/8 tag 1 tag 2"), ElementsAre("set", "10.0.0.0/8", "tag", "1", "tag", "2"));
  EXPECT_THAT(words("say  what you  will "), ElementsAre("say", "what you  will"));
}

TEST(Grammar, PointsAtTheWordThatDoesNotFit) {
  EXPECT_EQ(failure("show rout").kind, ParseFailure::Kind::Ambiguous);
  EXPECT_EQ(failure("show rout").expected, "one word: 'rout' may be route-map, routes");
  const ParseFailure unknown = failure("show routes jsn");
  EXPECT_EQ(unknown.kind, ParseFailure::Kind::NoMatch);
  EXPECT_EQ(unknown.column, 12u);
  EXPECT_EQ(unknown.expected, "json, the end of the line");
  EXPECT_EQ(failure("set 10.0.0.1 via 11").expected, "a number from 1 to 10");
  EXPECT_EQ(failure("set 10.0.0.1/8").kind, ParseFailure::Kind::NoMatch) << "host bits";
  EXPECT_EQ(failure("set 10.0.0.1 via -1").column, 17u);
  EXPECT_EQ(failure("set 10.0.0.1 via 99999999999999999999999").kind, ParseFailure::Kind::NoMatch);
}

TEST(Grammar, SaysWhatIsMissing) {
  for (const std::string line : {"", "show", "show route-map", "set auto via", "say"})
    EXPECT_EQ(failure(line).kind, ParseFailure::Kind::Incomplete) << line;
  EXPECT_EQ(failure("show route-map").expected, "NAME (Its name)");
  EXPECT_EQ(failure("set auto tag 3 tag").column, 18u);
}

TEST(Grammar, AnExactWordBeatsTheBeginningOfALongerOne) {
  const Grammar grammar({{"no", "No"}, {"note WORD", "Note\nWord"}});
  EXPECT_TRUE(std::holds_alternative<ParsedLine>(grammar.parse("no")));
  EXPECT_TRUE(std::holds_alternative<ParsedLine>(grammar.parse("not x")));
}

TEST(Grammar, OffersWhatMayComeNext) {
  EXPECT_THAT(offers(""), ElementsAre("say", "set", "show"));
  EXPECT_THAT(offers("s"), ElementsAre("say", "set", "show"));
  EXPECT_THAT(offers("sh r"), ElementsAre("route-map", "routes", "running-config"));
  EXPECT_THAT(offers("show routes "), ElementsAre("json", "<cr>"));
  EXPECT_THAT(offers("set "), ElementsAre("ADDRESS", "PREFIX", "auto"));
  EXPECT_THAT(offers("set auto via 3 "), ElementsAre("tag", "<cr>"));
  EXPECT_THAT(offers("nonsense "), ElementsAre());
  EXPECT_THAT(offers("show rout "), ElementsAre()) << "ambiguous";
}

TEST(GrammarDeathTest, AWrongTableIsABug) {
  EXPECT_DEATH(Grammar(std::vector<Command>{{"show routes", "Show"}}), "one help line for each token");
  EXPECT_DEATH(Grammar(std::vector<Command>{{"show [routes", "Show\nRoutes"}}), "a bracket too few");
  EXPECT_DEATH(Grammar(std::vector<Command>{{"[show]", "Show"}}), "a command needs a word");
}

}  // namespace
}  // namespace berth
