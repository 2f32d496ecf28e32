// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/problem_log.h"

#include <utility>

#include "daemon/log.h"

namespace berth {

void ProblemLog::tell(const std::string& subject, const std::vector<Problem>& now) {
  const auto of_family = [&](Family family) {
    return family == Family::Both ? subject : subject + ", " + std::string(to_string(family));
  };
  std::set<Key> last;
  for (const Problem& each : now)
    if (!each.waited_for && last.emplace(each.code, each.family, each.text).second &&
        !told_[subject].contains({each.code, each.family, each.text}))
      spdlog::warn("{}: {}{}", of_family(each.family), each.text, each.remedy.empty() ? "" : " (" + each.remedy + ")");
  for (const auto& [code, family, text] : told_[subject])
    if (!last.contains({code, family, text})) notice("{}: over: {}", of_family(family), text);
  if (last.empty())
    told_.erase(subject);
  else
    told_[subject] = std::move(last);
}

}  // namespace berth
