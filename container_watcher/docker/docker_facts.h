// SPDX-License-Identifier: GPL-2.0-or-later
//
// Docker's JSON into facts. Pure, any thread; what is missing or of another type is left empty, never thrown at. Only
// labels of ours are kept, and of those a bounded number and length: an image may bring any.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "container_watcher/runtime.h"

namespace berth {

// What an event asks to look at again. Empty ids: nothing.
struct EventSubject {
  std::string network, container;
  bool all = false;            // it names nothing that could be looked at alone
  std::int64_t time_nano = 0;  // Docker's clock
};
EventSubject subject_of(const boost::json::value& event);
// `cut`: grows by what was left out for its size.
NetworkFact network_fact(std::string_view runtime, const boost::json::value& network, std::uint64_t* cut = nullptr);
// GET /networks: those that may have endpoints with addresses. nullopt: it is no list of networks.
std::optional<std::vector<NetworkFact>> networks_of(const std::string& runtime, const boost::json::value& list);
std::size_t containers_of(const boost::json::value& network);  // how many endpoints GET /networks/{id} tells of

}  // namespace berth
