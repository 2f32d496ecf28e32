// SPDX-License-Identifier: GPL-2.0-or-later
//
// Lines out of a client's bytes, however they are cut: each ends with a zero byte. Keeps no more than a line may have. Pure;
// one thread.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace berth {

class LineReader {
 public:
  explicit LineReader(std::size_t most) : most_(most) {}

  enum class Found { More, Line, TooLong };
  // Takes from the front of `bytes`, up to the next line's end. After TooLong there is nothing to go on with.
  Found take(std::string_view& bytes) {
    if (whole_) line_.clear();
    const std::size_t end = std::min(bytes.find('\0'), bytes.size());
    whole_ = end < bytes.size();
    if (line_.size() + end > most_) return Found::TooLong;
    line_ += bytes.substr(0, end);
    bytes.remove_prefix(whole_ ? end + 1 : end);
    return whole_ ? Found::Line : Found::More;
  }
  const std::string& line() const { return line_; }

 private:
  std::size_t most_;
  std::string line_;
  bool whole_ = false;
};

}  // namespace berth
