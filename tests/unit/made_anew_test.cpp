// SPDX-License-Identifier: GPL-2.0-or-later
//
// The commands that make a Docker network anew, as sh runs them with a docker that only writes down what it is told.
#include "container_watcher/attach/made_anew.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace berth {
namespace {

namespace fs = std::filesystem;

// `inspect` answers with what the template would make of two containers, and knows the network again at the second question.
constexpr const char* kDocker = R"sh(#!/bin/sh
case "$1 $2" in
  'ps -aq') printf 'c1\nc2\n'; exit ;;
  'inspect -f') shift 3; for c do printf 'docker network connect --ip 10.10.1.7 blue %s;' "$c"; done; exit ;;
  'network inspect') echo asked >>"$LOG.asked"; [ "$(grep -c asked "$LOG.asked")" -ge 2 ]; exit ;;
esac
printf '%s' "$1" >>"$LOG"; shift; for word do printf ' [%s]' "$word" >>"$LOG"; done; echo >>"$LOG"
[ -z "$REFUSES" ] || [ "$1" != rm ]
)sh";

class MadeAnew : public testing::Test {
 protected:
  MadeAnew() {
    std::string name = (fs::temp_directory_path() / "made_anew.XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    std::ofstream(folder_ / "docker") << kDocker;
    fs::permissions(folder_ / "docker", fs::perms::owner_all);
    std::ofstream(folder_ / "sleep") << "#!/bin/sh\n";  // nothing is waited for
    fs::permissions(folder_ / "sleep", fs::perms::owner_all);
  }
  ~MadeAnew() override { fs::remove_all(folder_); }
  // What was said to docker, a line each.
  std::string typed(const std::string& commands, const std::string& refuses = "") {
    std::ofstream(folder_ / "commands") << commands;
    const std::string at = folder_.string();
    const std::string line = "PATH=" + at + ":$PATH LOG=" + at + "/log REFUSES=" + refuses + " sh " + at + "/commands";
    static_cast<void>(std::system(line.c_str()));
    std::ifstream in(folder_ / "log");
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path folder_;
  NetworkConfig config_;
  NetworkFact fact_;
};

TEST_F(MadeAnew, BerthdMakesItsOwnAndTheContainersAreConnectedAgain) {
  config_.name = fact_.name = "blue";
  const std::string off = "network [disconnect] [-f] [blue] [c1]\nnetwork [disconnect] [-f] [blue] [c2]\n";
  const std::string on =
      "network [connect] [--ip] [10.10.1.7] [blue] [c1]\nnetwork [connect] [--ip] [10.10.1.7] [blue] [c2]\n";
  EXPECT_EQ(typed(made_anew(config_, fact_)), off + "network [rm] [blue]\n" + on);
  fs::remove(folder_ / "log");
  EXPECT_EQ(typed(made_anew(config_, fact_), "yes"), off + "network [rm] [blue]\n" + on) << "it stays: so do they";
}

TEST_F(MadeAnew, AnothersIsMadeWithWhatItHad) {
  config_.name = "violet";
  config_.docker_network = "lan";
  fact_.name = "lan";
  fact_.driver = "bridge";
  fact_.subnets = {{*Prefix::parse("10.10.1.0/24"), IpAddress::parse("10.10.1.1"), Prefix::parse("10.10.1.128/25")},
                   {*Prefix::parse("fd00:1::/64"), {}, {}}};
  fact_.options = {{"com.docker.network.bridge.name", "br-lan"},
                   {"com.docker.network.bridge.enable_ip_masquerade", "true"}};
  fact_.labels = {{"who", "it's $HOME; \"ours\""}};
  const std::string said = typed(made_anew(config_, fact_));
  EXPECT_NE(said.find("network [rm] [lan]\n"
                      "network [create] [-d] [bridge] [--ipv6] [--subnet] [10.10.1.0/24] [--gateway] [10.10.1.1] "
                      "[--ip-range] [10.10.1.128/25] [--subnet] [fd00:1::/64] "
                      "[-o] [com.docker.network.bridge.enable_ip_masquerade=false] "
                      "[-o] [com.docker.network.bridge.gateway_mode_ipv4=nat-unprotected] "
                      "[-o] [com.docker.network.bridge.gateway_mode_ipv6=nat-unprotected] "
                      "[-o] [com.docker.network.bridge.name=br-lan] "
                      "[--label] [who=it's $HOME; \"ours\"] [lan]\n"),
            std::string::npos)
      << said;
}

TEST_F(MadeAnew, DockersDefaultBridgeCantBe) {
  config_.docker_network = fact_.name = "bridge";
  fact_.options = {{"com.docker.network.bridge.default_bridge", "true"}};
  EXPECT_EQ(made_anew(config_, fact_).find("network rm"), std::string::npos);
}

}  // namespace
}  // namespace berth
