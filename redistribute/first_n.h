// SPDX-License-Identifier: GPL-2.0-or-later
//
// A limit that depends on what is, not on who came first: of all members the N lowest are in. Pure; the caller's thread.
// Each change costs O(log members) and tells which members went in or out; bounded by what the caller puts in.
#pragma once

#include <cstddef>
#include <set>
#include <vector>

namespace berth {

template <class T>
class FirstN {
 public:
  explicit FirstN(std::size_t limit = 0) : limit_(limit) {}

  bool admits(const T& member) const { return in_.contains(member); }
  std::size_t admitted() const { return in_.size(); }
  std::size_t size() const { return in_.size() + out_.size(); }

  // Each returns the members whose admission changed; a new member counts as having been out.
  std::vector<T> insert(const T& member) {
    if (in_.contains(member)) return {};
    out_.insert(member);
    return balance();
  }
  std::vector<T> erase(const T& member) {
    out_.erase(member);
    if (in_.erase(member) == 0) return {};
    std::vector<T> changed = balance();
    changed.push_back(member);
    return changed;
  }
  std::vector<T> set_limit(std::size_t limit) {
    limit_ = limit;
    return balance();
  }

 private:
  // Afterwards: at most limit_ are in, no one out is lower than one in, and no place is empty while someone is out.
  std::vector<T> balance() {
    std::vector<T> changed;
    while (in_.size() > limit_) {
      changed.push_back(*in_.rbegin());
      out_.insert(in_.extract(std::prev(in_.end())));
    }
    while (!out_.empty() && limit_ > 0) {
      if (in_.size() == limit_) {
        if (!(*out_.begin() < *in_.rbegin())) break;
        changed.push_back(*in_.rbegin());
        out_.insert(in_.extract(std::prev(in_.end())));
      }
      changed.push_back(*out_.begin());
      in_.insert(out_.extract(out_.begin()));
    }
    return changed;
  }

  std::size_t limit_;
  std::set<T> in_, out_;
};

}  // namespace berth
