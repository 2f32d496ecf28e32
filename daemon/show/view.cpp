// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/show/view.h"

#include <cstdio>
#include <ctime>

namespace berth {

std::string rfc3339(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, size};
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
