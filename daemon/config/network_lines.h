// SPDX-License-Identifier: GPL-2.0-or-later
//
// The inside of `network NAME`: what each network has and what its driver takes, as one table of rows. The table is made from a
// list of drivers: berthd's own, of those in daemon/tenants.h, is config_lines().networks(). Pure; any thread once it is made.
#pragma once

#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "container_watcher/attach/driver.h"
#include "core/config.h"
#include "core/network_option.h"
#include "daemon/vty/grammar.h"

namespace berth {

// The depth (see ParseFailure) of a line whose words are understood and can't be said here: no other failure goes deeper.
inline constexpr std::size_t kUnderstood = std::numeric_limits<std::size_t>::max();

OptionWords words_of(const ParsedLine& line);
// A mistake as a failure that points at its word.
ParseFailure failure_of(const ParsedLine& line, const OptionMistake& mistake);

class NetworkLines {
 public:
  // `more`: commands that stand behind the rows in the same grammar, such as the shell's `exit`. The drivers outlive this.
  NetworkLines(const std::vector<const Driver*>& drivers, const std::vector<Command>& more);

  // What a network of that driver can be told. Of a driver that is not in the list: what each network can.
  const Grammar& grammar(std::string_view driver) const { return table(driver).grammar; }
  // How many of its commands are rows of the configuration; the rest is `more`.
  std::size_t own_commands(std::string_view driver) const { return 2 * table(driver).options.size(); }
  // A line that the driver does not take and another one does is refused with words that say so.
  std::variant<ParsedLine, ParseFailure> parse(std::string_view driver, std::string_view line) const;
  // A line that was parsed for this network's driver. On a mistake nothing is changed.
  std::optional<OptionMistake> apply(NetworkConfig& network, const ParsedLine& line, bool live) const;
  // From `network NAME` to `exit`.
  std::string print(const NetworkConfig& network) const;
  // Each line of each driver, once: for the documentation's check.
  const Grammar& every_line() const { return every_line_; }

 private:
  struct Table {
    std::vector<NetworkOption> options;
    Grammar grammar;  // for each option what sets it and what takes it back, in the options' order
  };
  const Table& table(std::string_view driver) const;

  std::map<std::string, Table, std::less<>> tables_;  // by driver; that of the empty name: what each network has
  Grammar every_line_;
};

}  // namespace berth
