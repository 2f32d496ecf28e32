// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/ipam/lease_book.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "core/number.h"
#include "core/reserved.h"

namespace berth {
namespace {

constexpr std::string_view kForm = "berth leases 1";
constexpr std::string_view kNone = "-";  // an empty text

// The one behind it; the last one of all has the first behind it.
IpAddress after(const IpAddress& address) {
  std::array<std::uint8_t, 16> bytes{};
  const auto old = address.bytes();
  std::copy(old.begin(), old.end(), bytes.begin());
  for (std::size_t at = old.size(); at-- > 0;)
    if (++bytes[at] != 0) break;
  return *IpAddress::from_bytes({bytes.data(), old.size()});
}

bool fits(const LeasePool& pool, const SubnetConfig& subnet, const IpAddress& address) {
  return subnet.ip_range.value_or(subnet.subnet).contains(address) && subnet.gateway != address &&
         !pool.reserved.contains(address);
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    out.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return out;
}

// Whatever a runtime calls a thing, it is one word of the file: blanks, control characters, and what would be read as something
// else are written as a backslash and two digits of hex.
std::string word_of(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  if (text.empty()) return std::string(kNone);
  std::string out;
  for (const char each : text) {
    const auto byte = static_cast<unsigned char>(each);
    if (byte > ' ' && byte != 0x7f && each != '\\' && text != kNone)
      out += each;
    else
      out.append({'\\', kDigits[byte >> 4], kDigits[byte & 15]});
  }
  return out;
}

std::optional<std::string> text_in(std::string_view word) {
  if (word == kNone) return std::string();
  std::string out;
  for (std::size_t at = 0; at < word.size(); ++at) {
    if (word[at] != '\\') {
      out += word[at];
      continue;
    }
    unsigned byte = 0;
    const char* const digits = word.data() + at + 1;
    if (word.size() - at < 3 || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) return {};
    out += static_cast<char>(byte);
    at += 2;
  }
  return out;
}

std::optional<std::pair<LeaseKey, Lease>> lease_in(std::string_view line) {
  const auto words = words_of(line);
  if (words.size() < 10 || words[0] != "lease") return {};
  const auto network = text_in(words[1]), runtime = text_in(words[2]), id = text_in(words[3]), path = text_in(words[8]);
  if (!network || !runtime || !id || !path) return {};
  const auto created = parse_number<std::int64_t>(words[4]), given = parse_number<std::int64_t>(words[5]),
             released = parse_number<std::int64_t>(words[6]);
  const auto netns = parse_number<std::uint64_t>(words[7]);
  if (!created || !given || !released || !netns) return {};
  std::pair<LeaseKey, Lease> out{{*network, {*runtime, *id}, *created}, {{}, *given, *released, *netns, *path}};
  for (std::size_t at = 9; at < words.size(); ++at) {
    const auto address = IpAddress::parse(words[at]);
    if (!address) return {};
    out.second.addresses.push_back(*address);
  }
  return out;
}

}  // namespace

void LeaseBook::drop(std::map<LeaseKey, Lease>::iterator lease) {
  for (const IpAddress& each : lease->second.addresses) taken_.erase(each);
  leases_.erase(lease);
}

void LeaseBook::forget_rested(std::int64_t now) {
  for (auto each = leases_.begin(); each != leases_.end();) {
    const auto lease = each++;
    const std::int64_t released = lease->second.released;
    // A clock that was set back must not make an address rest for ever.
    if (released != 0 && (now - released >= kLeaseRests || now < released)) drop(lease);
  }
}

Result<IpAddress> LeaseBook::free_address(const LeasePool& pool, const SubnetConfig& subnet) const {
  const Prefix range = subnet.ip_range.value_or(subnet.subnet);
  const IpAddress last = range.last();
  for (IpAddress each = range.address();; each = after(each)) {
    // Each round passes one that is taken, reserved or at an edge: bounded by how many there are of these.
    if (!taken_.contains(each) && !pool.reserved.contains(each) && !pool.taken.contains(each) &&
        subnet.gateway != each && !is_subnet_edge(subnet.subnet, each))
      return each;
    if (each == last) break;
  }
  const auto resting = std::count_if(leases_.begin(), leases_.end(), [&](const auto& each) {
    return each.first.network == pool.network && each.second.released != 0;
  });
  return permanent("no address is left in " + range.to_string() + " of network " + pool.network +
                       (resting ? "; " + std::to_string(resting) + " rest before they are handed out again" : ""),
                   "a wider ip-range, in berthd.conf; berthctl -c 'show leases' tells who has them");
}

bool LeaseBook::keeps(const LeasePool& pool, const LeaseKey& key) const {
  const auto has = leases_.find(key);
  if (has == leases_.end()) return true;
  return std::ranges::all_of(has->second.addresses, [&](const IpAddress& address) {
    return std::ranges::any_of(pool.subnets, [&](const SubnetConfig& each) { return fits(pool, each, address); });
  });
}

Result<Lease> LeaseBook::take(const LeasePool& pool, const LeaseKey& key, std::int64_t now) {
  if (pool.subnets.empty()) return permanent("network " + pool.network + " has no subnet");
  forget_rested(now);
  const auto has = leases_.find(key);
  Lease lease = has == leases_.end() ? Lease{{}, now} : has->second;
  lease.released = 0;
  lease.addresses.clear();
  // What it has and may keep it keeps; nothing is taken from it before there is something in its place.
  for (const SubnetConfig& subnet : pool.subnets) {
    const auto old = has == leases_.end() ? std::vector<IpAddress>() : has->second.addresses;
    const auto kept = std::ranges::find_if(old, [&](const auto& each) { return fits(pool, subnet, each); });
    auto address = kept != old.end() ? Result<IpAddress>(*kept) : free_address(pool, subnet);
    if (!address) return address.error();
    lease.addresses.push_back(*address);
  }
  if (has != leases_.end()) {
    Lease rest = has->second;
    std::erase_if(rest.addresses, [&](const IpAddress& each) { return std::ranges::count(lease.addresses, each) > 0; });
    drop(has);
    if (!rest.addresses.empty()) put_to_rest(key, std::move(rest), now);
  }
  for (const IpAddress& each : lease.addresses) taken_.emplace(each, key);
  return leases_.emplace(key, std::move(lease)).first->second;
}

// What it gave up and others may still have in their tables: a lease of nobody who runs.
void LeaseBook::put_to_rest(LeaseKey key, Lease rest, std::int64_t now) {
  key.created = -1;
  while (leases_.contains(key)) --key.created;
  rest.released = now;
  for (const IpAddress& each : rest.addresses) taken_.emplace(each, key);
  leases_.emplace(std::move(key), std::move(rest));
}

bool LeaseBook::used_in(const LeaseKey& key, std::uint64_t netns, const std::string& path) {
  const auto lease = leases_.find(key);
  if (lease == leases_.end() || (lease->second.netns == netns && lease->second.netns_path == path)) return false;
  lease->second.netns = netns;
  lease->second.netns_path = path;
  return true;
}

void LeaseBook::release(const LeaseKey& key, std::int64_t now) {
  if (const auto lease = leases_.find(key); lease != leases_.end() && lease->second.released == 0)
    lease->second.released = now;
}

std::string LeaseBook::text() const {
  std::string out(kForm);
  out += '\n';
  for (const auto& [key, lease] : leases_) {
    out += "lease " + word_of(key.network) + " " + word_of(key.container.runtime) + " " + word_of(key.container.id) +
           " " + std::to_string(key.created) + " " + std::to_string(lease.given) + " " +
           std::to_string(lease.released) + " " + std::to_string(lease.netns) + " " + word_of(lease.netns_path);
    for (const IpAddress& each : lease.addresses) out += " " + each.to_string();
    out += '\n';
  }
  return out;
}

Result<LeaseBook> LeaseBook::parse(std::string_view text) {
  LeaseBook out;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto wrong = [&](const std::string& what) {
      return permanent("line " + std::to_string(number) + " " + what,
                       "mend that line, or take it out if its container is gone");
    };
    if (++number == 1) {
      if (line != kForm) return wrong("is not \"" + std::string(kForm) + "\"");
      continue;
    }
    auto lease = lease_in(line);
    if (!lease) return wrong("is no lease");
    for (const IpAddress& each : lease->second.addresses)
      if (!out.taken_.emplace(each, lease->first).second) return wrong("gives " + each.to_string() + " a second time");
    if (!out.leases_.insert(std::move(*lease)).second) return wrong("is a second one of its container");
  }
  return out;
}

}  // namespace berth
