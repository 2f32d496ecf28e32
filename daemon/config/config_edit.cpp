// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/config_edit.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/names.h"
#include "core/number.h"
#include "core/reserved.h"
#include "daemon/vty/text.h"

namespace berth {
namespace {

constexpr const char* kText = "text, without control characters";
constexpr std::size_t kFits = std::numeric_limits<std::size_t>::max();  // depth of a line that the grammar takes

// A word that is well-formed but can't stand here.
struct Mistake {
  std::size_t column;
  std::string expected;
};

[[noreturn]] void fail(const ParsedWord& word, const std::string& expected) {
  throw Mistake{word.column, expected};
}

std::uint32_t number(const ParsedWord& word) {
  return parse_number<std::uint32_t>(word.text).value_or(0);  // the grammar let no other through
}

// A command looks at all of its line before it changes anything: apply_config_line() takes nothing back.
struct ConfigCommand {
  const char* syntax;
  const char* help;
  void (*apply)(ConfigEdit& edit, const ParsedLine& line);
};

struct NetworkCommand {
  const char* syntax;
  const char* help;
  void (*apply)(NetworkConfig& network, const ParsedLine& line, bool live);
};

// `before`: what stands before the path itself.
void check_socket(const ParsedWord& word, const std::string& before = {}) {
  if (word.text.starts_with(before) && is_socket_path(std::string_view(word.text).substr(before.size()))) return;
  fail(word, before + "PATH, the absolute path of a unix socket, of at most " + std::to_string(kLongestSocketPath) +
                 " bytes");
}

void runtime_line(ConfigEdit& edit, const ParsedLine& line) {
  const ParsedWord& address = line.words[2];
  check_socket(address, "unix:");
  if (!edit.live && !edit.config.runtimes.empty()) fail(line.words[1], "one runtime docker line");
  edit.config.runtimes = {{line[1], line[1], address.text}};
}

void fabric_line(ConfigEdit& edit, const ParsedLine& line) {
  const Prefix prefix = *Prefix::parse(line[1]);
  auto& all = edit.config.fabric;
  if (std::find(all.begin(), all.end(), prefix) == all.end()) all.push_back(prefix);
}

void no_fabric_line(ConfigEdit& edit, const ParsedLine& line) {
  if (!std::erase(edit.config.fabric, *Prefix::parse(line[2]))) fail(line.words[2], "a prefix of the fabric");
}

void network_line(ConfigEdit& edit, const ParsedLine& line) {
  const std::string& name = line[1];
  if (!is_network_name(name))
    fail(line.words[1], "a name that begins with a letter or digit, of at most " + std::to_string(kLongestName) +
                            " letters, digits, and - _ .");
  edit.network = name;
  edit.config.networks[name].name = name;
}

void no_network_line(ConfigEdit& edit, const ParsedLine& line) {
  if (!edit.config.networks.erase(line[2])) fail(line.words[2], "the name of a configured network");
}

const ConfigCommand kTop[] = {
    {"hostname NAME", "This host's name in prompts and shows\nName of the host",
     [](ConfigEdit& edit, const ParsedLine& line) {
       if (!is_host_name(line[1]))
         fail(line.words[1], "a host name that begins with a letter or digit, of at most " +
                                 std::to_string(kLongestName) + " letters, digits, and - _ .");
       edit.config.hostname = line[1];
     }},
    {"no hostname [NAME]", "Take back\nUse the kernel's host name\nName of the host",
     [](ConfigEdit& edit, const ParsedLine&) { edit.config.hostname.clear(); }},
    {"log <stderr|syslog> [<errors|warnings|notifications|informational|debugging>]",
     "Where the log goes\nTo the standard error stream\nTo syslog, facility daemon\nErrors only\nWarnings and "
     "worse\nNotifications and worse\nWhat happens, the default\nEverything",
     [](ConfigEdit& edit, const ParsedLine& line) {
       edit.config.log.target = line[1];
       edit.config.log.level = line.words.size() > 2 ? line[2] : LogConfig{}.level;
     }},
    {"no log", "Take back\nLog to stderr, informational",
     [](ConfigEdit& edit, const ParsedLine&) { edit.config.log = {}; }},
    {"zebra socket PATH", "How to reach zebra\nThe socket of zebra_fpm_bridge.so\nPath of the socket",
     [](ConfigEdit& edit, const ParsedLine& line) {
       check_socket(line.words[2]);
       edit.config.zebra.socket = line[2];
     }},
    {"no zebra socket [PATH]", "Take back\nHow to reach zebra\nUse /run/frr/berth.sock\nPath of the socket",
     [](ConfigEdit& edit, const ParsedLine&) { edit.config.zebra.socket = ZebraConfig{}.socket; }},
    {"zebra grace-time (1-86400)", "How to reach zebra\nHow long routes live without berthd\nSeconds",
     [](ConfigEdit& edit, const ParsedLine& line) { edit.config.zebra.grace_seconds = number(line.words[2]); }},
    {"no zebra grace-time [(1-86400)]", "Take back\nHow to reach zebra\nUse 120 seconds\nSeconds",
     [](ConfigEdit& edit, const ParsedLine&) { edit.config.zebra.grace_seconds = ZebraConfig{}.grace_seconds; }},
    {"zebra hold-time (3-3600)",
     "How to reach zebra\nHow long berthd and zebra may hear nothing of each other\nSeconds",
     [](ConfigEdit& edit, const ParsedLine& line) { edit.config.zebra.hold_seconds = number(line.words[2]); }},
    {"no zebra hold-time [(3-3600)]", "Take back\nHow to reach zebra\nUse 30 seconds\nSeconds",
     [](ConfigEdit& edit, const ParsedLine&) { edit.config.zebra.hold_seconds = ZebraConfig{}.hold_seconds; }},
    {"fabric PREFIX",
     "From where containers must be reachable as themselves; without any, from everywhere\nA.B.C.D/M or X:X::X:X/M",
     fabric_line},
    {"no fabric PREFIX", "Take back\nA prefix of the fabric\nA.B.C.D/M or X:X::X:X/M", no_fabric_line},
    {"runtime docker SOCKET", "What to watch\nA Docker engine\nunix:PATH", runtime_line},
    {"no runtime docker [SOCKET]", "Take back\nWhat to watch\nA Docker engine\nunix:PATH",
     [](ConfigEdit& edit, const ParsedLine&) { edit.config.runtimes.clear(); }},
    {"limit routes (1-1000000)", "Bounds\nRoutes at a time, of containers and subnets together\nHow many",
     [](ConfigEdit& edit, const ParsedLine& line) { edit.config.max_routes = number(line.words[2]); }},
    {"no limit routes [(1-1000000)]", "Take back\nBounds\nUse 10000\nHow many",
     [](ConfigEdit& edit, const ParsedLine&) { edit.config.max_routes = Config{}.max_routes; }},
    {"vty socket PATH", "The door of berthctl\nIts unix socket, from the next start on\nPath of the socket",
     [](ConfigEdit& edit, const ParsedLine& line) {
       check_socket(line.words[2]);
       edit.config.vty.socket = line[2];
     }},
    {"no vty socket [PATH]", "Take back\nThe door of berthctl\nUse /run/frr/berthd.vty\nPath of the socket",
     [](ConfigEdit& edit, const ParsedLine&) { edit.config.vty.socket = VtyConfig{}.socket; }},
    {"vty clients (1-1000)", "The door of berthctl\nShells at a time\nHow many",
     [](ConfigEdit& edit, const ParsedLine& line) { edit.config.vty.max_clients = number(line.words[2]); }},
    {"no vty clients [(1-1000)]", "Take back\nThe door of berthctl\nUse 32\nHow many",
     [](ConfigEdit& edit, const ParsedLine&) { edit.config.vty.max_clients = VtyConfig{}.max_clients; }},
    {"network NAME", "A network that berth keeps and may advertise\nName of the network", network_line},
    {"no network NAME", "Take back\nA network; nothing of it is advertised any more\nName of the network",
     no_network_line},
};

SubnetConfig& subnet_for(NetworkConfig& network, bool v4, const ParsedWord& word) {
  for (SubnetConfig& each : network.subnets)
    if (each.subnet.is_v4() == v4) return each;
  fail(word, "a subnet of the same family before it (subnet …)");
}

[[noreturn]] void fail_reserved(const ParsedWord& word, const Prefix& prefix, const ReservedRange& range) {
  const std::string reserved = range.prefix.to_string() + " (" + std::string(range.what) + ")";
  fail(word, "addresses that containers can have: " + prefix.to_string() +
                 (range.prefix.contains(prefix) ? " is of " + reserved : " has " + reserved + " in it"));
}

// What can be a subnet of containers, a gateway or what containers may have is judged here as the policy, the module and
// Docker judge it later.
void check_subnet(const ParsedWord& word, const Prefix& prefix) {
  if (prefix.is_default()) fail(word, "a subnet: the default route is never advertised");
  if (const ReservedRange* range = reserved_range(prefix)) fail_reserved(word, prefix, *range);
  if (prefix.length() > longest_subnet(prefix))
    fail(word, "a subnet of at most /" + std::to_string(longest_subnet(prefix)) +
                   ", with an address for the gateway and one for a container");
}

bool is_gateway_of(const Prefix& subnet, const IpAddress& address) {
  return subnet.contains(address) && !is_subnet_edge(subnet, address);
}

void subnet_line(NetworkConfig& network, const ParsedLine& line, bool live) {
  const Prefix prefix = *Prefix::parse(line[1]);
  check_subnet(line.words[1], prefix);
  for (SubnetConfig& each : network.subnets) {
    if (each.subnet.is_v4() != prefix.is_v4()) continue;
    if (!live) fail(line.words[1], "one subnet for each family");
    each.subnet = prefix;
    if (each.gateway && !is_gateway_of(prefix, *each.gateway)) each.gateway.reset();
    if (each.ip_range && !prefix.contains(*each.ip_range)) each.ip_range.reset();
    return;
  }
  network.subnets.push_back({prefix, {}, {}});
}

void no_subnet_line(NetworkConfig& network, const ParsedLine& line, bool) {
  const Prefix prefix = *Prefix::parse(line[2]);
  if (!std::erase_if(network.subnets, [&](const SubnetConfig& each) { return each.subnet == prefix; }))
    fail(line.words[2], "a subnet of this network");
}

void gateway_line(NetworkConfig& network, const ParsedLine& line, bool) {
  const IpAddress address = *IpAddress::parse(line[1]);
  SubnetConfig& subnet = subnet_for(network, address.is_v4(), line.words[1]);
  if (!subnet.subnet.contains(address)) fail(line.words[1], "an address inside of " + subnet.subnet.to_string());
  if (!is_gateway_of(subnet.subnet, address))
    fail(line.words[1], std::string("another address: this one is the ") +
                            (address == subnet.subnet.address() ? "first" : "last") + " of " +
                            subnet.subnet.to_string() + ", which Docker gives to nobody");
  subnet.gateway = address;
}

void ip_range_line(NetworkConfig& network, const ParsedLine& line, bool) {
  const Prefix prefix = *Prefix::parse(line[1]);
  SubnetConfig& subnet = subnet_for(network, prefix.is_v4(), line.words[1]);
  if (!subnet.subnet.contains(prefix)) fail(line.words[1], "a prefix inside of " + subnet.subnet.to_string());
  subnet.ip_range = prefix;
}

LabelKind label_of(const std::string& word) {
  return word == "tag" ? LabelKind::Tag : word == "network" ? LabelKind::Network : LabelKind::Advertise;
}

void allow_label_line(NetworkConfig& network, const ParsedLine& line, bool) {
  network.allow_labels.insert(label_of(line[2]));
  for (std::size_t at = 3; at < line.words.size(); ++at) network.allow_tags.insert(number(line.words[at]));
}

void no_allow_label_line(NetworkConfig& network, const ParsedLine& line, bool) {
  if (line.words.size() == 4) {
    network.allow_labels.erase(label_of(line[3]));
    if (line[3] == "tag") network.allow_tags.clear();
    return;
  }
  for (std::size_t at = 4; at < line.words.size(); ++at) network.allow_tags.erase(number(line.words[at]));
  // Without a number any tag of the configuration would do: that must be asked for.
  if (network.allow_tags.empty()) network.allow_labels.erase(LabelKind::Tag);
}

AllowedPrefix allowed_prefix(const ParsedLine& line, std::size_t at) {
  AllowedPrefix allowed{*Prefix::parse(line[at]), 0, 0};
  const unsigned low = allowed.prefix.length(), high = allowed.prefix.address().bits();
  allowed.ge = low;
  allowed.le = line.after("ge") && !line.after("le") ? high : low;
  for (const auto& [word, to] : {std::pair{"ge", &allowed.ge}, std::pair{"le", &allowed.le}}) {
    const ParsedWord* given = line.after(word);
    if (!given) continue;
    *to = number(*given);
    if (*to < low || *to > high) fail(*given, "a number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  if (allowed.le < allowed.ge) fail(*line.after("le"), "a number from " + std::to_string(allowed.ge) + " on");
  return allowed;
}

// Only containers' addresses are judged by it: one that ends before their length allows nothing.
void allow_prefix_line(NetworkConfig& network, const ParsedLine& line, bool) {
  const AllowedPrefix allowed = allowed_prefix(line, 2);
  const unsigned bits = allowed.prefix.address().bits();
  if (allowed.le < bits) {
    const ParsedWord* given = line.after("le");
    fail(given ? *given : line.words[2], (given ? "" : allowed.prefix.to_string() + " le ") + std::to_string(bits) +
                                             ", else no container's address can match");
  }
  // One that takes in more than such a range allows the rest of it.
  if (const ReservedRange* range = reserved_range(allowed.prefix); range && range->prefix.contains(allowed.prefix))
    fail_reserved(line.words[2], allowed.prefix, *range);
  if (std::count(network.allow_prefixes.begin(), network.allow_prefixes.end(), allowed) == 0)
    network.allow_prefixes.push_back(allowed);
}

Advertise advertise_of(const std::string& word) {
  return word == "host"     ? Advertise::Host
         : word == "subnet" ? Advertise::Subnet
         : word == "both"   ? Advertise::Both
                            : Advertise::None;
}

const NetworkCommand kNetwork[] = {
    {"driver bridge", "How containers are attached\nThe runtime's bridge, without NAT",
     [](NetworkConfig& network, const ParsedLine&, bool) { network.driver = "bridge"; }},
    {"no driver [bridge]", "Take back\nUse the runtime's bridge\nThe runtime's bridge, without NAT",
     [](NetworkConfig& network, const ParsedLine&, bool) { network.driver = NetworkConfig{}.driver; }},
    {"docker-network NAME", "Take a Docker network as it is, never make one\nIts name in Docker",
     [](NetworkConfig& network, const ParsedLine& line, bool) {
       if (!is_docker_name(line[1]) || (is_predefined_network(line[1]) && line[1] != "bridge"))
         fail(line.words[1], "the name of a Docker network of its driver bridge: letters, digits, and - _ .");
       network.docker_network = line[1];
     }},
    {"no docker-network [NAME]", "Take back\nMake the Docker network\nIts name in Docker",
     [](NetworkConfig& network, const ParsedLine&, bool) { network.docker_network = {}; }},
    {"subnet PREFIX", "The addresses of this network, one prefix for each family\nA.B.C.D/M or X:X::X:X/M",
     subnet_line},
    {"no subnet PREFIX", "Take back\nA prefix of this network, with its gateway and range\nA.B.C.D/M or X:X::X:X/M",
     no_subnet_line},
    {"gateway ADDRESS", "The address of the bridge\nA.B.C.D or X:X::X:X", gateway_line},
    {"no gateway ADDRESS", "Take back\nLet the runtime choose\nA.B.C.D or X:X::X:X",
     [](NetworkConfig& network, const ParsedLine& line, bool) {
       subnet_for(network, IpAddress::parse(line[2])->is_v4(), line.words[2]).gateway.reset();
     }},
    {"ip-range PREFIX", "What the runtime may give to containers\nA.B.C.D/M or X:X::X:X/M, inside of the subnet",
     ip_range_line},
    {"no ip-range PREFIX", "Take back\nUse the whole subnet\nA.B.C.D/M or X:X::X:X/M",
     [](NetworkConfig& network, const ParsedLine& line, bool) {
       subnet_for(network, Prefix::parse(line[2])->is_v4(), line.words[2]).ip_range.reset();
     }},
    {"advertise <host|subnet|both|none>",
     "What the fabric hears\nA route for each container\nThe subnet, from the first container to the "
     "last\nBoth\nNothing",
     [](NetworkConfig& network, const ParsedLine& line, bool) { network.advertise = advertise_of(line[1]); }},
    {"no advertise [<host|subnet|both|none>]",
     "Take back\nThe fabric hears nothing\nA route for each container\nThe subnet\nBoth\nNothing",
     [](NetworkConfig& network, const ParsedLine&, bool) { network.advertise = Advertise::None; }},
    {"tag (1-4294967295)", "The tag that FRR's route-map matches\nTag",
     [](NetworkConfig& network, const ParsedLine& line, bool) { network.tag = number(line.words[1]); }},
    {"no tag [(1-4294967295)]", "Take back\nThe tag that FRR's route-map matches\nTag",
     [](NetworkConfig& network, const ParsedLine&, bool) { network.tag = 0; }},
    {"mtu (1280-65535)", "MTU of a bridge that berthd makes\nBytes",
     [](NetworkConfig& network, const ParsedLine& line, bool) { network.mtu = number(line.words[1]); }},
    {"no mtu [(1280-65535)]", "Take back\nUse the runtime's MTU\nBytes",
     [](NetworkConfig& network, const ParsedLine&, bool) { network.mtu = 0; }},
    {"max-containers (1-1000000)", "Containers of this network that are advertised at a time\nHow many",
     [](NetworkConfig& network, const ParsedLine& line, bool) { network.max_containers = number(line.words[1]); }},
    {"no max-containers [(1-1000000)]", "Take back\nNo bound but limit routes\nHow many",
     [](NetworkConfig& network, const ParsedLine&, bool) { network.max_containers = 0; }},
    {"nat-check <strict|lenient>",
     "What a NAT that can't be judged does\nIt holds the network back, the default\nIt is told",
     [](NetworkConfig& network, const ParsedLine& line, bool) { network.nat_lenient = line[1] == "lenient"; }},
    {"no nat-check [<strict|lenient>]", "Take back\nHold the network back\nIt holds the network back\nIt is told",
     [](NetworkConfig& network, const ParsedLine&, bool) { network.nat_lenient = false; }},
    {"allow label <advertise|network>",
     "What containers may ask for\nBy a label\nberth.advertise=host or none\nberth.network=NAME, of those it is on",
     allow_label_line},
    {"allow label tag [(1-4294967295)]...",
     "What containers may ask for\nBy a label\nberth.tag=N\nThis tag; without one, any tag of the configuration",
     allow_label_line},
    {"no allow label <advertise|network|tag>",
     "Take back\nWhat containers may ask for\nBy a label\nberth.advertise=host or "
     "none\nberth.network=NAME\nberth.tag=N",
     no_allow_label_line},
    {"no allow label tag (1-4294967295)...",
     "Take back\nWhat containers may ask for\nBy a label\nberth.tag=N\nThis tag", no_allow_label_line},
    {"allow prefix PREFIX [ge (0-128)] [le (0-128)]",
     "What containers may ask for\nAddresses outside of the own subnets\nA.B.C.D/M or X:X::X:X/M\nShortest "
     "length\nBits\nLongest length\nBits",
     allow_prefix_line},
    {"no allow prefix PREFIX [ge (0-128)] [le (0-128)]",
     "Take back\nWhat containers may ask for\nAddresses outside of the own subnets\nA.B.C.D/M or X:X::X:X/M\nShortest "
     "length\nBits\nLongest length\nBits",
     [](NetworkConfig& network, const ParsedLine& line, bool) {
       const AllowedPrefix allowed = allowed_prefix(line, 3);
       if (!std::erase(network.allow_prefixes, allowed)) fail(line.words[3], "a prefix that is allowed");
     }},
};

template <class Commands>
std::vector<Command> commands_of(const Commands& commands) {
  std::vector<Command> out;
  for (const auto& each : commands) out.push_back({each.syntax, each.help});
  return out;
}

}  // namespace

const Grammar& config_grammar() {
  static const Grammar grammar(commands_of(kTop));
  return grammar;
}

const Grammar& network_grammar() {
  static const Grammar grammar(commands_of(kNetwork));
  return grammar;
}

bool leaves_network(std::string_view line) {
  return !std::holds_alternative<ParsedLine>(network_grammar().parse(line)) &&
         std::holds_alternative<ParsedLine>(config_grammar().parse(line));
}

std::optional<ParseFailure> apply_network_line(NetworkConfig& network, std::string_view line, bool live) {
  if (const auto column = not_text(line)) return ParseFailure{ParseFailure::Kind::NoMatch, *column, 0, kText};
  const auto inner = network_grammar().parse(line);
  if (const auto* failure = std::get_if<ParseFailure>(&inner)) return *failure;
  try {
    const ParsedLine& parsed = std::get<ParsedLine>(inner);
    kNetwork[parsed.command].apply(network, parsed, live);
    return std::nullopt;
  } catch (const Mistake& mistake) {
    return ParseFailure{ParseFailure::Kind::NoMatch, mistake.column, kFits, mistake.expected};
  }
}

std::optional<ParseFailure> apply_config_line(ConfigEdit& edit, std::string_view line) {
  if (const auto column = not_text(line)) return ParseFailure{ParseFailure::Kind::NoMatch, *column, 0, kText};
  std::optional<ParseFailure> inside;
  if (!edit.network.empty()) {
    inside = apply_network_line(edit.config.networks[edit.network], line, edit.live);
    if (!inside || inside->depth == kFits) return inside;
  }
  const auto top = config_grammar().parse(line);
  if (const auto* outside = std::get_if<ParseFailure>(&top))
    return inside && outside->depth <= inside->depth ? *inside : *outside;
  const std::string left = std::exchange(edit.network, {});
  try {
    const ParsedLine& parsed = std::get<ParsedLine>(top);
    kTop[parsed.command].apply(edit, parsed);
    return std::nullopt;
  } catch (const Mistake& mistake) {
    edit.network = left;
    return ParseFailure{ParseFailure::Kind::NoMatch, mistake.column, kFits, mistake.expected};
  }
}

}  // namespace berth
