// SPDX-License-Identifier: GPL-2.0-or-later
//
// Hostile labels and addresses: whatever an image says, only what the operator allowed is advertised, and what is told of
// it is printable and bounded. Input: lines "label=value", and addresses.
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>

#include "redistribute/policy.h"
#include "redistribute/redistributor.h"

namespace {

void require(bool what) {
  if (!what) std::abort();
}

berth::Config config() {
  berth::Config config;
  berth::NetworkConfig blue;
  blue.name = "blue";
  blue.subnets = {{*berth::Prefix::parse("10.10.1.0/24"), berth::IpAddress::parse("10.10.1.1"), {}}};
  blue.advertise = berth::Advertise::Both;
  blue.tag = 100;
  blue.allow_labels = {berth::LabelKind::Advertise, berth::LabelKind::Tag, berth::LabelKind::Network};
  blue.allow_tags = {100, 200};
  config.networks["blue"] = blue;
  return config;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  berth::ContainerFact fact{{"docker", "id"}, "c", "running", {}, {{"ep", "blue", "net", "", {}}}};
  std::istringstream in(std::string(reinterpret_cast<const char*>(data), size));
  for (std::string line; std::getline(in, line);) {
    if (const auto address = berth::IpAddress::parse(line)) fact.endpoints[0].addresses.push_back(*address);
    const auto equals = line.find('=');
    if (equals != std::string::npos) fact.labels[line.substr(0, equals)] = line.substr(equals + 1);
  }
  berth::Redistributor brain;
  std::size_t told = 0;
  brain.on_refusal([&](const std::string&, const std::string& why) {
    ++told;
    require(why.size() < 400);
    for (const char c : why) require(c >= 0x20 && c < 0x7f);
  });
  brain.set_config(config());
  brain.set_host_addresses({*berth::IpAddress::parse("10.10.1.77")});
  brain.set_network_health("blue", {true, "br-blue", berth::Nat::Off, {}});
  brain.zebra_connected();
  brain.set_containers("docker", {fact});
  for (const berth::Action& step : brain.take_actions(10000)) {
    const auto* announce = std::get_if<berth::Announce>(&step);
    if (!announce) continue;
    const berth::RibObject& object = announce->object;
    require(object.tag == 100 || object.tag == 200);
    require(berth::Prefix::parse("10.10.1.0/24")->contains(object.key.prefix));
    require(object.key.kind == berth::RibKind::ConnectedTag || object.key.prefix.is_host());
    for (const char* never : {"10.10.1.0", "10.10.1.1", "10.10.1.77", "10.10.1.255"})
      require(object.key.prefix != berth::Prefix::host(*berth::IpAddress::parse(never)));
  }
  require(told <= fact.endpoints[0].addresses.size() + berth::kRefusalsOfLabels + 1);
  static_cast<void>(brain.explain("c"));
  return 0;
}
