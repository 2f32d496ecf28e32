// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/top_options.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string_view>

#include "core/ip.h"
#include "core/names.h"
#include "core/number.h"
#include "daemon/config/network_options.h"

namespace berth {
namespace {

using Mistake = std::optional<OptionMistake>;
using Lines = std::vector<std::string>;

const Config kDefaults;

// `before`: what stands before the path itself.
Mistake check_socket(const OptionWords& words, std::size_t at, const std::string& before = {}) {
  if (words[at].starts_with(before) && is_socket_path(std::string_view(words[at]).substr(before.size()))) return {};
  return OptionMistake{at, before + "PATH, the absolute path of a unix socket, of at most " +
                               std::to_string(kLongestSocketPath) + " bytes"};
}

TopOption hostname_option() {
  return {
      "hostname NAME",
      "This host's name in prompts and shows\nName of the host",
      [](ConfigEdit& edit, const OptionWords& words) -> Mistake {
        if (!is_host_name(words[1]))
          return OptionMistake{1, "a host name that begins with a letter or digit, of at most " +
                                      std::to_string(kLongestName) + " letters, digits, and - _ ."};
        edit.config.hostname = words[1];
        return {};
      },
      "no hostname [NAME]",
      "Take back\nUse the kernel's host name\nName of the host",
      [](ConfigEdit& edit, const OptionWords&) -> Mistake {
        edit.config.hostname.clear();
        return {};
      },
      [](const Config& config) { return config.hostname.empty() ? Lines{} : Lines{"hostname " + config.hostname}; }};
}

TopOption log_option() {
  return {"log <stderr|syslog> [<errors|warnings|notifications|informational|debugging>]",
          "Where the log goes\nTo the standard error stream\nTo syslog, facility daemon\nErrors only\nWarnings and "
          "worse\nNotifications and worse\nWhat happens, the default\nEverything",
          [](ConfigEdit& edit, const OptionWords& words) -> Mistake {
            edit.config.log.target = words[1];
            edit.config.log.level = words.size() > 2 ? words[2] : kDefaults.log.level;
            return {};
          },
          "no log",
          "Take back\nLog to stderr, informational",
          [](ConfigEdit& edit, const OptionWords&) -> Mistake {
            edit.config.log = {};
            return {};
          },
          [](const Config& config) { return Lines{"log " + config.log.target + " " + config.log.level}; }};
}

// --- zebra ---

TopOption zebra_option(const RouteSinkKind& kind) {
  const std::string way = kind.name, address = kind.address;
  const std::string where = kind.folder ? "FOLDER" : "PATH";
  const std::string help = kind.folder ? "Folder of the sockets of FRR's daemons" : "Path of the socket";
  return {"zebra " + way + (kind.folder ? " [" + where + "]" : " " + where),
          "How to reach zebra\n" + kind.help + "\n" + help,
          [way, address, folder = kind.folder](ConfigEdit& edit, const OptionWords& words) -> Mistake {
            if (words.size() > 2 && folder && !is_socket_path(words[2] + "/mgmtd_fe.sock"))
              return OptionMistake{2, "FOLDER, the absolute path of the folder where FRR's daemons have their sockets"};
            if (words.size() > 2 && !folder)
              if (auto mistake = check_socket(words, 2)) return mistake;
            edit.config.zebra.way = way;
            edit.config.zebra.socket = words.size() > 2 ? words[2] : address;
            return {};
          },
          "no zebra " + way + " [" + where + "]",
          "Take back\nHow to reach zebra\nUse " + kDefaults.zebra.socket + "\n" + help,
          [way](ConfigEdit& edit, const OptionWords&) -> Mistake {
            if (edit.config.zebra.way != way) return OptionMistake{2, "the way into zebra that is configured"};
            edit.config.zebra.way = kDefaults.zebra.way;
            edit.config.zebra.socket = kDefaults.zebra.socket;
            return {};
          },
          [way](const Config& config) {
            return config.zebra.way == way ? Lines{"zebra " + way + " " + config.zebra.socket} : Lines{};
          }};
}

// A setting that is a number at the line's third word. `of`: where a configuration has it. `always`: it is printed at its
// default, too.
template <class Of>
TopOption number_option(const std::string& words, const std::string& range, const std::string& help,
                        const std::string& unset_help, Of of, bool always = false) {
  return {words + " " + range,
          help,
          [of](ConfigEdit& edit, const OptionWords& line) -> Mistake {
            // The grammar let nothing but a number through.
            of(edit.config) = parse_number<std::uint32_t>(line[2]).value_or(0);
            return {};
          },
          "no " + words + " [" + range + "]",
          "Take back\n" + unset_help,
          [of](ConfigEdit& edit, const OptionWords&) -> Mistake {
            of(edit.config) = of(kDefaults);
            return {};
          },
          [=](const Config& config) {
            const std::uint32_t value = of(config);
            return always || value != of(kDefaults) ? Lines{words + " " + std::to_string(value)} : Lines{};
          }};
}

// --- vty ---

TopOption vty_socket_option() {
  return {"vty socket PATH",
          "The door of berthctl\nIts unix socket, from the next start on\nPath of the socket",
          [](ConfigEdit& edit, const OptionWords& words) -> Mistake {
            if (auto mistake = check_socket(words, 2)) return mistake;
            edit.config.vty.socket = words[2];
            return {};
          },
          "no vty socket [PATH]",
          "Take back\nThe door of berthctl\nUse " + kDefaults.vty.socket + "\nPath of the socket",
          [](ConfigEdit& edit, const OptionWords&) -> Mistake {
            edit.config.vty.socket = kDefaults.vty.socket;
            return {};
          },
          [](const Config& config) {
            return config.vty.socket == kDefaults.vty.socket ? Lines{} : Lines{"vty socket " + config.vty.socket};
          }};
}

// --- leases ---

TopOption lease_file_option() {
  return {"lease-file PATH",
          "Where the addresses are kept that berthd itself hands out, from the next start on\nPath of the file",
          [](ConfigEdit& edit, const OptionWords& words) -> Mistake {
            if (!is_socket_path(words[1])) return OptionMistake{1, "PATH, the absolute path of a file"};
            edit.config.lease_file = words[1];
            return {};
          },
          "no lease-file [PATH]",
          "Take back\nUse " + kDefaults.lease_file + "\nPath of the file",
          [](ConfigEdit& edit, const OptionWords&) -> Mistake {
            edit.config.lease_file = kDefaults.lease_file;
            return {};
          },
          [](const Config& config) {
            return config.lease_file == kDefaults.lease_file ? Lines{} : Lines{"lease-file " + config.lease_file};
          }};
}

// --- fabric ---

TopOption fabric_option() {
  return {
      "fabric PREFIX",
      "From where containers must be reachable as themselves; without any, from everywhere\nA.B.C.D/M or X:X::X:X/M",
      [](ConfigEdit& edit, const OptionWords& words) -> Mistake {
        const Prefix prefix = *Prefix::parse(words[1]);
        auto& all = edit.config.fabric;
        if (std::find(all.begin(), all.end(), prefix) == all.end()) all.push_back(prefix);
        return {};
      },
      "no fabric PREFIX",
      "Take back\nA prefix of the fabric\nA.B.C.D/M or X:X::X:X/M",
      [](ConfigEdit& edit, const OptionWords& words) -> Mistake {
        if (!std::erase(edit.config.fabric, *Prefix::parse(words[2])))
          return OptionMistake{2, "a prefix of the fabric"};
        return {};
      },
      [](const Config& config) {
        Lines out;
        for (const Prefix& each : config.fabric) out.push_back("fabric " + each.to_string());
        return out;
      }};
}

// --- runtime ---

// The name is the line's second word, in both forms.
Mistake set_runtime(ConfigEdit& edit, const OptionWords& words, const RuntimeConfig& runtime) {
  if (auto mistake = check_socket(words, words.size() - 1, "unix:")) return mistake;
  auto& all = edit.config.runtimes;
  const auto same =
      std::find_if(all.begin(), all.end(), [&](const RuntimeConfig& each) { return each.name == runtime.name; });
  if (same == all.end()) {
    all.push_back(runtime);
    return {};
  }
  if (!edit.live) return OptionMistake{1, "a name of its own for each runtime"};
  *same = runtime;  // in its place: the first one is that of a network that names none
  return {};
}

bool erase_runtime(Config& config, const std::string& name) {
  return std::erase_if(config.runtimes, [&](const RuntimeConfig& each) { return each.name == name; }) > 0;
}

// `runtime docker SOCKET`: the name is the kind.
TopOption runtime_option(const RuntimeKind& kind) {
  return {"runtime " + kind.name + " SOCKET",
          "What to watch\n" + kind.help + "\nunix:PATH",
          [name = kind.name, networks = kind.networks](ConfigEdit& edit, const OptionWords& words) {
            return set_runtime(edit, words, {name, name, words[2], networks});
          },
          "no runtime " + kind.name + " [SOCKET]",
          "Take back\nWhat to watch\n" + kind.help + "\nunix:PATH",
          [name = kind.name](ConfigEdit& edit, const OptionWords&) -> Mistake {
            erase_runtime(edit.config, name);
            return {};
          },
          [](const Config&) { return Lines{}; }};  // named_runtime_option() prints all, since their order counts
}

TopOption named_runtime_option(const std::vector<RuntimeKind>& kinds) {
  std::vector<std::string> names;
  std::string helps;
  std::set<std::string> makers;
  for (const RuntimeKind& each : kinds) {
    if (each.networks) makers.insert(each.name);
    names.push_back(each.name);
    helps += each.help + "\n";
  }
  return {
      "runtime NAME " + one_of(names) + " SOCKET",
      "What to watch\nA name, where there are several of a kind\n" + helps + "unix:PATH",
      [makers](ConfigEdit& edit, const OptionWords& words) -> Mistake {
        if (!is_network_name(words[1]))
          return OptionMistake{1, "a name that begins with a letter or digit, of at most " +
                                      std::to_string(kLongestName) + " letters, digits, and - _ ."};
        return set_runtime(edit, words, {words[1], words[2], words[3], makers.contains(words[2])});
      },
      "no runtime NAME",
      "Take back\nWhat to watch\nName of the runtime",
      [](ConfigEdit& edit, const OptionWords& words) -> Mistake {
        if (!erase_runtime(edit.config, words[2])) return OptionMistake{2, "the name of a configured runtime"};
        return {};
      },
      [](const Config& config) {
        Lines out;
        for (const RuntimeConfig& each : config.runtimes)
          out.push_back("runtime " + (each.name == each.kind ? "" : each.name + " ") + each.kind + " " + each.address);
        return out;
      }};
}

// --- network ---

TopOption network_option() {
  return {"network NAME",
          "A network that berth keeps and may advertise\nName of the network",
          [](ConfigEdit& edit, const OptionWords& words) -> Mistake {
            const std::string& name = words[1];
            if (!is_network_name(name))
              return OptionMistake{1, "a name that begins with a letter or digit, of at most " +
                                          std::to_string(kLongestName) + " letters, digits, and - _ ."};
            edit.network = name;
            edit.config.networks[name].name = name;
            return {};
          },
          "no network NAME",
          "Take back\nA network; nothing of it is advertised any more\nName of the network",
          [](ConfigEdit& edit, const OptionWords& words) -> Mistake {
            if (!edit.config.networks.erase(words[2]) && !edit.begun.contains(words[2]))
              return OptionMistake{2, "the name of a configured network"};
            edit.taken_back = words[2];
            return {};
          },
          [](const Config&) { return Lines{}; }};
}

}  // namespace

std::vector<TopOption> top_options(const std::vector<RuntimeKind>& runtimes, const std::vector<RouteSinkKind>& sinks) {
  std::vector<TopOption> out = {hostname_option(), log_option()};
  for (const RouteSinkKind& each : sinks) out.push_back(zebra_option(each));
  out.push_back(number_option(
      "zebra grace-time", "(1-86400)", "How to reach zebra\nHow long routes live without berthd\nSeconds",
      "How to reach zebra\nUse 120 seconds\nSeconds", [](auto& config) -> auto& { return config.zebra.grace_seconds; },
      true));
  out.push_back(number_option("zebra hold-time", "(3-3600)",
                              "How to reach zebra\nHow long berthd and zebra may hear nothing of each other\nSeconds",
                              "How to reach zebra\nUse 30 seconds\nSeconds",
                              [](auto& config) -> auto& { return config.zebra.hold_seconds; }));
  out.push_back(
      number_option("zebra commit-delay", "(0-5000)",
                    "How to reach zebra\nHow long changes wait for more, through the northbound\nMilliseconds",
                    "How to reach zebra\nUse 50 milliseconds\nMilliseconds",
                    [](auto& config) -> auto& { return config.zebra.commit_delay; }));
  out.push_back(number_option(
      "zebra route-limit", "(1-100000)", "How to reach zebra\nRoutes at a time through the northbound\nHow many",
      "How to reach zebra\nUse 2000\nHow many", [](auto& config) -> auto& { return config.zebra.route_limit; }));
  out.push_back(vty_socket_option());
  out.push_back(number_option("vty clients", "(1-1000)", "The door of berthctl\nShells at a time\nHow many",
                              "The door of berthctl\nUse 32\nHow many",
                              [](auto& config) -> auto& { return config.vty.max_clients; }));
  out.push_back(lease_file_option());
  out.push_back(fabric_option());
  out.push_back(number_option(
      "firewall patience", "(0-60)",
      "The rules of this host's firewall\nHow long rules that came to rest may drop what was advertised\nSeconds",
      "The rules of this host's firewall\nUse 3 seconds\nSeconds",
      [](auto& config) -> auto& { return config.firewall_patience; }));
  for (const RuntimeKind& each : runtimes) out.push_back(runtime_option(each));
  out.push_back(named_runtime_option(runtimes));
  out.push_back(number_option("limit routes", "(1-1000000)",
                              "Bounds\nRoutes at a time, of containers and subnets together\nHow many",
                              "Bounds\nUse 10000\nHow many", [](auto& config) -> auto& { return config.max_routes; }));
  out.push_back(network_option());
  return out;
}

}  // namespace berth
