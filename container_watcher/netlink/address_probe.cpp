// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/netlink/address_probe.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "container_watcher/netlink/errors.h"
#include "container_watcher/netlink/fd.h"

namespace berth {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Octets = std::span<const std::uint8_t>;

constexpr int kBuffer = 1 << 20;           // bytes of frames that wait for us
constexpr std::size_t kMostFrames = 4096;  // read at once
constexpr Mac kBroadcast = 0xffffffffffff;
constexpr std::size_t kArp = ETH_HLEN, kArpSize = 28;
constexpr std::size_t kIp6 = ETH_HLEN, kIcmp6 = kIp6 + 40,
                      kNeighbourSize = 24;  // of a solicitation or an advertisement
constexpr std::uint8_t kIcmp6Protocol = 58, kSolicitation = 135, kAdvertisement = 136, kTargetLink = 2;

void put_octets(Bytes* out, Octets bytes) {
  out->insert(out->end(), bytes.begin(), bytes.end());
}
void put16(Bytes* out, unsigned value) {
  out->push_back(static_cast<std::uint8_t>(value >> 8));
  out->push_back(static_cast<std::uint8_t>(value));
}
void put_mac(Bytes* out, Mac mac) {
  for (int shift = 40; shift >= 0; shift -= 8) out->push_back(static_cast<std::uint8_t>(mac >> shift));
}

unsigned at16(Octets frame, std::size_t at) {
  return unsigned{frame[at]} << 8 | frame[at + 1];
}
Mac mac_at(Octets frame, std::size_t at) {
  Mac out = 0;
  for (std::size_t each = at; each < at + 6; ++each) out = out << 8 | frame[each];
  return out;
}

// RFC 1071, of an even number of bytes.
std::uint32_t sum_of(Octets bytes) {
  std::uint32_t out = 0;
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) out += at16(bytes, at);
  return out;
}

// A request, from an address or from none, that asks for `address`.
Bytes arp_request(const IpAddress& address, Octets from, Mac source) {
  Bytes out;
  put_mac(&out, kBroadcast);
  put_mac(&out, source);
  put16(&out, ETH_P_ARP);
  put16(&out, 1);  // Ethernet
  put16(&out, ETH_P_IP);
  put_octets(&out, std::array<std::uint8_t, 2>{6, 4});
  put16(&out, 1);  // request
  put_mac(&out, source);
  put_octets(&out, from);
  put_mac(&out, 0);
  put_octets(&out, address.bytes());
  return out;
}

// An ICMPv6 message in a frame to a group; its checksum is still to be put in.
Bytes multicast(Bytes message, Octets from, Octets group, Mac source) {
  const auto size = static_cast<unsigned>(message.size());
  std::uint32_t sum = sum_of(from) + sum_of(group) + kIcmp6Protocol + size + sum_of(message);  // with the pseudo header
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  message[2] = static_cast<std::uint8_t>(~sum >> 8);
  message[3] = static_cast<std::uint8_t>(~sum);
  Bytes out{0x33, 0x33, group[12], group[13], group[14], group[15]};
  put_mac(&out, source);
  put16(&out, ETH_P_IPV6);
  put_octets(&out, std::array<std::uint8_t, 4>{0x60, 0, 0, 0});
  put16(&out, size);
  put_octets(&out, std::array<std::uint8_t, 2>{kIcmp6Protocol, 255});
  put_octets(&out, from);
  put_octets(&out, group);
  put_octets(&out, message);
  return out;
}

Bytes solicitation(const IpAddress& address, Mac source) {
  const Octets target = address.bytes();
  std::array<std::uint8_t, 16> group{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, target[13], target[14], target[15]};
  Bytes message{kSolicitation, 0, 0, 0, 0, 0, 0, 0};
  put_octets(&message, target);
  return multicast(std::move(message), std::array<std::uint8_t, 16>{}, group, source);
}

Bytes unsolicited(const IpAddress& address, Mac mac) {
  constexpr std::uint8_t kOverride = 0x20;
  constexpr std::array<std::uint8_t, 16> kAllNodesAddress{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  Bytes message{kAdvertisement, 0, 0, 0, kOverride, 0, 0, 0};
  put_octets(&message, address.bytes());
  put_octets(&message, std::array<std::uint8_t, 2>{kTargetLink, 1});
  put_mac(&message, mac);
  return multicast(std::move(message), address.bytes(), kAllNodesAddress, mac);
}

std::optional<ProbeAnswer> arp_answer(Octets frame) {
  if (frame.size() < kArp + kArpSize || at16(frame, kArp) != 1 || at16(frame, kArp + 2) != ETH_P_IP ||
      frame[kArp + 4] != 6 || frame[kArp + 5] != 4)
    return {};
  const auto sender = IpAddress::from_bytes(frame.subspan(kArp + 14, 4));
  const Mac mac = mac_at(frame, kArp + 8);
  if (*sender == IpAddress() || mac == 0) return {};  // a probe itself
  return ProbeAnswer{*sender, mac};
}

std::optional<ProbeAnswer> advertisement(Octets frame) {
  // A router lets none with this hop limit through: it comes from the segment (RFC 4861, 7.1.2).
  if (frame.size() < kIcmp6 + kNeighbourSize || frame[kIp6 + 6] != kIcmp6Protocol || frame[kIp6 + 7] != 255 ||
      frame[kIcmp6] != kAdvertisement)
    return {};
  ProbeAnswer out{*IpAddress::from_bytes(frame.subspan(kIcmp6 + 8, 16)), mac_at(frame, 6)};
  const std::size_t end = std::min(frame.size(), kIcmp6 + at16(frame, kIp6 + 4));
  for (std::size_t at = kIcmp6 + kNeighbourSize; at + 8 <= end && frame[at + 1] != 0; at += frame[at + 1] * 8U)
    if (frame[at] == kTargetLink) out.mac = mac_at(frame, at + 2);
  return out;
}

// ARP, solicitations and advertisements that come in to us or to all. Not what comes to somebody else: what one macvlan sends
// to another never leaves the host, but the kernel shows it to the taps of their link as if it had come in. Without a tag: what
// comes with a VLAN's is another segment's. Applied in front of the macvlans, so that nothing else of the link's traffic costs
// more than this.
Status attach_filter(int fd) {
  constexpr auto kAncillary = static_cast<std::uint32_t>(SKF_AD_OFF);
  std::array<sock_filter, 14> code = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kAncillary + SKF_AD_PKTTYPE),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, PACKET_OTHERHOST, 10, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kAncillary + SKF_AD_VLAN_TAG_PRESENT),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 8),
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 7, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 0, 5),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kIp6 + 6),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kIcmp6Protocol, 0, 3),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kIcmp6),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kSolicitation, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kAdvertisement, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xffff),
  }};
  const sock_fprog program{code.size(), code.data()};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
    return error_of(errno, "packet filter");
  return {};
}

Result<Fd> packet_socket() {
  Fd fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd) return fd;
  const int why = errno;
  Error error = error_of(why, "packet socket");
  if (why == EPERM) error.remedy = "run berthd with CAP_NET_RAW";
  return error;
}

class PacketSocket : public ProbeSocket {
 public:
  PacketSocket(Fd fd, Mac mac) : fd_(std::move(fd)), mac_(mac) {}
  Status ask(const IpAddress& address) override {
    const Bytes frame = probe_frame(address, mac_);
    if (send(fd_.get(), frame.data(), frame.size(), MSG_DONTWAIT) < 0) return error_of(errno, "send");
    return {};
  }
  ProbeAnswers answers() override {
    ProbeAnswers out;
    std::array<std::uint8_t, 256> buffer;
    for (std::size_t n = 0; n < kMostFrames; ++n) {
      const ssize_t size = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) break;  // nothing more; what was wrong with the link, the next question tells
      const Octets frame(buffer.data(), static_cast<std::size_t>(size));
      if (frame.size() >= ETH_HLEN && mac_at(frame, 6) == mac_)
        out.reflected = true;
      else if (const auto answer = answer_in(frame))
        out.all.push_back(*answer);
    }
    return out;
  }

 private:
  const Fd fd_;
  const Mac mac_;
};

}  // namespace

std::vector<std::uint8_t> probe_frame(const IpAddress& address, Mac source) {
  return address.is_v4() ? arp_request(address, std::array<std::uint8_t, 4>{}, source) : solicitation(address, source);
}

// The request form of a gratuitous ARP, which RFC 5227 prefers.
std::vector<std::uint8_t> announcement_frame(const IpAddress& address, Mac mac) {
  return address.is_v4() ? arp_request(address, address.bytes(), mac) : unsolicited(address, mac);
}

std::optional<ProbeAnswer> answer_in(std::span<const std::uint8_t> frame) {
  if (frame.size() < ETH_HLEN) return {};
  if (at16(frame, 12) == ETH_P_ARP) return arp_answer(frame);
  if (at16(frame, 12) == ETH_P_IPV6) return advertisement(frame);
  return {};
}

Status announce(int index, const IpAddress& address, Mac mac) {
  const auto fd = packet_socket();
  if (!fd) return fd.error();
  const Bytes frame = announcement_frame(address, mac);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = index;
  if (sendto(fd->get(), frame.data(), frame.size(), MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&to), sizeof to) <
      0)
    return error_of(errno, "send");
  return {};
}

// Bound last: what it hears before has not gone through the filter.
Result<std::unique_ptr<ProbeSocket>> open_probe(int index, Mac mac) {
  auto opened = packet_socket();
  if (!opened) return opened.error();
  Fd fd = *std::move(opened);
  if (const Status done = attach_filter(fd.get()); !done) return done.error();
  static_cast<void>(setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer));
  // Advertisements for :: go to all nodes; where the link has no IPv6 itself its hardware would not take them.
  packet_mreq group{};
  group.mr_ifindex = index;
  group.mr_type = PACKET_MR_MULTICAST;
  group.mr_alen = ETH_ALEN;
  constexpr std::array<std::uint8_t, 6> kAllNodes{0x33, 0x33, 0, 0, 0, 1};
  std::copy(kAllNodes.begin(), kAllNodes.end(), group.mr_address);
  if (setsockopt(fd.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &group, sizeof group) != 0)
    return error_of(errno, "packet socket");
  sockaddr_ll here{};
  here.sll_family = AF_PACKET;
  here.sll_protocol = htons(ETH_P_ALL);  // in front of the macvlans, which take what is theirs
  here.sll_ifindex = index;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0)
    return error_of(errno, "packet socket");
  return std::unique_ptr<ProbeSocket>(std::make_unique<PacketSocket>(std::move(fd), mac));
}

}  // namespace berth
