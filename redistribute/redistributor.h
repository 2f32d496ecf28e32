// SPDX-License-Identifier: GPL-2.0-or-later
//
// The brain: what the runtimes and the kernel say + what the operator allows -> what should be attached and
// advertised, each with its reason; desired against observed -> an ordered plan.
//
// Pure: no I/O, no clock, no log. One thread (the daemon's). Every input is a whole state, may come in any order and any
// number of times, and costs O(what it changes). Output depends on the state alone (DESIGN, laws 1, 2, 4, 5, 6).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/attachment.h"
#include "core/config.h"
#include "core/facts.h"
#include "core/rib.h"

namespace berth {

// One thing to do now. Everything that it depends on has been acknowledged before it comes out.
// Make it, or look whether it is as it should be. What comes of it comes back as set_network_health() or configure_failed();
// until then no other action on the same attachment comes out. One of an endpoint comes out when that of its network is there,
// and is answered by endpoint_configured() or configure_failed().
struct Configure {
  AttachmentKey key;
  AttachmentSpec spec;
};
// No route points at it any more: take away what is ours of it. Comes back as unconfigured().
struct Unconfigure {
  AttachmentKey key;
};
struct Announce {
  RibObject object;
};  // put into the RIB
struct Withdraw {
  RibKey key;
};  // take out of the RIB
// Ask the RIB what it has for this address: no other host is to advertise it. Comes back as found().
struct Ask {
  Prefix address;
};
// All is said and every source is in sync: zebra may sweep the rest, but what lies in `keep`, since the runtime fails to say
// what is there. Comes again in the same session when that is known.
struct EndOfSync {
  std::vector<Prefix> keep;
};
using Action = std::variant<Configure, Unconfigure, Announce, Withdraw, Ask, EndOfSync>;

// Why a subject is, or is not, advertised; the first step that is not ok decides. For explain and show.
struct ReasonStep {
  std::string name;  // stable word: "container", "endpoint", "network", "policy", "nat", "owner", "route", …
  bool ok = false;
  std::string detail;
  std::string remedy;
};

struct RouteView {
  RibKey key;
  std::string network;
  std::string container;  // name; empty for a subnet
  bool subnet = false;
  std::uint32_t tag = 0;
  RibState state = RibState::Pending;
  std::string reason;
};

enum class Advertised { No, Partly, Yes };
std::string_view to_string(Advertised verdict);  // "notAdvertised", "partlyAdvertised", "advertised"

struct Explanation {
  std::string subject;
  Advertised verdict = Advertised::No;
  std::vector<ReasonStep> steps;
  std::vector<std::string> missing;  // prefixes that are to be advertised and are not
};

class Redistributor {
 public:
  Redistributor();
  ~Redistributor();

  // How the networks of a driver tell of their subnets: before the first set_config(); by a connected tag where nothing is said.
  void set_subnet_routes(std::function<SubnetRoute(std::string_view driver)> of);

  // --- what is wanted and what is ---
  void set_config(const Config& config);  // the difference to the last one is what changes
  void set_network_health(const std::string& network, const NetworkHealth& health);  // network: NetworkConfig::name
  // What the runtime or the host has of an attachment may not be what it had: it is looked at again, with a Configure.
  void look_again(const AttachmentKey& key);
  // Tried again at a retry_attachments(). `why`: of an endpoint's, for explain; one that is waited for says nothing of what there
  // is, and so nothing of the network's is swept.
  void configure_failed(const AttachmentKey& key, const std::optional<Problem>& why = {});
  void endpoint_configured(const AttachmentKey& key);  // its container's fact has the endpoint from now on
  // The same, but what is there has to go first, since it can't become what is wanted: its routes are withdrawn, then it is
  // taken away with an Unconfigure, then there is a Configure again.
  void endpoint_in_the_way(const AttachmentKey& key);
  void unconfigured(const AttachmentKey& key);
  // What stands against single endpoints, all of it; replaces what was said before.
  void set_endpoint_problems(const std::map<EndpointKey, Problem>& problems);
  void set_host_addresses(const std::set<IpAddress>& addresses);  // the host's own: never advertised as a container's
  const std::set<IpAddress>& host_addresses() const;
  void upsert_container(const ContainerFact& fact);
  void remove_container(const ContainerKey& key);
  // A full list of that runtime: what it does not name is gone; the runtime is in sync from then on.
  void set_containers(const std::string& runtime, const std::vector<ContainerFact>& all);
  // The runtime does not answer: what is known of it is kept; nothing of it is deleted until it has listed again.
  void runtime_lost(const std::string& runtime);

  // --- zebra's side ---
  void zebra_connected();  // a new session knows nothing of ours: all is to be said again, then EndOfSync
  void zebra_lost();       // states become Stale
  void zebra_synced();     // the module answered EndOfSync; from then on networks may be detached
  void answer(const RibAnswer& answer);
  void found(const RibFound& found);
  void withdraw_all(bool on);  // `berthctl -c withdraw`: desired becomes empty until switched off

  // --- what to do ---
  // The next actions, at most `limit`; each comes out once until its answer, a loss or retry() makes it due again.
  // Empty: nothing can be done now.
  std::vector<Action> take_actions(std::size_t limit);
  bool has_actions() const;
  // Puts failed objects (rejected, lost) back to due; the daemon calls it from its back-off timer.
  void retry();
  // Addresses that another host has: to be called each 100 ms as long as some wait for it. They are asked for again, at first
  // at the next call, later less often, and taken once the other one is gone.
  void ask_again();
  bool asks_wait() const;
  // The same for attachments that failed; called as long as some wait for it.
  void retry_attachments();
  bool attachments_wait() const;
  bool configuring(const AttachmentKey& key) const;  // a Configure or an Unconfigure was not answered yet

  // --- what to show ---
  bool in_sync() const;  // with every source, and zebra holds nothing else of ours
  bool withdrawn() const;
  bool zebra_up() const;
  bool listed(const std::string& runtime) const;               // it has, and was not lost since
  const std::map<std::string, NetworkHealth>& health() const;  // of each network that was looked at
  const std::map<EndpointKey, Problem>& endpoint_problems() const;
  std::set<std::string> unknown_networks() const;  // of which the runtime fails to tell; in_sync() waits for them
  std::vector<RouteView> routes() const;           // by prefix; refused endpoints are not here
  void each_state(const std::function<void(const RibKey&, RibState)>& tell) const;  // of routes(), at less cost
  std::vector<ContainerFact> containers() const;                                    // by name
  // Within these subnets: what others than berthd gave to a container, be it advertised or not.
  std::set<IpAddress> addresses_in(const std::vector<SubnetConfig>& subnets) const;
  std::optional<RouteView> route_of(const IpAddress& address) const;
  Explanation explain(const std::string& subject) const;  // container name, id prefix, or address
  // Refusals that began: "refusedNetwork" (NAT, the firewall, …), "refusedLabel", "refusedPrefix", "refusedOwner",
  // "refusedMaxContainers", "refusedLimit", "refusedElsewhere". Work done: "evaluations" (of endpoints), "checks" (of RIB
  // keys). "syncs".
  std::map<std::string, std::uint64_t> counters() const;
  // Each refusal once when it begins (and not again while it lasts); for the log.
  void on_refusal(std::function<void(const std::string& subject, const std::string& why)> hook);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace berth
