// SPDX-License-Identifier: GPL-2.0-or-later
// The documentation names every command and every key of the JSON documents. What README and docs/ show as
// berthd.conf is read without a mistake; so is the one of frr-configs/host, which agrees with the frr.conf beside it.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

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
       {to_json(status_rows(view)), to_json(networks_rows(view)), to_json(containers_rows(view)),
        to_json(attachments_rows(view)), to_json(routes_rows(view)), to_json(leases_rows(view)),
        to_json(parents_rows(with_a_parent(view))), to_json(overlays_rows(with_an_overlay(view))),
        to_json(counters_rows(view)), to_json(version_rows(view)), to_json(running_config_rows(view.config, {})),
        to_json(Explanation{"x", Advertised::Yes, {{"a", true, "", ""}}, {}}),
        to_json(
            firewall::Trace{"eth0", "br-blue", {{"forward", "ip filter FORWARD", "drop", "drop"}}, "is dropped"})}) {
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

// The pages of the tree: those at the top, those of docs/, and the README of each folder.
std::vector<std::filesystem::path> pages() {
  namespace fs = std::filesystem;
  std::vector<fs::path> out;
  for (const auto& each : fs::directory_iterator(BERTH_SOURCE_DIR)) {
    const std::string name = each.path().filename().string();
    if (name.starts_with(".") || name.starts_with("build")) continue;
    if (each.path().extension() == ".md") out.push_back(name);
    if (each.is_directory() && fs::exists(each.path() / "README.md")) out.push_back(name + "/README.md");
  }
  for (const auto& each : fs::directory_iterator(std::string(BERTH_SOURCE_DIR) + "/docs"))
    if (each.path().extension() == ".md") out.push_back("docs/" + each.path().filename().string());
  return out;
}

bool is_there(const std::filesystem::path& folder, std::string name) {
  namespace fs = std::filesystem;
  const fs::path top = BERTH_SOURCE_DIR;
  if (const auto star = name.find('*'); star != std::string::npos) name.resize(name.rfind('/', star) + 1);
  return fs::exists(top / name) || fs::exists(top / folder / name) || fs::exists(top / "frr-configs/host" / name);
}

// What is in backticks and looks like a file or a folder of ours, and what a link leads to.
TEST(Docs, EveryFileThatAPageNamesIsThere) {
  static const std::regex quoted("`([A-Za-z0-9_.*/-]+)`|\\]\\(([^):#]+)\\)");
  static const std::regex ours(
      "(bench|containers|container_watcher|cmake|core|daemon|docs|fpm_bridge|frr-configs|redistribute|scripts|tests)/"
      ".*|"
      "([a-z_]+/)*[a-z_*]+\\.(c|cpp|h|py|sh|proto|md|cmake)|[a-z]+/");
  int found = 0;
  for (const auto& each : pages()) {
    if (each == "CHANGELOG.md") continue;  // tells of what was there
    const std::string text = file(each.string());
    for (auto it = std::sregex_iterator(text.begin(), text.end(), quoted); it != std::sregex_iterator(); ++it) {
      const bool link = (*it)[2].matched;
      const std::string name = link ? (*it)[2].str() : (*it)[1].str();
      if (!link && !std::regex_match(name, ours)) continue;
      ++found;
      EXPECT_TRUE(is_there(each.parent_path(), name)) << each << " names " << name;
    }
  }
  EXPECT_GT(found, 60);
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

std::string module_sources() {
  std::string out = file("fpm_bridge/proto/fpm_frame.h");
  for (const auto& each : std::filesystem::directory_iterator(std::string(BERTH_SOURCE_DIR) + "/fpm_bridge/zebra"))
    if (each.path().extension() == ".c" || each.path().extension() == ".h")
      out += file("fpm_bridge/zebra/" + each.path().filename().string());
  return out;
}

// Rows of a page's table: the first cell, and what the row says after it.
std::vector<std::pair<std::string, std::string>> rows(const std::string& text, const std::string& after) {
  std::vector<std::pair<std::string, std::string>> out;
  std::istringstream lines(text.substr(std::min(text.find(after), text.size())));
  static const std::regex row("\\| `([^`]+)` \\|(.*)");
  std::smatch match;
  for (std::string line; std::getline(lines, line);)
    if (std::regex_match(line, match, row)) out.emplace_back(match[1], match[2]);
  return out;
}

TEST(ProtocolPage, NamesEverythingThatCanBeSaid) {
  const std::string text = page("protocol.md"), proto = file("fpm_bridge/proto/berth.proto");
  static const std::regex named(
      "\n *(?:message|enum) (\\w+)|\n *(?:repeated )?\\w+ (\\w+) = \\d+;|\n +([A-Z_]+) = \\d+;");
  const std::set<std::string> plain = {
      "ObjectKind",
      "State",  // the page says their values
      "hello",      "batch",       "end_of_sync", "sync_done",
      "results",  // a Message's bodies: named as what they are
      "query",      "query_reply", "bye",         "keepalive", "OBJECT_UNSPECIFIED", "STATE_UNSPECIFIED"};
  int found = 0;
  for (auto it = std::sregex_iterator(proto.begin(), proto.end(), named); it != std::sregex_iterator(); ++it) {
    const std::string name = (*it)[1].str() + (*it)[2].str() + (*it)[3].str();
    if (plain.count(name)) continue;
    ++found;
    EXPECT_NE(text.find("`" + name + "`"), std::string::npos) << name << " of berth.proto is not described";
  }
  EXPECT_GT(found, 50);
}

TEST(ProtocolPage, NamesEveryCommandOfTheModule) {
  const std::string text = page("protocol.md"), source = file("fpm_bridge/zebra/vty.c");
  static const std::regex command("DEFUN \\(\\w+, \\w+, \"([^\"]+)\"");
  int found = 0;
  for (auto it = std::sregex_iterator(source.begin(), source.end(), command); it != std::sregex_iterator();
       ++it, ++found)
    EXPECT_NE(text.find("`" + (*it)[1].str() + "`"), std::string::npos) << (*it)[1] << " is not documented";
  EXPECT_GE(found, 6);
}

TEST(ProtocolPage, ItsLimitsAreThoseOfTheModule) {
  const std::string text = page("protocol.md"), sources = module_sources();
  const auto limits = rows(text.substr(0, text.find("## Errors")), "## Limits");
  EXPECT_GE(limits.size(), 14u);
  for (const auto& [name, rest] : limits) {
    const std::string value = rest.substr(1, rest.find(' ', 1) - 1);
    EXPECT_TRUE(std::regex_search(sources, std::regex("#define " + name + "[ \t]+" + value + "\\b")))
        << name << " " << value;
  }
}

TEST(ProtocolPage, ItsReasonsAreThoseOfTheModule) {
  const std::string sources = module_sources();
  const auto reasons = rows(page("protocol.md"), "## Errors");
  EXPECT_GE(reasons.size(), 24u);
  for (const auto& [reason, rest] : reasons) EXPECT_NE(sources.find("\"" + reason + "\""), std::string::npos) << reason;
}

// What berthd.conf advertises is what frr.conf lets through.
TEST(HostConfigs, AgreeWithEachOther) {
  const auto config = parse_config(file("frr-configs/host/berthd.conf"), "berthd.conf");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_NE(file("frr-configs/host/daemons").find(":" + config->zebra.socket + " "), std::string::npos);
  const std::string northbound = file("frr-configs/host/frr-northbound.conf");
  for (const auto& [network, each] : config->networks) {
    const std::string tag = std::to_string(each.tag);
    if (advertises_host(each.advertise)) EXPECT_NE(northbound.find("\n match tag " + tag + "\n"), std::string::npos);
    if (advertises_subnet(each.advertise))
      EXPECT_NE(northbound.find(" prefix-list BERTH-" + tag + "\n"), std::string::npos) << network;
  }
  for (const char* name :
       {"frr-configs/host/frr-bgp.conf", "frr-configs/host/frr-ospf.conf", "frr-configs/host/frr-northbound.conf"}) {
    const std::string frr = file(name);
    for (const auto& [network, each] : config->networks) {
      if (frr != northbound)
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
