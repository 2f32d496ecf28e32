// SPDX-License-Identifier: GPL-2.0-or-later
// The documentation names every command and every key of the JSON documents, and its example is read without a mistake.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fstream>
#include <sstream>

#include "daemon/config/config_edit.h"
#include "daemon/show/show.h"
#include "tests/unit/shell_fixture.h"

namespace berth {
namespace {

std::string page(const std::string& name) {
  std::ifstream in(std::string(BERTH_SOURCE_DIR) + "/docs/" + name);
  EXPECT_TRUE(in) << name;
  std::ostringstream text;
  text << in.rdbuf();
  std::string out = text.str();
  for (std::size_t at; (at = out.find("\\|")) != std::string::npos;) out.erase(at, 1);  // a bar in a table
  return out;
}

void names_every_command(const Grammar& grammar, const std::string& text) {
  for (const Command& command : grammar.commands())
    EXPECT_NE(text.find("`" + command.syntax + "`"), std::string::npos) << command.syntax << " is not documented";
}

TEST(Docs, NameEveryCommand) {
  names_every_command(exec_grammar(), page("berthctl.md"));
  names_every_command(common_grammar(), page("berthctl.md"));
  names_every_command(config_grammar(), page("configuration.md"));
  names_every_command(network_grammar(), page("configuration.md"));
}

void collect(const boost::json::value& value, std::set<std::string>& keys) {
  if (value.is_array())
    for (const auto& each : value.as_array()) collect(each, keys);
  if (!value.is_object()) return;
  for (const auto& [key, each] : value.as_object()) {
    keys.insert(key);
    if (key != "counters") collect(each, keys);  // the names of counters are no keys
  }
}

TEST(Docs, NameEveryKeyOfTheJson) {
  const View view = sample_view();
  const std::string text = page("berthctl.md");
  for (const auto& document : {status_json(view), networks_json(view), containers_json(view), attachments_json(view),
                               routes_json(view), counters_json(view), version_json(view), running_config_json(view),
                               explain_json({"x", true, {{"a", true, "", ""}}})}) {
    std::set<std::string> keys;
    collect(document, keys);
    EXPECT_FALSE(keys.empty());
    for (const std::string& key : keys)
      EXPECT_NE(text.find("`" + key + "`"), std::string::npos) << key << " is not documented";
  }
}

TEST(Docs, TheExampleIsReadWithoutAMistake) {
  const std::string text = page("configuration.md");
  const std::size_t begin = text.rfind("```\nhostname") + 4;
  const auto config = parse_config(text.substr(begin, text.rfind("```") - begin), "docs/configuration.md");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->networks.at("blue").tag, 100u);
}

}  // namespace
}  // namespace berth
