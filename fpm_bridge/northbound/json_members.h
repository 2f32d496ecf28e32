// SPDX-License-Identifier: GPL-2.0-or-later
//
// Members of FRR's JSON, as it has them or not: what is not there, or is of another kind, is empty. Pure.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace berth {

inline const boost::json::value* json_member(const boost::json::value* of, std::string_view key) {
  return of && of->is_object() ? of->as_object().if_contains(key) : nullptr;
}

inline const boost::json::array& json_list(const boost::json::value* of, std::string_view key) {
  static const boost::json::array kNone;
  const boost::json::value* value = json_member(of, key);
  return value && value->is_array() ? value->as_array() : kNone;
}

inline std::string json_text(const boost::json::value& of, std::string_view key) {
  const boost::json::value* value = json_member(&of, key);
  return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

inline std::uint32_t json_number(const boost::json::value& of, std::string_view key, std::uint32_t otherwise = 0) {
  const boost::json::value* value = json_member(&of, key);
  boost::system::error_code error;
  const auto out = value ? value->to_number<std::uint32_t>(error) : otherwise;
  return error ? otherwise : out;
}

inline bool json_yes(const boost::json::value& of, std::string_view key) {
  const boost::json::value* value = json_member(&of, key);
  return value && value->is_bool() && value->as_bool();
}

}  // namespace berth
