// SPDX-License-Identifier: GPL-2.0-or-later
//
// What names and paths can be, so that all who take them later do: Docker, the kernel, nft, a terminal. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace berth {

// A network of berth's: begins with a letter or digit, as Docker's own names do; letters, digits, and - _ . in it. It is
// part of an nft comment, which ends after 128 bytes, of a label and of a bridge's name: 64 are enough, as for a host.
inline constexpr std::size_t kLongestName = 64;
bool is_network_name(std::string_view name);
// A name or an id that can stand in a path of Docker's API as it is.
bool is_docker_name(std::string_view name);
// Those that Docker has or means itself, and lets nobody make: bridge, default, host, none.
bool is_predefined_network(std::string_view name);
// The kernel's bound (HOST_NAME_MAX), and RFC 1123's letters with the underscore that many use.
bool is_host_name(std::string_view name);
// Absolute, printable, a file's and no folder's, and with a zero byte behind it no longer than sockaddr_un takes.
inline constexpr std::size_t kLongestSocketPath = 107;
bool is_socket_path(std::string_view path);

// A sum of the text (FNV-1a, 64 bit) that is the same in every build and on every machine: what is named by it on a host is
// found again by the next release.
std::uint64_t stable_hash(std::string_view text);

// So many letters and digits of that sum.
std::string short_hash(std::string_view text, int length);

// What says that a thing belongs to this network of ours: the alias of a link, the comment of a rule.
inline constexpr std::string_view kMark = "berth:";
std::string mark_of(std::string_view network);

// Can a link have this name (IFNAMSIZ)?
inline bool is_link_name(std::string_view name) {
  return !name.empty() && name.size() <= 15 && name.find_first_of("/ :") == std::string_view::npos && name != "." &&
         name != "..";
}

// A MAC address of a link of ours that belongs to `what`: unicast, locally administered, the same in every build. In the lower
// 48 bits.
inline std::uint64_t local_mac(std::string_view what) {
  return (stable_hash(what) & 0xfcffffffffff) | 0x020000000000;
}

// The name of a link of ours that belongs to `what`, such as a network: a valid interface name, the same on every host and in
// every build. `prefix`: at most 3 characters.
std::string link_name(std::string_view prefix, std::string_view what);

}  // namespace berth
