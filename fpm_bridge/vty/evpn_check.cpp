// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/vty/evpn_check.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <optional>
#include <utility>

#include "fpm_bridge/vty/frr_shell.h"

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;

namespace berth {
namespace {

constexpr auto kPatience = 2s;
constexpr auto kSoon = 2s;    // while something is missing: it is being set, or bgpd starts
constexpr auto kLater = 30s;  // else

std::optional<json::object> object_in(const std::string& text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_object()) return {};
  return value.as_object();
}

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (!value) return {};
  if (value->is_string()) return std::string(value->as_string());
  boost::system::error_code error;
  const auto number = value->to_number<std::uint64_t>(error);
  return error ? std::string() : std::to_string(number);
}

Problem told(std::string code, std::string text, std::string remedy) {
  return {std::move(code), std::move(text), std::move(remedy), false};
}

// `as`: bgpd's; empty: it is not known.
std::string typed(const std::string& as, const std::string& line) {
  return "vtysh -c 'configure terminal' -c 'router bgp" + (as.empty() ? "" : " " + as) +
         "' -c 'address-family l2vpn evpn' -c '" + line + "'";
}

// bgpd that knows no IPv6 underlay tells the others its router id, where there is no tunnel.
std::optional<Problem> elsewhere(std::uint32_t vni, const IpAddress& vtep, const std::string& originator) {
  const auto at = IpAddress::parse(originator);
  if (!at || *at == vtep) return {};
  const bool other_family = at->is_v4() != vtep.is_v4();
  return told("evpn-vtep",
              "bgpd tells the other hosts that this one is at " + originator + ", and the tunnel of VNI " +
                  std::to_string(vni) + " is at " + vtep.to_string() + ": what they send does not arrive" +
                  (other_family ? "; this FRR knows no IPv6 underlay" : ""),
              other_family ? "vtep ADDRESS, in that network of berthd.conf, with an IPv4 address of this host that the "
                             "fabric is told of; or "
                             "an FRR that knows an IPv6 underlay, as 10.7 does"
                           : "vtysh -c 'show evpn vni " + std::to_string(vni) + "'");
}

}  // namespace

std::vector<Problem> judge_evpn(std::uint32_t vni, const std::optional<IpAddress>& vtep,
                                const Result<std::string>& vnis, const Result<std::string>& summary) {
  for (const Result<std::string>* each : {&vnis, &summary})
    if (!*each)
      return {told("evpn-unknown", "it is not known what bgpd tells of the segment: " + each->error().message,
                   each->error().remedy.empty() ? "systemctl status frr" : each->error().remedy)};
  const auto segments = object_in(*vnis), peers = object_in(*summary);
  const std::string as = peers ? text_of(*peers, "as") : "";
  if (!segments || text_of(*segments, "advertiseAllVnis") != "Enabled")
    return {told("evpn-off", "bgpd tells other hosts of no segment: advertise-all-vni is not set",
                 typed(as, "advertise-all-vni"))};
  std::vector<Problem> out;
  const json::value* segment = segments->if_contains(std::to_string(vni));
  if (!segment)
    out.push_back(told("evpn-vni", "bgpd does not know the segment yet", "vtysh -c 'show evpn vni'"));
  else if (segment->is_object() && vtep)
    if (auto problem = elsewhere(vni, *vtep, text_of(segment->as_object(), "originatorIp"))) out.push_back(*problem);
  std::size_t there = 0, up = 0;
  if (peers)
    if (const json::value* all = peers->if_contains("peers"); all && all->is_object())
      for (const auto& [name, each] : all->as_object()) {
        ++there;
        up += each.is_object() && text_of(each.as_object(), "state") == "Established";
      }
  if (there == 0)
    out.push_back(told("evpn-no-neighbour", "no neighbour of bgpd's is told of segments",
                       typed(as, "neighbor NEIGHBOUR activate") + ", with each neighbour or its peer-group"));
  else if (up == 0)
    out.push_back(told("evpn-no-neighbour", "none of the neighbours that bgpd tells of segments is up",
                       "vtysh -c 'show bgp l2vpn evpn summary'"));
  for (const json::object* at : {&*segments, segment && segment->is_object() ? &segment->as_object() : nullptr})
    if (at && (text_of(*at, "advertiseSviMacIp") == "Enabled" || text_of(*at, "advertiseSviMacip") == "Enabled" ||
               text_of(*at, "advertiseSviMacIp") == "Yes")) {
      out.push_back(told("evpn-svi-ip",
                         "bgpd tells the gateway's address (advertise-svi-ip), which every host has: to the others it "
                         "moves from host to host, until it is taken for a duplicate",
                         typed(as, "no advertise-svi-ip")));
      break;
    }
  return out;
}

struct EvpnCheck::State : std::enable_shared_from_this<State> {
  State(asio::io_context& io, std::string the_folder, Listener the_listener)
      : timer(io), folder(std::move(the_folder)), listener(std::move(the_listener)) {}
  asio::steady_timer timer;
  const std::string folder;
  const Listener listener;
  Segments segments;
  Problems told;
  bool runs = false, stopped = false;

  // Until nothing is wanted, or stop().
  static asio::awaitable<void> run(std::shared_ptr<State> self) {
    while (!self->stopped && !self->segments.empty()) {
      const std::string bgpd = self->folder + "/bgpd.vty";
      const auto vnis = co_await ask_frr(bgpd, "show bgp l2vpn evpn vni json", kPatience);
      const auto summary = co_await ask_frr(bgpd, "show bgp l2vpn evpn summary json", kPatience);
      if (self->stopped) break;
      Problems found;
      bool lacking = false;
      for (const auto& [vni, vtep] : self->segments) {
        found[vni] = judge_evpn(vni, vtep, vnis, summary);
        lacking = lacking || !found[vni].empty();
      }
      if (found != self->told) {
        self->told = found;
        self->listener(self->told);
      }
      self->timer.expires_after(lacking ? kSoon : kLater);
      co_await self->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    self->runs = false;
  }
};

EvpnCheck::EvpnCheck(asio::io_context& io, const std::string& folder, Listener listener)
    : state_(std::make_shared<State>(io, folder, std::move(listener))) {}

EvpnCheck::~EvpnCheck() {
  stop();
}

void EvpnCheck::want(Segments segments) {
  if (state_->stopped || state_->segments == segments) return;
  state_->segments = std::move(segments);
  state_->timer.cancel();
  if (state_->segments.empty() || std::exchange(state_->runs, true)) return;
  asio::co_spawn(state_->timer.get_executor(), State::run(state_), asio::detached);
}

void EvpnCheck::stop() {
  state_->stopped = true;
  state_->timer.cancel();
}

}  // namespace berth
