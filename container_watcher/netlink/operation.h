// SPDX-License-Identifier: GPL-2.0-or-later
//
// What can be done to this host through the kernel, as values: a plan is a list of them, in order. Each says how the thing
// should be, so that doing it twice is doing it once, and taking away what is not there is done already. Pure; any thread.
// Carried out by netlink/executor.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "container_watcher/netlink/host_state.h"
#include "core/ip.h"

namespace berth {

class Fd;

// Where a thing is. Without a word: in the network namespace of berthd itself.
struct Netns {
  std::string path = {};                   // of a file that holds the namespace: "/run/docker/netns/0a1b2c"
  std::shared_ptr<const Fd> process = {};  // or that of this process (open_process()): a later one of its pid is not it
  bool own() const { return path.empty() && !process; }
  auto operator<=>(const Netns&) const = default;
};

// Which namespace it is: no other one has these numbers as long as it lives.
struct NetnsId {
  std::uint64_t device = 0, inode = 0;
  auto operator<=>(const NetnsId&) const = default;
};

// An address on a link, as rtnetlink(7) RTM_NEWADDR: of global scope; of IPv6 without duplicate address detection, and of one
// length alone. The kernel announces it each time.
struct PutAddress {
  std::string link;
  IpAddress address;
  unsigned length = 0;  // of its prefix
  Netns netns = {};
  bool alone = false;  // of one length in IPv4, too: the link is berth's, and so are its addresses
  auto operator<=>(const PutAddress&) const = default;
};

struct DeleteAddress {
  std::string link;
  IpAddress address;
  unsigned length = 0;
  Netns netns = {};
  auto operator<=>(const DeleteAddress&) const = default;
};

// Sets each global address of the link to what it is: nothing changes, and the kernel announces it anew (RTM_NEWADDR) to
// those who missed it.
struct RepeatAddresses {
  std::string link;
  Netns netns = {};
  auto operator<=>(const RepeatAddresses&) const = default;
};

// A file below /proc/sys: "net.ipv4.ip_forward". A dot in a link's name is written as a slash there, as sysctl(8) does.
struct SetSysctl {
  std::string key;
  std::string value;
  Netns netns = {};
  auto operator<=>(const SetSysctl&) const = default;
};

struct DummyLink {
  auto operator<=>(const DummyLink&) const = default;
};
struct BridgeLink {
  bool vlan_filtering = false;
  bool multicast_snooping = true;
  auto operator<=>(const BridgeLink&) const = default;
};
// Both ends in one request. The other end has the MTU of this one.
struct VethLink {
  std::string peer;
  Netns peer_netns = {};
  Mac peer_mac = 0;  // 0: one of the kernel's choice
  auto operator<=>(const VethLink&) const = default;
};
// On a link of berthd's own namespace, wherever it is itself.
struct MacvlanLink {
  std::string parent;
  MacvlanMode mode = MacvlanMode::Bridge;
  auto operator<=>(const MacvlanLink&) const = default;
};
// It learns nothing from traffic unless it is told to: its far ends are put by PutFdb.
struct VxlanLink {
  std::uint32_t vni = 0;
  std::optional<IpAddress> local = {};  // the address of this host in the underlay
  std::uint16_t port = 4789;            // RFC 7348
  bool learning = false;
  auto operator<=>(const VxlanLink&) const = default;
};
using LinkKind = std::variant<DummyLink, BridgeLink, VethLink, MacvlanLink, VxlanLink>;
std::string_view name_of(const LinkKind& kind);  // the kernel's word: "veth"

// What is not said stays as it is.
struct LinkSettings {
  std::optional<std::string> alias = {};   // our mark
  std::optional<std::string> master = {};  // the bridge whose port it is; empty: of none
  std::optional<unsigned> mtu = {};
  std::optional<Mac> mac = {};
  std::optional<bool> up = {};
  PortSettings port = {};
  auto operator<=>(const LinkSettings&) const = default;
};

// A link of that name, of that kind, with these settings. Permanent where there is one that can't become it (of another kind,
// on another parent, with its other end elsewhere, of another VNI or port) or that bears another alias than is wanted: it is
// not ours to take away.
struct PutLink {
  std::string name;
  LinkKind kind;
  LinkSettings settings = {};
  Netns netns = {};
  auto operator<=>(const PutLink&) const = default;
};

// Whichever kind it is.
struct SetLink {
  std::string name;
  LinkSettings settings;
  Netns netns = {};
  auto operator<=>(const SetLink&) const = default;
};

// Takes the kernel some 18 ms for a veth: off the way of whoever waits.
struct DeleteLink {
  std::string name;
  std::string mark = {};  // the alias that it must have, else Permanent: it is somebody else's; empty: whosever it is
  Netns netns = {};
  auto operator<=>(const DeleteLink&) const = default;
};

// All links in a container that are berth's: that bear a mark of its, or whose other end does, in berthd's own namespace. But the
// one that is called `keep` and bears the mark `keep_mark`. Permanent in berthd's own namespace. Transient: some are left, since who
// may change the links in there can mark any number, and each takes its time to go; asked again, it goes on.
inline constexpr int kMostMarkedLinks = 16;
struct DeleteMarkedLinks {
  std::string keep = {}, keep_mark = {};
  Netns netns = {};
  auto operator<=>(const DeleteMarkedLinks&) const = default;
};

// Tells all on the segment behind the link that the address is at the link's MAC address: a gratuitous ARP (RFC 5227, 3), an
// unsolicited Neighbor Advertisement (RFC 4861, 7.2.6). Who has another MAC address for it takes this one. The kernel does
// neither for an address that is put on a link that is up.
struct AnnounceAddress {
  std::string link;
  IpAddress address;
  Netns netns = {};
  auto operator<=>(const AnnounceAddress&) const = default;
};

// Until a link and its bridge can send: the operational state is UP (RFC 2863), and the port forwards. That is some milliseconds
// after they are switched on, and with a bridge's first port the bridge itself is as late: it drops what it would answer. What a
// container asks before is lost, and asked again a second later. A bridge with STP takes half a minute, and is not waited for: 50 ms
// at most.
struct AwaitOperUp {
  std::string link;
  Netns netns = {};
  auto operator<=>(const AwaitOperUp&) const = default;
};

// The mark on routes, and on the entries of proxies, that berth itself gives to a kernel.
inline constexpr int kRouteProtocol = 177;
inline constexpr std::uint32_t kMainTable = 254;

// A route of ours. One of another hand to the same prefix with the same metric is left alone: Permanent.
struct PutRoute {
  Prefix to;
  std::string link;
  std::optional<IpAddress> via = {};  // a router, of either family (RFC 5549); nothing: it is on the link
  bool onlink = false;                // the router is on the link although no address of the link says so
  std::uint32_t table = kMainTable;
  unsigned metric = 0;
  Netns netns = {};
  auto operator<=>(const PutRoute&) const = default;
};

struct DeleteRoute {
  Prefix to;
  std::uint32_t table = kMainTable;
  unsigned metric = 0;
  Netns netns = {};
  auto operator<=>(const DeleteRoute&) const = default;
};

// An entry of ARP or ND that does not age, with the mark of berth's routes. `proxy`: the host answers on the link for that address, and has no MAC for it.
struct PutNeighbour {
  std::string link;
  IpAddress address;
  Mac mac = 0;
  bool proxy = false;
  bool external = false;
  Netns netns = {};
  auto operator<=>(const PutNeighbour&) const = default;
};

struct DeleteNeighbour {
  std::string link;
  IpAddress address;
  bool proxy = false;
  Netns netns = {};
  auto operator<=>(const DeleteNeighbour&) const = default;
};

// Of a tunnel: behind which far end the MAC is (0: where what goes to all is sent, with as many far ends as there are
// entries). Of a bridge's port without a far end: the MAC is behind that port.
struct PutFdb {
  std::string link;
  Mac mac = 0;
  std::optional<IpAddress> far_end = {};
  bool external = false;
  Netns netns = {};
  auto operator<=>(const PutFdb&) const = default;
};

struct DeleteFdb {
  std::string link;
  Mac mac = 0;
  std::optional<IpAddress> far_end = {};
  Netns netns = {};
  auto operator<=>(const DeleteFdb&) const = default;
};

using Operation = std::variant<PutAddress, DeleteAddress, RepeatAddresses, AnnounceAddress, AwaitOperUp, SetSysctl,
                               PutLink, SetLink, DeleteLink, DeleteMarkedLinks, PutRoute, DeleteRoute, PutNeighbour,
                               DeleteNeighbour, PutFdb, DeleteFdb>;

// A key of sysctl(8), which writes a dot in a link's name as a slash: "net.ipv4.conf.eth0/7.rp_filter".
std::string link_sysctl(bool v4, const std::string& link, const std::string& name);
// "net.ipv4.neigh.eth0/7.proxy_delay"
std::string proxy_delay(bool v4, const std::string& link);
// Where it is: "/proc/sys/net/ipv4/conf/eth0.7/rp_filter".
std::string sysctl_path(const std::string& key);

}  // namespace berth
