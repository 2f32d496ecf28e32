// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/config_file.h"

#include <charconv>
#include <functional>
#include <sstream>
#include <vector>

namespace berth {
namespace {

struct Word {
  std::string text;
  std::size_t column = 0;
};

// What a line did not meet: the word (or the end of the line) and what should stand there.
struct Mistake {
  std::size_t column;
  std::string expected;
};

class Line {
 public:
  explicit Line(const std::string& text) : text_(text) {
    std::istringstream in(text);
    for (std::size_t at = 0; at < text.size();) {
      if (text[at] == ' ' || text[at] == '\t' || text[at] == '\r') {
        ++at;
        continue;
      }
      const std::size_t end = std::min(text.find_first_of(" \t\r", at), text.size());
      words_.push_back({text.substr(at, end - at), at});
      at = end;
    }
  }
  bool empty() const { return words_.empty() || words_[0].text[0] == '!' || words_[0].text[0] == '#'; }
  bool more() const { return next_ < words_.size(); }
  const std::string& text() const { return text_; }

  std::string word(const std::string& expected) {
    if (!more()) throw Mistake{text_.size(), expected};
    return words_[next_++].text;
  }
  // One of these keywords, or an unambiguous beginning of one.
  std::string keyword(const std::vector<std::string>& words) {
    std::string expected, found;
    for (const std::string& each : words) expected += (expected.empty() ? "" : ", ") + each;
    const std::string given = word(expected);
    for (const std::string& each : words) {
      if (each == given) return each;
      if (!each.starts_with(given)) continue;
      if (!found.empty()) fail("one word: '" + given + "' may be " + found + " or " + each);
      found = each;
    }
    if (found.empty()) fail(expected);
    return found;
  }
  std::uint32_t number(std::uint32_t low, std::uint32_t high) {
    const std::string expected = "a number from " + std::to_string(low) + " to " + std::to_string(high);
    const std::string given = word(expected);
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
    if (error != std::errc() || end != given.data() + given.size() || value < low || value > high) fail(expected);
    return value;
  }
  Prefix prefix() {
    const auto value = Prefix::parse(word("a prefix, A.B.C.D/M or X:X::X:X/M"));
    if (!value) fail("a prefix, A.B.C.D/M or X:X::X:X/M, without host bits");
    return *value;
  }
  IpAddress address() {
    const auto value = IpAddress::parse(word("an address, A.B.C.D or X:X::X:X"));
    if (!value) fail("an address, A.B.C.D or X:X::X:X");
    return *value;
  }
  void end() {
    if (more()) throw Mistake{words_[next_].column, "the end of the line"};
  }
  [[noreturn]] void fail(const std::string& expected) const { throw Mistake{words_[next_ - 1].column, expected}; }

 private:
  std::string text_;
  std::vector<Word> words_;
  std::size_t next_ = 0;
};

SubnetConfig& subnet_of(NetworkConfig& network, bool v4, Line& line) {
  for (SubnetConfig& each : network.subnets)
    if (each.subnet.is_v4() == v4) return each;
  line.fail(std::string("a subnet of the same family before it (subnet …)"));
}

void network_line(NetworkConfig& network, Line& line) {
  const std::string word = line.keyword(
      {"driver", "docker-network", "subnet", "gateway", "ip-range", "advertise", "tag", "mtu", "allow", "max-containers"});
  if (word == "driver") {
    if (line.keyword({"bridge", "macvlan", "routed", "overlay"}) != "bridge") line.fail("bridge (this version has no other)");
  } else if (word == "docker-network") {
    network.docker_network = line.word("the name of a Docker network");
  } else if (word == "subnet") {
    const Prefix prefix = line.prefix();
    for (const SubnetConfig& each : network.subnets)
      if (each.subnet.is_v4() == prefix.is_v4()) line.fail("one subnet for each family");
    network.subnets.push_back({prefix, {}, {}});
  } else if (word == "gateway") {
    const IpAddress address = line.address();
    SubnetConfig& subnet = subnet_of(network, address.is_v4(), line);
    if (!subnet.subnet.contains(address)) line.fail("an address inside of " + subnet.subnet.to_string());
    subnet.gateway = address;
  } else if (word == "ip-range") {
    const Prefix prefix = line.prefix();
    SubnetConfig& subnet = subnet_of(network, prefix.is_v4(), line);
    if (!subnet.subnet.contains(prefix)) line.fail("a prefix inside of " + subnet.subnet.to_string());
    subnet.ip_range = prefix;
  } else if (word == "advertise") {
    const std::string what = line.keyword({"host", "subnet", "both", "none"});
    network.advertise = what == "host"     ? Advertise::Host
                        : what == "subnet" ? Advertise::Subnet
                        : what == "both"   ? Advertise::Both
                                           : Advertise::None;
  } else if (word == "tag") {
    network.tag = line.number(1, 4294967295u);
  } else if (word == "mtu") {
    network.mtu = line.number(1280, 65535);
  } else if (word == "max-containers") {
    network.max_containers = line.number(1, 1000000);
  } else if (line.keyword({"label", "prefix"}) == "label") {
    const std::string label = line.keyword({"advertise", "tag"});
    network.allow_labels.insert(label == "tag" ? LabelKind::Tag : LabelKind::Advertise);
    while (label == "tag" && line.more()) network.allow_tags.insert(line.number(1, 4294967295u));
  } else {
    AllowedPrefix allowed{line.prefix(), 0, 0};
    allowed.ge = allowed.prefix.length();
    allowed.le = allowed.prefix.length();
    while (line.more()) {
      const bool ge = line.keyword({"ge", "le"}) == "ge";
      (ge ? allowed.ge : allowed.le) = line.number(allowed.prefix.length(), allowed.prefix.address().bits());
    }
    network.allow_prefixes.push_back(allowed);
  }
}

void top_line(Config& config, NetworkConfig*& network, Line& line) {
  const std::string word = line.keyword({"hostname", "log", "zebra", "runtime", "limit", "network"});
  if (word == "hostname") {
    config.hostname = line.word("a name");
  } else if (word == "log") {
    config.log.target = line.keyword({"stderr", "syslog"});
    if (line.more()) config.log.level = line.keyword({"errors", "warnings", "notifications", "informational", "debugging"});
  } else if (word == "zebra") {
    if (line.keyword({"socket", "grace-time"}) == "socket")
      config.zebra.socket = line.word("the path of a socket");
    else
      config.zebra.grace_seconds = line.number(1, 86400);
  } else if (word == "runtime") {
    if (line.keyword({"docker", "containerd"}) != "docker") line.fail("docker (this version has no other)");
    config.runtimes.push_back({"docker", "docker", line.word("unix:PATH")});
    if (!config.runtimes.back().address.starts_with("unix:/")) line.fail("unix:PATH");
    if (config.runtimes.size() > 1) line.fail("one runtime docker line");
  } else if (word == "limit") {
    line.keyword({"routes"});
    config.max_routes = line.number(1, 1000000);
  } else {
    const std::string name = line.word("the name of a network");
    if (name.find('/') != std::string::npos) line.fail("a name without a slash");
    network = &config.networks[name];
    network->name = name;
  }
}

void check_whole(const Config& config) {
  if (config.runtimes.empty()) throw Mistake{0, "a runtime (runtime docker unix:/run/docker.sock)"};
  for (const auto& [name, network] : config.networks) {
    if (network.subnets.empty()) throw Mistake{0, "a subnet for network " + name};
    if (network.advertise != Advertise::None && !network.tag)
      throw Mistake{0, "a tag for network " + name + ", since it advertises"};
    for (const auto& [other_name, other] : config.networks)
      for (const SubnetConfig& a : network.subnets)
        for (const SubnetConfig& b : other.subnets)
          if (name < other_name && a.subnet.overlaps(b.subnet))
            throw Mistake{0, "subnets that do not overlap: those of " + name + " and " + other_name + " do"};
  }
}

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& file_name) {
  Config config;
  NetworkConfig* network = nullptr;
  std::istringstream in{std::string(text)};
  std::string raw, errors;
  unsigned number = 0;
  while (std::getline(in, raw)) {
    ++number;
    Line line(raw);
    if (line.empty()) continue;
    try {
      Line first(raw);
      const std::string word = first.word("");
      if (word == "exit" || word == "end") {
        network = nullptr;
        continue;
      }
      if (network && word != "network" && word != "runtime" && word != "zebra" && word != "hostname")
        network_line(*network, line);
      else
        top_line(config, network, line);
      line.end();
    } catch (const Mistake& mistake) {
      errors += file_name + ":" + std::to_string(number) + ": expected " + mistake.expected + "\n  " + raw + "\n  " +
                std::string(mistake.column, ' ') + "^\n";
    }
  }
  if (errors.empty()) {
    try {
      check_whole(config);
    } catch (const Mistake& mistake) {
      errors = file_name + ": expected " + mistake.expected + "\n";
    }
  }
  if (!errors.empty()) return permanent(errors, "correct the file; berthd -C -f FILE checks it");
  return config;
}

}  // namespace berth
