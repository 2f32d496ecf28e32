// SPDX-License-Identifier: GPL-2.0-or-later
//
// FRR's daemons as they are installed, with sockets of their own: a path space, which every release has. In a network namespace of the
// test's own. BERTH_FRR_ROOT: a folder with another release's root in it, whose FRR is to be tried.
#pragma once

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/rib.h"
#include "daemon/berthctl/connection.h"

namespace berth {

inline void run(const std::string& command) {
  if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
}

class RealFrr {
 public:
  // A namespace of this process's own, with a bridge that has carrier.
  static bool own_namespace() {
    return unshare(CLONE_NEWNET) == 0 &&
           std::system(
               "ip link set lo up && ip link add br-blue type bridge && ip link add p0 type veth peer name p1 && "
               "ip link set p0 master br-blue && ip link set p1 up && ip link set p0 up && ip link set br-blue up && "
               "ip addr add 10.10.1.1/24 dev br-blue") == 0;
  }
  RealFrr() : space_("berth-sink-" + std::to_string(getpid())) {
    for (const std::string& each : {folder(), root() + "/var/lib/frr/" + space_, root() + "/etc/frr/" + space_})
      run("mkdir -p " + each + " && chown " + frr() + " " + each);
  }
  RealFrr(const RealFrr&) = delete;
  RealFrr& operator=(const RealFrr&) = delete;
  ~RealFrr() {
    end();
    for (const std::string& each : {folder(), root() + "/var/lib/frr/" + space_, root() + "/etc/frr/" + space_})
      std::filesystem::remove_all(each);
  }
  std::string folder() const { return root() + "/run/frr/" + space_; }
  static bool has(const std::string& daemon) { return std::filesystem::exists(root() + "/usr/lib/frr/" + daemon); }

  // What routes need, without a module: each with what it is by itself.
  void begin_static() {
    if (has("mgmtd")) begin("mgmtd");
    begin("zebra", {"-f", "/dev/null"}, "zserv.api");
    begin("staticd");
  }

  // Returns when it answers at its shell, and has that socket besides.
  void begin(const std::string& daemon, std::vector<std::string> options = {}, const std::string& socket = ".") {
    if (options.empty() && daemon != "mgmtd" && !(daemon == "staticd" && has("mgmtd"))) options = {"-f", "/dev/null"};
    std::vector<std::string> words = {"/usr/lib/frr/" + daemon, "-N", space_, "--log",
                                      "file:/run/frr/" + space_ + "/log"};
    words.insert(words.end(), options.begin(), options.end());
    const pid_t pid = fork();
    if (pid == 0) {
      std::vector<char*> argv;
      for (std::string& each : words) argv.push_back(each.data());
      argv.push_back(nullptr);
      if (root().empty() || (chroot(root().c_str()) == 0 && chdir("/") == 0)) execv(argv.front(), argv.data());
      _exit(127);
    }
    pids_[daemon] = pid;
    for (const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
         !std::filesystem::exists(folder() + "/" + socket) ||
         !Connection(folder() + "/" + daemon + ".vty", std::chrono::seconds(20)).connected();) {
      if (std::chrono::steady_clock::now() > until) throw std::runtime_error(daemon + " does not start");
      usleep(20'000);
    }
  }
  void kill_one(const std::string& daemon) {
    const auto at = pids_.extract(daemon);
    kill(at.mapped(), SIGKILL);
    waitpid(at.mapped(), nullptr, 0);
  }
  void hang(const std::string& daemon) { kill(pids_.at(daemon), SIGSTOP); }
  void go_on(const std::string& daemon) { kill(pids_.at(daemon), SIGCONT); }
  // All of them, and what they left in the kernel.
  void end() {
    while (!pids_.empty()) kill_one(pids_.begin()->first);
    for (const auto& each : std::filesystem::directory_iterator(folder())) std::filesystem::remove(each.path());
    // Routes go with their nexthop objects: to take those out by themselves is more than an older ip can.
    run("ip nexthop flush >/dev/null 2>&1; for each in 196 200; do ip route flush table main proto $each 2>/dev/null; "
        "done; true");
  }
  // Those of the RIB that bear a tag.
  std::map<RibKey, std::uint32_t> routes(const std::string& type) const {
    Connection vty(folder() + "/zebra.vty", std::chrono::seconds(20));
    const auto answer = vty.ask("show ip route " + type + " json");
    if (!answer) throw std::runtime_error(vty.why());
    boost::system::error_code error;
    const boost::json::value routes = boost::json::parse(answer->text, error);
    std::map<RibKey, std::uint32_t> out;
    if (error || !routes.is_object()) return out;
    for (const auto& [prefix, entries] : routes.as_object())
      for (const boost::json::value& each : entries.as_array())
        if (const boost::json::value* tag = each.as_object().if_contains("tag"))
          out[{RibKind::Route, *Prefix::parse(prefix)}] = tag->to_number<std::uint32_t>();
    return out;
  }

 private:
  // The owner's numbers are those of that root.
  static std::string root() {
    const char* folder = std::getenv("BERTH_FRR_ROOT");
    return folder ? folder : "";
  }
  static std::string frr() {
    return root().empty() ? "frr:frr" : "$(chroot " + root() + " id -u frr):$(chroot " + root() + " id -g frr)";
  }
  const std::string space_;
  std::map<std::string, pid_t> pids_;
};

}  // namespace berth
