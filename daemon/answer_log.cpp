// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/answer_log.h"

#include <chrono>

#include "daemon/log.h"

namespace berth {
namespace {

constexpr auto kBurst = std::chrono::seconds(1);
constexpr std::size_t kSingle = 10;  // lines about single routes in that time

bool is_refused(RibState state) {
  return state == RibState::Rejected || state == RibState::NotBest || state == RibState::Inactive ||
         state == RibState::Other;
}

std::string name_of(const RibKey& key) {
  return (key.kind == RibKind::ConnectedTag ? "subnet " : "") + key.prefix.to_string();
}

}  // namespace

void AnswerLog::tell(const RibAnswer& answer) {
  if (sum_.empty()) timer_->at(timers_.now() + kBurst, [this] { tell_sum(); });
  ++sum_[answer.state];
  const auto before = refused_.find(answer.key);
  const bool was_refused = before != refused_.end();
  if (is_refused(answer.state)) {
    const std::pair now{answer.state, answer.reason};
    if (was_refused && before->second == now) return;
    refused_[answer.key] = now;
    if (++single_ > kSingle)
      ++untold_;
    else
      return spdlog::warn("{} is {}: {}", name_of(answer.key), to_string(answer.state), answer.reason);
  } else if (was_refused && answer.state != RibState::Accepted && answer.state != RibState::Pending) {
    refused_.erase(before);
    if (++single_ <= kSingle) return spdlog::info("{} is {} now", name_of(answer.key), to_string(answer.state));
  }
  spdlog::debug("{} is {}{}{}", name_of(answer.key), to_string(answer.state), answer.reason.empty() ? "" : ": ",
                answer.reason);
}

void AnswerLog::tell_sum() {
  if (sum_.empty()) return;
  std::string text;
  for (const auto& [state, n] : sum_)
    text += (text.empty() ? "" : ", ") + std::to_string(n) + " " + std::string(to_string(state));
  spdlog::info("zebra's answers: {}", text);
  if (untold_) spdlog::warn("{} more routes that zebra does not take; see show routes", untold_);
  sum_.clear();
  single_ = untold_ = 0;
}

void AnswerLog::stop() {
  timer_->cancel();
  tell_sum();
}

}  // namespace berth
