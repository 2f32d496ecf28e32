// SPDX-License-Identifier: GPL-2.0-or-later
//
// Fields of Docker's JSON, read with tolerance: what is missing or of another type is as if it were empty. Pure; any thread.
// A view is into the value that it was taken of. Private to docker/.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/facts.h"

namespace berth {

inline constexpr std::size_t kLongestText = 256;

const boost::json::value& field(const boost::json::value& value, std::string_view key);
std::string_view text_of(const boost::json::value& value);
std::string_view id_of(const boost::json::value& value);  // empty where it is longer than any id
std::int64_t number_of(const boost::json::value& value);
std::optional<IpAddress> address_of(const boost::json::value& value);  // "10.0.0.2/24": the address alone
// Docker's options or labels whose name begins so: a bounded number of bounded length, the rest is counted in `cut`.
std::map<std::string, std::string> texts_of(const boost::json::value& value, std::string_view prefix,
                                            std::uint64_t& cut);

}  // namespace berth
