// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/property/world.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace berth {
namespace {

struct Claim {
  std::int64_t created;
  ContainerKey container;
  std::string network;
  IpAddress address;
  std::uint32_t tag;
  auto order() const { return std::tie(created, container, network, address); }
  bool operator<(const Claim& other) const { return order() < other.order(); }
};

std::string label(const ContainerFact& fact, const std::string& name) {
  const auto entry = fact.labels.find(name);
  return entry == fact.labels.end() ? "" : entry->second;
}

bool is_on(const State& state, const ContainerFact& fact, const std::string& network) {
  return state.config.networks.contains(network) &&
         std::any_of(fact.endpoints.begin(), fact.endpoints.end(), [&](const auto& each) {
           return each.network == network && each.network_id == state.id_of(network);
         });
}

// 0: not advertised here.
std::uint32_t tag_for(const State& state, const NetworkConfig& network, const ContainerFact& fact) {
  bool host = advertises_host(network.advertise);
  std::uint32_t tag = network.tag;
  const auto hears = [&](LabelKind kind) { return network.allow_labels.contains(kind); };
  if (hears(LabelKind::Advertise) && label(fact, "berth.advertise") == "none") host = false;
  if (hears(LabelKind::Advertise) && label(fact, "berth.advertise") == "host") host = true;
  const std::string chosen = label(fact, "berth.network");
  if (hears(LabelKind::Network) && is_on(state, fact, chosen) && chosen != network.name) host = false;
  if (hears(LabelKind::Tag) && label(fact, "berth.tag") == "200" && network.allow_tags.contains(200)) tag = 200;
  return host ? tag : 0;
}

bool fit(const State& state, const NetworkConfig& network, const IpAddress& address) {
  if (state.host_addresses.contains(address)) return false;
  for (const SubnetConfig& subnet : network.subnets) {
    if (!subnet.subnet.contains(address)) continue;
    const unsigned last = address.bytes().back();
    return subnet.gateway != address && last != 0 && (address.is_v6() || last != 255);
  }
  return false;
}

}  // namespace

std::string expected(const State& state) {
  std::vector<Claim> claims;
  std::map<Prefix, std::string> marks;
  for (const auto& [key, fact] : state.containers)
    for (const EndpointFact& endpoint : fact.endpoints) {
      const auto network = state.config.networks.find(endpoint.network);
      if (network == state.config.networks.end() || endpoint.network_id != state.id_of(network->first)) continue;
      const std::uint32_t tag = tag_for(state, network->second, fact);
      for (const IpAddress& address : endpoint.addresses) {
        if (advertises_subnet(network->second.advertise))
          for (const SubnetConfig& subnet : network->second.subnets)
            if (subnet.subnet.contains(address)) marks[subnet.subnet] = network->first;
        const std::int64_t created = fact.created ? fact.created : std::numeric_limits<std::int64_t>::max();
        if (tag && fit(state, network->second, address)) claims.push_back({created, key, network->first, address, tag});
      }
    }
  std::sort(claims.begin(), claims.end());
  std::map<std::string, std::set<ContainerKey>> admitted;
  std::map<IpAddress, Claim> owners;
  for (const Claim& claim : claims) {
    auto& in = admitted[claim.network];
    const std::uint32_t most = state.config.networks.at(claim.network).max_containers;
    if (most && in.size() >= most && !in.contains(claim.container)) continue;
    in.insert(claim.container);
    owners.try_emplace(claim.address, claim);
  }
  std::vector<std::tuple<std::int64_t, ContainerKey, RibKey, std::string, std::uint32_t>> hosts;
  for (const auto& [address, claim] : owners)
    hosts.emplace_back(claim.created, claim.container, RibKey{RibKind::Route, Prefix::host(address)}, claim.network,
                       claim.tag);
  std::sort(hosts.begin(), hosts.end());
  std::map<RibKey, std::pair<std::string, std::uint32_t>> rib;
  for (const auto& [prefix, network] : marks)
    if (rib.size() < state.config.max_routes)
      rib[{RibKind::ConnectedTag, prefix}] = {network, state.config.networks.at(network).tag};
  for (const auto& [created, container, key, network, tag] : hosts)
    if (rib.size() < state.config.max_routes) rib[key] = {network, tag};
  std::string out;
  for (const auto& [key, value] : rib) {
    if (state.natted.contains(value.first) && state.natted.at(value.first)) continue;
    out += (key.kind == RibKind::ConnectedTag ? "mark " : "") + key.prefix.to_string() + " tag " +
           std::to_string(value.second) + " on br-" + value.first + "\n";
  }
  return out;
}

State first_state() {
  State state;
  state.config.runtimes = {{"docker", "docker", "unix:/run/docker.sock"}};
  const auto add = [&](const std::string& name, const char* v4, const char* v6, const char* gateway,
                       Advertise advertise, std::uint32_t tag) -> NetworkConfig& {
    NetworkConfig network;
    network.name = name;
    network.subnets = {{*Prefix::parse(v4), IpAddress::parse(gateway), {}}, {*Prefix::parse(v6), {}, {}}};
    network.advertise = advertise;
    network.tag = tag;
    return state.config.networks[name] = network;
  };
  add("blue", "10.10.1.0/24", "fd00:1::/64", "10.10.1.1", Advertise::Both, 100);
  NetworkConfig& red = add("red", "10.10.2.0/24", "fd00:2::/64", "10.10.2.1", Advertise::Host, 101);
  red.max_containers = 2;
  red.allow_labels = {LabelKind::Advertise, LabelKind::Tag, LabelKind::Network};
  red.allow_tags = {200};
  add("green", "10.10.3.0/24", "fd00:3::/64", "10.10.3.1", Advertise::Subnet, 102);
  return state;
}

void mutate(State& state, Random& random) {
  const auto pick = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  static const char* const kNetworks[] = {"blue", "red", "green", "foreign"};
  const auto address = [&](unsigned network) {
    static const char* const kNever[] = {"127.0.0.1", "0.0.0.0", "224.0.0.5", "fe80::1", "::", "8.8.8.8", "10.10.1.1"};
    if (pick(8) == 0) return *IpAddress::parse(kNever[pick(7)]);
    const std::string last = std::to_string(pick(10) == 0 ? 255 * pick(2) : 2 + pick(6));
    const std::string third = std::to_string(1 + network);
    return *IpAddress::parse(pick(3) ? "10.10." + third + "." + last : "fd00:" + third + "::" + last);
  };
  const unsigned what = pick(13);
  if (what < 6) {
    const std::string id = "id" + std::to_string(pick(7));
    ContainerFact fact{{"docker", id}, "c" + id, "running", {}, {}};
    fact.created = pick(4);  // also equal ones, and not known
    for (unsigned endpoints = pick(3); endpoints > 0; --endpoints) {
      const unsigned network = pick(4);
      // Also on a network of the same name that is another one, or was there before.
      const std::string of = pick(5) ? kNetworks[network] : "other";
      EndpointFact endpoint{id + kNetworks[network], kNetworks[network], of, "", {address(network)}};
      if (pick(2)) endpoint.addresses.push_back(address(network));
      fact.endpoints.push_back(endpoint);
    }
    static const char* const kLabels[][2] = {{"berth.advertise", "none"}, {"berth.advertise", "host"},
                                             {"berth.tag", "200"},        {"berth.tag", "666"},
                                             {"berth.tag", "-1"},         {"berth.network", "red"},
                                             {"berth.network", "blue"},   {"berth.prefix", "0.0.0.0/0"}};
    for (unsigned labels = pick(3); labels > 0; --labels) {
      const auto& each = kLabels[pick(8)];
      fact.labels[each[0]] = each[1];
    }
    state.containers[fact.key] = fact;
  } else if (what < 8) {
    if (!state.containers.empty())
      state.containers.erase(std::next(state.containers.begin(), pick(state.containers.size())));
  } else if (what == 8) {
    state.natted[kNetworks[pick(3)]] = pick(2) == 0;
  } else if (what == 9) {
    const IpAddress one = address(pick(3));
    if (!state.host_addresses.insert(one).second) state.host_addresses.erase(one);
  } else if (what == 12) {
    const std::string network = kNetworks[pick(3)];
    state.ids[network] = state.ids.contains(network) && state.ids[network] == "other" ? network : "other";
  } else if (what == 10) {
    state.config.max_routes = pick(2) ? 1 + pick(6) : 100;
  } else {
    const State initial = first_state();
    if (state.config.networks.erase("red") == 0) state.config.networks["red"] = initial.config.networks.at("red");
    state.config.networks["blue"].tag = 100 + 50 * pick(2);
  }
}

void World::boot() {
  brain_ = std::make_unique<Redistributor>();
  const State old = std::exchange(told_, State{});
  listed_ = false;
  named_.clear();
  brain_->set_host_addresses(old.host_addresses);
  brain_->set_config(old.config);
  told_ = old;
  if (zebra.connected()) zebra.connect(*brain_);
}

void World::say_health(const std::string& network) {
  NetworkHealth health{kernel_.contains("br-" + network), "br-" + network, Nat::Off, {}};
  health.key = {"docker", told_.id_of(network)};
  health.unknown = failing_.contains(network);
  if (told_.natted.contains(network) && told_.natted.at(network)) health.nat = Nat::On;
  brain_->set_network_health(network, health);
}

void World::tell(const State& state, bool reverse, bool duplicate) {
  const State old = std::exchange(told_, state);
  std::vector<std::function<void()>> events;
  for (const auto& [key, fact] : old.containers)
    if (!state.containers.contains(key)) events.emplace_back([this, key = key] { brain_->remove_container(key); });
  for (const auto& [key, fact] : state.containers) {
    const auto before = old.containers.find(key);
    if (before == old.containers.end() || !(before->second == fact))
      events.emplace_back([this, fact = fact] { brain_->upsert_container(fact); });
  }
  if (!(old.config == state.config)) events.emplace_back([this] { brain_->set_config(told_.config); });
  if (old.host_addresses != state.host_addresses)
    events.emplace_back([this] { brain_->set_host_addresses(told_.host_addresses); });
  for (const auto& [network, on] : state.natted)
    events.emplace_back([this, network = network] { say_health(network); });
  for (const auto& [network, id] : state.ids) events.emplace_back([this, network = network] { say_health(network); });
  if (reverse) std::reverse(events.begin(), events.end());
  for (const auto& event : events)
    for (int times = duplicate ? 2 : 1; times > 0; --times) event();
}

void World::list() {
  std::vector<ContainerFact> all;
  for (const auto& [key, fact] : told_.containers) all.push_back(fact);
  brain_->set_containers("docker", all);
  listed_ = true;
}

void World::fail(const std::string& network, bool on) {
  if (on)
    failing_.insert(network);
  else
    failing_.erase(network);
  if (told_.config.networks.contains(network)) say_health(network);
}

void World::session(bool up) {
  named_.clear();
  if (up)
    zebra.connect(*brain_);
  else if (zebra.connected())
    zebra.disconnect(*brain_);
}

void World::act(const Action& step) {
  if (const auto* attach = std::get_if<Configure>(&step)) {
    kernel_.insert("br-" + attach->key.network.str());
    say_health(attach->key.network.str());
  } else if (const auto* detach = std::get_if<Unconfigure>(&step)) {
    kernel_.erase("br-" + detach->key.network.str());
    brain_->unconfigured(detach->key);
  } else if (const auto* announce = std::get_if<Announce>(&step)) {
    const RibObject& object = announce->object;
    named_.insert(object.key);
    EXPECT_TRUE(zebra.may_be_announced(object.key))
        << "nobody asked, or it is another host's: " << object.key.prefix.to_string();
    EXPECT_FALSE(object.key.prefix.is_default());
    EXPECT_FALSE(told_.host_addresses.contains(object.key.prefix.address()) && object.key.prefix.is_host());
    bool inside = false;
    for (const auto& [name, network] : told_.config.networks)
      for (const SubnetConfig& subnet : network.subnets)
        inside = inside || (object.key.kind == RibKind::ConnectedTag
                                ? subnet.subnet == object.key.prefix
                                : object.key.prefix.is_host() && subnet.subnet.contains(object.key.prefix));
    EXPECT_TRUE(inside) << object.key.prefix.to_string();
    EXPECT_TRUE(object.tag == 100 || object.tag == 150 || object.tag == 101 || object.tag == 102 || object.tag == 200);
  } else if (const auto* withdraw = std::get_if<Withdraw>(&step)) {
    EXPECT_TRUE(named_.erase(withdraw->key)) << "not ours to take: " << withdraw->key.prefix.to_string();
  } else if (const auto* question = std::get_if<Ask>(&step)) {
    EXPECT_TRUE(question->address.is_host() && !named_.contains({RibKind::Route, question->address}))
        << "asked of what is said already: " << question->address.to_string();
  } else {
    EXPECT_TRUE(listed_) << "swept before the runtime was in sync";
    check_keep(std::get<EndOfSync>(step).keep);
  }
  zebra.take(step);
  hold_laws();
}

// All of the networks that fail, and nothing else.
void World::check_keep(const std::vector<Prefix>& keep) const {
  const auto has = [&](const std::string& name, const Prefix& prefix) {
    const auto& subnets = told_.config.networks.at(name).subnets;
    return std::any_of(subnets.begin(), subnets.end(), [&](const auto& each) { return each.subnet.contains(prefix); });
  };
  for (const auto& [name, network] : told_.config.networks)
    for (const SubnetConfig& subnet : network.subnets)
      EXPECT_EQ(failing_.contains(name),
                std::any_of(keep.begin(), keep.end(), [&](const auto& each) { return each.contains(subnet.subnet); }))
          << name;
  for (const Prefix& each : keep)
    EXPECT_TRUE(std::any_of(failing_.begin(), failing_.end(), [&](const auto& name) {
      return told_.config.networks.contains(name) && has(name, each);
    })) << each.to_string();
}

void World::hold_laws() const {
  for (const auto& [key, entry] : zebra.rib())
    EXPECT_TRUE(kernel_.contains(entry.object.interface))
        << key.prefix.to_string() << " points at nothing: " << entry.object.interface.view();
}

bool World::step() {
  const auto steps = brain_->take_actions(1);
  for (const Action& each : steps) act(each);
  if (!steps.empty()) return true;
  EXPECT_FALSE(brain_->has_actions());
  return zebra.answer_some(*brain_, 1);
}

void World::settle() {
  for (int n = 0; n < 100000; ++n)
    if (!step()) return;
  ADD_FAILURE() << "it does not come to rest";
}

}  // namespace berth
