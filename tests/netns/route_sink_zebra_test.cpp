// SPDX-License-Identifier: GPL-2.0-or-later
//
// The suite of every RouteSink, over the module's client with the real module in the installed zebra, in a network namespace of
// its own. BERTH_MODULE: the module, built for this zebra.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "daemon/berthctl/connection.h"
#include "fpm_bridge/client/zebra_client.h"
#include "tests/support/route_sink_suite.h"

namespace berth {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

class RealZebra {
 public:
  RealZebra() {
    char folder[] = "/tmp/berth-sink-XXXXXX";
    if (!mkdtemp(folder)) throw std::runtime_error("mkdtemp");
    folder_ = folder;
    run("chown frr:frr " + folder_ + " && chmod 755 " + folder_);
    begin();
  }
  RealZebra(const RealZebra&) = delete;
  RealZebra& operator=(const RealZebra&) = delete;
  ~RealZebra() {
    end();
    std::filesystem::remove_all(folder_);
  }

  void start(RouteSinkListener& listener) {
    sink_ = std::make_unique<ZebraClient>(io_, ZebraConfig{"socket", folder_ + "/berth.sock", 120, 30}, listener);
    sink_->start();
  }
  RouteSink& sink() { return *sink_; }
  void stop() {
    sink_->stop();
    io_.restart();
    io_.run_for(100ms);
  }
  void far_side_restarts() {
    end();
    begin();
  }
  void turn() {
    io_.restart();
    io_.run_for(10ms);
  }
  std::map<RibKey, std::uint32_t> rib() const {
    Connection vty(folder_ + "/zebra.vty", 20s);
    const auto answer = vty.ask("show ip route openfabric json");
    if (!answer) throw std::runtime_error(vty.why());
    boost::system::error_code error;
    const json::value routes = json::parse(answer->text, error);
    std::map<RibKey, std::uint32_t> out;
    if (error || !routes.is_object()) return out;
    for (const auto& [prefix, entries] : routes.as_object())
      for (const json::value& each : entries.as_array())
        out[{RibKind::Route, *Prefix::parse(prefix)}] = each.at("tag").to_number<std::uint32_t>();
    return out;
  }

 private:
  static void run(const std::string& command) {
    if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
  }
  void begin() {
    const std::string module = std::string(std::getenv("BERTH_MODULE")) + ":" + folder_ + "/berth.sock";
    const std::string pid = folder_ + "/zebra.pid", log = "file:" + folder_ + "/zebra.log",
                      zserv = folder_ + "/zserv.api";
    zebra_ = fork();
    if (zebra_ == 0) {
      execl("/usr/lib/frr/zebra", "zebra", "-M", module.c_str(), "-i", pid.c_str(), "-z", zserv.c_str(), "--vty_socket",
            folder_.c_str(), "--log", log.c_str(), "-f", "/dev/null", nullptr);
      _exit(127);
    }
    for (const auto until = std::chrono::steady_clock::now() + 20s;
         !std::filesystem::exists(folder_ + "/berth.sock") || !Connection(folder_ + "/zebra.vty", 20s).connected();) {
      if (std::chrono::steady_clock::now() > until) throw std::runtime_error("zebra does not start");
      usleep(20'000);
    }
  }
  void end() {
    kill(zebra_, SIGKILL);
    waitpid(zebra_, nullptr, 0);
    std::filesystem::remove(folder_ + "/berth.sock");
    std::filesystem::remove(folder_ + "/zebra.vty");
    run("ip route flush table main proto 200 2>/dev/null; true");
  }

  std::string folder_;
  pid_t zebra_ = -1;
  boost::asio::io_context io_;
  std::unique_ptr<ZebraClient> sink_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Zebra, RouteSinkSuite, testing::Types<RealZebra>);

}  // namespace
}  // namespace berth

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (!std::getenv("BERTH_MODULE")) {
    std::fputs("BERTH_MODULE is not set: which module is to be tried?\n", stderr);
    return 2;
  }
  if (unshare(CLONE_NEWNET) != 0 ||
      std::system(
          "ip link set lo up && ip link add br-blue type bridge && ip link add p0 type veth peer name p1 && "
          "ip link set p0 master br-blue && ip link set p1 up && ip link set p0 up && ip link set br-blue up && "
          "ip addr add 10.10.1.1/24 dev br-blue") != 0) {
    std::perror("a network namespace with a bridge");
    return 2;
  }
  return RUN_ALL_TESTS();
}
