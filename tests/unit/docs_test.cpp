// SPDX-License-Identifier: GPL-2.0-or-later
// The documentation names every command and every key of the JSON documents. What README and docs/ show as
// berthd.conf is read without a mistake; so is the one of frr-configs/host, which agrees with the frr.conf beside it.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "daemon/config/config_edit.h"
#include "daemon/show/show.h"
#include "tests/unit/shell_fixture.h"

namespace berth {
namespace {

std::string file(const std::string& name) {
  std::ifstream in(std::string(BERTH_SOURCE_DIR) + "/" + name);
  EXPECT_TRUE(in) << name;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string page(const std::string& name) {
  std::string out = file("docs/" + name);
  for (std::size_t at; (at = out.find("\\|")) != std::string::npos;) out.erase(at, 1);  // a bar in a table
  return out;
}

// The blocks of a page that are a berthd.conf: those in which a line of the top begins a network.
std::vector<std::string> configurations(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream lines(text);
  bool inside = false, found = false;
  std::string block;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      if (found) out.push_back(block);
      inside = !inside, found = false;
      block.clear();
    } else if (inside) {
      found = found || line.starts_with("network ");
      block += line + "\n";
    }
  }
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
  for (const auto& document :
       {status_json(view), networks_json(view), containers_json(view), attachments_json(view), routes_json(view),
        counters_json(view), version_json(view), running_config_json(view),
        explain_json({"x", Advertised::Yes, {{"a", true, "", ""}}, {}}),
        trace_json({"eth0", "br-blue", {{"forward", "ip filter FORWARD", "drop", "drop"}}, "is dropped"})}) {
    std::set<std::string> keys;
    collect(document, keys);
    EXPECT_FALSE(keys.empty());
    for (const std::string& key : keys)
      EXPECT_NE(text.find("`" + key + "`"), std::string::npos) << key << " is not documented";
  }
}

TEST(Docs, TheExamplesAreReadWithoutAMistake) {
  for (const char* name : {"README.md", "docs/configuration.md"}) {
    const auto blocks = configurations(file(name));
    EXPECT_EQ(blocks.size(), 1u) << name;
    for (const std::string& block : blocks) {
      const auto config = parse_config(block, name);
      ASSERT_TRUE(config) << config.error().message;
      EXPECT_EQ(config->networks.at("blue").tag, 100u);
    }
  }
}

// zebra looks for any other name in folders where the module is not, and does not start without it.
TEST(Docs, TheModuleIsLoadedByItsWholePath) {
  namespace fs = std::filesystem;
  int found = 0;
  for (const char* folder :
       {"README.md", "bench", "containers", "daemon", "docs", "fpm_bridge", "frr-configs", "scripts"}) {
    std::vector<fs::path> files = {fs::path(BERTH_SOURCE_DIR) / folder};
    if (fs::is_directory(files[0]))
      files.assign(fs::recursive_directory_iterator(files[0]), fs::recursive_directory_iterator());
    for (const fs::path& each : files) {
      if (!fs::is_regular_file(each)) continue;
      const std::string text = file(fs::relative(each, BERTH_SOURCE_DIR).string());
      for (std::size_t at = 0; (at = text.find("-M ", at)) != std::string::npos; at += 3) {
        const std::string word = text.substr(at + 3, text.find_first_of(" \t\n'\"`", at + 3) - at - 3);
        if (word.find("zebra_fpm_bridge") == std::string::npos) continue;
        ++found;
        EXPECT_TRUE(word.starts_with("/usr/lib/frr/modules/zebra_fpm_bridge.so")) << each << ": -M " << word;
      }
    }
  }
  EXPECT_GE(found, 3) << "README, frr-configs, the lab";
  for (const char* name : {"scripts/install", "containers/frr/Dockerfile", "containers/node/Dockerfile",
                           "fpm_bridge/client/zebra_client.cpp"})
    EXPECT_NE(file(name).find("/usr/lib/frr/modules/zebra_fpm_bridge.so"), std::string::npos) << name;
}

// What berthd.conf advertises is what frr.conf lets through.
TEST(HostConfigs, AgreeWithEachOther) {
  const auto config = parse_config(file("frr-configs/host/berthd.conf"), "berthd.conf");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_NE(file("frr-configs/host/daemons").find(":" + config->zebra.socket + " "), std::string::npos);
  for (const char* name : {"frr-configs/host/frr-bgp.conf", "frr-configs/host/frr-ospf.conf"}) {
    const std::string frr = file(name);
    for (const auto& [network, each] : config->networks) {
      EXPECT_NE(frr.find("\n match tag " + std::to_string(each.tag) + "\n"), std::string::npos) << name << network;
      for (const SubnetConfig& subnet : each.subnets) {
        const std::string longest = std::to_string(subnet.subnet.address().bits());
        EXPECT_NE(frr.find(" permit " + subnet.subnet.to_string() + " le " + longest + "\n"), std::string::npos)
            << name << network;
      }
    }
  }
}

}  // namespace
}  // namespace berth
