// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/show/view.h"

#include <cstdio>
#include <ctime>

namespace berth {

std::string rfc3339(WallTime time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const std::time_t seconds = std::chrono::system_clock::to_time_t(whole);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char date[32], text[48];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(time - whole).count();
  std::snprintf(text, sizeof text, "%s.%03dZ", date, static_cast<int>(milliseconds));
  return text;
}

std::string uptime(WallTime since, WallTime now) {
  const auto seconds = std::max<long long>(0, std::chrono::duration_cast<std::chrono::seconds>(now - since).count());
  char text[48];
  if (seconds < 86400)
    std::snprintf(text, sizeof text, "%02lld:%02lld:%02lld", seconds / 3600, seconds / 60 % 60, seconds % 60);
  else if (seconds < 7 * 86400)
    std::snprintf(text, sizeof text, "%lldd%02lldh%02lldm", seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
  else
    std::snprintf(text, sizeof text, "%02lldw%lldd%02lldh", seconds / 604800, seconds / 86400 % 7, seconds / 3600 % 24);
  return text;
}

}  // namespace berth
