// SPDX-License-Identifier: GPL-2.0-or-later
//
// Errors as values. Pure; any thread.
//
// The kind says what to do with a failure (DESIGN, law 5): try again, look again, or show it and wait for the
// operator. A bug is not an Error: it aborts.
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace berth {

enum class ErrorKind {
  Transient,  // try again with back-off
  Stale,      // our picture is old: look again first
  Permanent,  // show it; only a change of configuration helps
};

struct Error {
  ErrorKind kind = ErrorKind::Transient;
  std::string message;  // what happened, for an operator
  std::string remedy;   // what to do next; may be empty
};

inline Error transient(std::string message) {
  return {ErrorKind::Transient, std::move(message), {}};
}
inline Error stale(std::string message) {
  return {ErrorKind::Stale, std::move(message), {}};
}
inline Error permanent(std::string message, std::string remedy = {}) {
  return {ErrorKind::Permanent, std::move(message), std::move(remedy)};
}

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return state_.index() == 0; }
  bool ok() const { return state_.index() == 0; }
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return !failed_; }
  bool ok() const { return !failed_; }
  const Error& error() const {
    assert(failed_);
    return error_;
  }

 private:
  Error error_;
  bool failed_ = false;
};

using Status = Result<void>;

}  // namespace berth
