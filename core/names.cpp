// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/names.h"

#include <algorithm>

namespace berth {
namespace {

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_plain(std::string_view name, std::size_t longest) {
  return !name.empty() && name.size() <= longest && std::all_of(name.begin(), name.end(), [](char c) {
    return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
  });
}

}  // namespace

bool is_network_name(std::string_view name) {
  return is_plain(name, kLongestName) && is_alphanumeric(name.front());
}

bool is_docker_name(std::string_view name) {
  return is_plain(name, 255) && name != "." && name != "..";
}

bool is_predefined_network(std::string_view name) {
  return name == "bridge" || name == "default" || name == "host" || name == "none";
}

bool is_host_name(std::string_view name) {
  return is_plain(name, kLongestName) && is_alphanumeric(name.front());
}

bool is_socket_path(std::string_view path) {
  return path.size() > 1 && path.size() <= kLongestSocketPath && path.front() == '/' && path.back() != '/' &&
         std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c <= '~'; });
}

std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char each : text) hash = (hash ^ static_cast<unsigned char>(each)) * 0x100000001b3;
  return hash;
}

std::string short_hash(std::string_view text, int length) {
  std::string out;
  for (std::uint64_t hash = stable_hash(text); length > 0; --length, hash /= 36)
    out += "0123456789abcdefghijklmnopqrstuvwxyz"[hash % 36];
  return out;
}

std::string mark_of(std::string_view network) {
  return std::string(kMark).append(network);
}

// IFNAMSIZ leaves 15 characters. A network that was made under an older rule keeps its bridge: it is known by its name.
std::string link_name(std::string_view prefix, std::string_view what) {
  std::string name(prefix);
  if (what.size() + prefix.size() <= 15) return name.append(what);
  for (const char each : what.substr(0, 4)) name += is_alphanumeric(each) || each == '_' || each == '.' ? each : '-';
  return name.append(short_hash(what, 8));
}

}  // namespace berth
