// SPDX-License-Identifier: GPL-2.0-or-later
//
// berthd -f FILE [-C | --sweep[=WAY] [--after_grace_time]] [--vty_socket PATH]. SIGHUP reads the file again; SIGUSR1 logs what is
// advertised; SIGTERM stops, routes stay for the grace time.
#include <getopt.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

#include "daemon/app.h"
#include "daemon/config/config_file.h"
#include "daemon/config/file_access.h"
#include "daemon/log.h"
#include "daemon/sweep.h"

namespace {

constexpr int kLarge = 256 * 1024;                    // bytes
constexpr auto kLastWords = std::chrono::seconds(1);  // for the log at the end
constexpr auto kSweepAgain = std::chrono::seconds(5);

constexpr const char* kUsage =
    "usage: berthd [-f FILE] [-C | --sweep[=WAY] [--after_grace_time]] [--vty_socket PATH]\n"
    "  -f, --config_file FILE  configuration (/etc/frr/berthd.conf)\n"
    "  -C, --dryrun            check the configuration and exit\n"
    "      --sweep[=WAY]       take out of FRR what a berthd that was stopped left there, and exit; WAY: by which way "
    "into\n"
    "                          zebra it came, where the configuration says another by now (northbound, socket)\n"
    "      --after_grace_time  sweep when zebra grace-time has passed, as zebra's module does by itself\n"
    "      --vty_socket PATH   the shell's socket, whatever the configuration says (/run/frr/berthd.vty)\n"
    "  -v, --version           print the version\n"
    "  -h, --help              this text\n";

berth::Result<berth::Config> load(const std::string& path, berth::ReadFrom from) {
  const auto text = berth::read_file(path, from);
  if (!text) return berth::permanent("berthd: can't read " + text.error().message + "; " + text.error().remedy + "\n");
  return berth::parse_config(*text, path);
}

// `later`: when the grace time has passed, and until it is done.
int sweep(const berth::Config& config, const std::string& way, const std::string& vty_socket, bool later) {
  if (later && (way.empty() ? config.zebra.way : way) == "socket") {
    std::puts("nothing to do: zebra's module counts the grace time itself");
    return 0;
  }
  if (later) std::this_thread::sleep_for(std::chrono::seconds(config.zebra.grace_seconds));
  for (;;) {
    const auto swept = berth::sweep(config, way, vty_socket);
    if (swept) {
      std::printf("%u routes taken out of FRR\n", *swept);
      return 0;
    }
    std::fprintf(stderr, "berthd: %s%s%s\n", swept.error().message.c_str(), swept.error().remedy.empty() ? "" : "; ",
                 swept.error().remedy.c_str());
    // FRR may be starting, or somebody may hold its configuration.
    if (!later || swept.error().kind != berth::ErrorKind::Transient) return 1;
    std::this_thread::sleep_for(kSweepAgain);
  }
}

int run(const berth::Config& config, const std::string& path, const std::string& vty_socket, berth::Log& log) {
  boost::asio::io_context io(1);
  berth::App app(
      io, config,
      {path, vty_socket, [&](const berth::LogConfig& wanted) { log.set(wanted); }, [&] { return log.dropped(); }});
  boost::asio::signal_set signals(io, SIGTERM, SIGINT, SIGHUP);
  signals.add(SIGUSR1);
  std::function<void()> wait = [&] {
    signals.async_wait([&](boost::system::error_code error, int signal) {
      if (error) return;
      if (signal == SIGUSR1) {
        app.tell();
      } else if (signal == SIGHUP) {
        const auto again = load(path, berth::ReadFrom::File);
        if (again)
          app.reload(*again);
        else
          spdlog::error("the configuration stays as it was:\n{}", again.error().message);
      } else {
        berth::notice("berthd stops; routes that are not withdrawn stay{}",
                      config.zebra.way == "socket" ? " for the grace time" : ": berthd --sweep takes them out");
        app.finish([&] {
          app.stop();
          io.stop();
        });
        return;
      }
      wait();
    });
  };
  wait();
  if (!app.start()) return 1;
  io.run();
  io.restart();
  io.run_for(std::chrono::seconds(1));  // what was under way ends while those it belongs to are there
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  static const option kOptions[] = {{"config_file", required_argument, nullptr, 'f'},
                                    {"dryrun", no_argument, nullptr, 'C'},
                                    {"sweep", optional_argument, nullptr, 'S'},
                                    {"after_grace_time", no_argument, nullptr, 'g'},
                                    {"vty_socket", required_argument, nullptr, 's'},
                                    {"version", no_argument, nullptr, 'v'},
                                    {"help", no_argument, nullptr, 'h'},
                                    {nullptr, 0, nullptr, 0}};
  std::string path = "/etc/frr/berthd.conf", vty_socket, way;
  bool check = false, sweeps = false, later = false;
  for (int option; (option = getopt_long(argc, argv, "f:Cvh", kOptions, nullptr)) != -1;) {
    switch (option) {
      case 'f': path = optarg; break;
      case 'C': check = true; break;
      case 'S': sweeps = true, way = optarg ? optarg : ""; break;
      case 'g': later = true; break;
      case 's': vty_socket = optarg; break;
      case 'v': std::puts("berthd " BERTH_VERSION); return 0;
      case 'h': std::fputs(kUsage, stdout); return 0;
      default: std::fputs(kUsage, stderr); return 2;
    }
  }
  if (optind < argc) {
    std::fprintf(stderr, "unexpected argument: %s\n%s", argv[optind], kUsage);
    return 2;
  }
  if (later && !sweeps) {
    std::fprintf(stderr, "--after_grace_time belongs to --sweep\n%s", kUsage);
    return 2;
  }
  // `berthd -C -f /dev/stdin` and the shell's <(…); elsewhere -C takes what a start would take.
  const bool stream = check && path.starts_with("/dev/");
  const auto config = load(path, stream ? berth::ReadFrom::AnyStream : berth::ReadFrom::File);
  if (!config) {
    std::fputs(config.error().message.c_str(), stderr);
    return 1;
  }
  if (check) {
    std::puts("configuration OK");
    return 0;
  }
  if (sweeps) return sweep(*config, way, vty_socket, later);
  // What is large comes and goes: an answer of Docker's, a show of all routes. It gets pages of its own, which go back when it
  // does; the allocator would learn to keep them (mallopt(3), M_MMAP_THRESHOLD).
  mallopt(M_MMAP_THRESHOLD, kLarge);
  std::signal(SIGPIPE, SIG_IGN);  // a log whose reader is gone is no reason to end
  berth::Log log;
  log.set(config->log);
  const int status = run(*config, path, vty_socket, log);
  // A log that nobody reads holds a thread, and that thread the lock of stderr. Nobody can wait for either, and _exit is
  // no way past them where a sanitizer has put its own in its place: ThreadSanitizer's flushes stderr first.
  if (!log.end(kLastWords)) syscall(SYS_exit_group, status);
  return status;
}
