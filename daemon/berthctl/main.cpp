// SPDX-License-Identifier: GPL-2.0-or-later
//
// berthctl: the shell. It knows no command: berthd does.
#include <getopt.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "daemon/berthctl/connection.h"
#include "daemon/berthctl/interactive.h"

namespace {

constexpr const char* kUsage =
    "usage: berthctl [--vty_socket PATH] [-c COMMAND]…\n"
    "  -c, --command COMMAND  run it and exit; may be said again, the commands run one after another\n"
    "      --vty_socket PATH  berthd's socket (/run/frr/berthd.vty), or the folder that it is in\n"
    "  -v, --version          print the version\n"
    "  -h, --help             this text\n"
    "Without -c: an interactive shell; ? lists what may come next, Tab completes.\n";

// Runs the commands; the first that fails ends it.
int run_all(berth::Connection& berthd, const std::vector<std::string>& commands) {
  int failed = 0;
  const auto run = [&](const std::string& command) {
    const auto answer = berthd.ask(command);
    if (!answer) {
      std::fprintf(stderr, "berthctl: %s\n", berthd.why().c_str());
      return failed = 1;
    }
    std::fputs(answer->text.c_str(), answer->status ? stderr : stdout);
    if (answer->status && !failed) failed = answer->status;
    return answer->status;
  };
  for (const std::string& command : commands)
    if (run(command) != 0) break;
  // What was begun under configure terminal is finished, as if `end` had been the last command. After `exit` nobody
  // is there to hear it.
  if (const auto answer = berthd.ask("end")) {
    std::fputs(answer->text.c_str(), answer->status ? stderr : stdout);
    if (answer->status && !failed) failed = answer->status;
  }
  return failed;
}

}  // namespace

int main(int argc, char** argv) {
  static const option kOptions[] = {{"command", required_argument, nullptr, 'c'},
                                    {"vty_socket", required_argument, nullptr, 's'},
                                    {"version", no_argument, nullptr, 'v'},
                                    {"help", no_argument, nullptr, 'h'},
                                    {nullptr, 0, nullptr, 0}};
  std::string path = "/run/frr/berthd.vty";
  std::vector<std::string> commands;
  for (int option; (option = getopt_long(argc, argv, "c:vh", kOptions, nullptr)) != -1;) {
    switch (option) {
      case 'c': commands.emplace_back(optarg); break;
      case 's': path = optarg; break;
      case 'v': std::puts("berthctl " BERTH_VERSION); return 0;
      case 'h': std::fputs(kUsage, stdout); return 0;
      default: std::fputs(kUsage, stderr); return 2;
    }
  }
  if (optind < argc) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  berth::Connection berthd(path);
  if (!berthd.connected()) {
    std::fprintf(stderr, "berthctl: %s\n", berthd.why().c_str());
    return 1;
  }
  return commands.empty() ? berth::interactive(berthd) : run_all(berthd, commands);
}
