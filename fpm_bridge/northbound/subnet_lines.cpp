// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/northbound/subnet_lines.h"

#include <set>
#include <sstream>

#include "core/number.h"

namespace berth {
namespace {

constexpr std::string_view kList = "BERTH-";

struct Entry {
  Prefix prefix;
  std::uint32_t tag = 0;
  auto operator<=>(const Entry&) const = default;
  std::string line() const {
    return std::string(prefix.is_v4() ? "ip" : "ipv6") + " prefix-list " + std::string(kList) + std::to_string(tag) +
           " permit " + prefix.to_string();
  }
};

std::set<Entry> entries_in(std::string_view running_config) {
  std::set<Entry> out;
  std::istringstream lines{std::string(running_config)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string family, kind, name, seq, number, action, prefix, more;
    if (!(words >> family >> kind >> name >> seq >> number >> action >> prefix) || words >> more) continue;
    if ((family != "ip" && family != "ipv6") || kind != "prefix-list" || !name.starts_with(kList) || action != "permit")
      continue;
    const auto tag = parse_number<std::uint32_t>(std::string_view(name).substr(kList.size()));
    const auto parsed = Prefix::parse(prefix);
    if (tag && parsed) out.insert({*parsed, *tag});
  }
  return out;
}

}  // namespace

std::vector<std::string> subnet_commands(std::string_view running_config, const SubnetWishes& wishes) {
  const std::set<Entry> have = entries_in(running_config);
  std::vector<std::string> out;
  for (const auto& [prefix, tag] : wishes.tags)
    if (const Entry wanted{prefix, tag}; !have.contains(wanted)) out.push_back(wanted.line());
  for (const Entry& each : have) {
    const auto wanted = wishes.tags.find(each.prefix);
    if (wanted == wishes.tags.end() ? wishes.goes(each.prefix) : wanted->second != each.tag)
      out.push_back("no " + each.line());
  }
  return out;
}

}  // namespace berth
