// SPDX-License-Identifier: GPL-2.0-or-later
//
// IP addresses and prefixes as values. Pure; any thread. Text forms: dotted quad, RFC 5952 for IPv6,
// ADDRESS/LENGTH for prefixes (RFC 4632).
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace berth {

class IpAddress {
 public:
  IpAddress() = default;  // 0.0.0.0
  // Strict: no zone, no leading zeros in a quad. nullopt if it is not an address.
  static std::optional<IpAddress> parse(std::string_view text);
  // 4 or 16 bytes in network order; nullopt for any other size.
  static std::optional<IpAddress> from_bytes(std::span<const std::uint8_t> bytes);

  bool is_v4() const { return !v6_; }
  bool is_v6() const { return v6_; }
  unsigned bits() const { return v6_ ? 128 : 32; }
  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), v6_ ? 16u : 4u}; }
  std::string to_string() const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  bool v6_ = false;
  std::array<std::uint8_t, 16> bytes_{};
};

class Prefix {
 public:
  Prefix() = default;  // 0.0.0.0/0
  // Host bits must be zero and the length in range, else nullopt. A bare address is /32 or /128.
  static std::optional<Prefix> parse(std::string_view text);
  // The host bits are cut off. `length` must not exceed address.bits().
  static Prefix of(const IpAddress& address, unsigned length);
  static Prefix host(const IpAddress& address) { return of(address, address.bits()); }

  const IpAddress& address() const { return address_; }
  IpAddress last() const;  // with all host bits set
  unsigned length() const { return length_; }
  bool is_v4() const { return address_.is_v4(); }
  bool is_host() const { return length_ == address_.bits(); }
  bool is_default() const { return length_ == 0; }
  bool contains(const IpAddress& address) const;
  bool contains(const Prefix& other) const;  // equal prefixes contain each other
  bool overlaps(const Prefix& other) const { return contains(other) || other.contains(*this); }
  std::string to_string() const;

  auto operator<=>(const Prefix&) const = default;

 private:
  IpAddress address_;
  unsigned length_ = 0;
};

std::size_t hash_value(const IpAddress& address);
std::size_t hash_value(const Prefix& prefix);

}  // namespace berth

template <>
struct std::hash<berth::IpAddress> {
  std::size_t operator()(const berth::IpAddress& address) const { return berth::hash_value(address); }
};
template <>
struct std::hash<berth::Prefix> {
  std::size_t operator()(const berth::Prefix& prefix) const { return berth::hash_value(prefix); }
};
