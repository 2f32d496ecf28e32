// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/docker/docker_view.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace berth {
namespace {

std::string mode_of(const std::string& more) {
  DockerView view("docker");
  view.containers(boost::json::parse(R"([{"Id":"c1","Names":["/web"],"State":"running")" + more + "}]"));
  const RuntimeSnapshot all = view.snapshot();
  return all.containers.size() == 1 ? all.containers[0].network_mode : "(absent)";
}

// GET /containers/json as dockerd 20.10 and 28.5 answer.
TEST(DockerView, TellHowAContainerHasItsNetwork) {
  EXPECT_EQ(mode_of(R"(,"HostConfig":{"NetworkMode":"host"},"NetworkSettings":{"Networks":{"host":{}}})"), "host");
  EXPECT_EQ(mode_of(R"(,"HostConfig":{"NetworkMode":"none"},"NetworkSettings":{"Networks":{"none":{}}})"), "none");
  EXPECT_EQ(mode_of(R"(,"HostConfig":{"NetworkMode":"container:abc"},"NetworkSettings":{"Networks":{}})"),
            "container:abc");
  EXPECT_EQ(mode_of(R"(,"HostConfig":{"NetworkMode":"blue"},"NetworkSettings":{"Networks":{"none":{}}})"), "none")
      << "connected later";
  EXPECT_EQ(mode_of(R"(,"HostConfig":{"NetworkMode":"none"},"NetworkSettings":{"Networks":{"blue":{}}})"), "none");
  EXPECT_EQ(mode_of(R"(,"HostConfig":{"NetworkMode":"default"},"NetworkSettings":{"Networks":{"bridge":{}}})"),
            "default");
  for (const char* odd : {"", R"(,"HostConfig":7)", R"(,"HostConfig":{"NetworkMode":[]})",
                          R"(,"NetworkSettings":{"Networks":{"none":null}})"})
    EXPECT_EQ(mode_of(odd), "") << odd;
  EXPECT_EQ(mode_of(R"(,"HostConfig":{"NetworkMode":")" + std::string(10'000, 'x') + "\"}").size(), 256u);
}

TEST(DockerView, AnotherModeIsAChange) {
  DockerView view("docker");
  view.containers(boost::json::parse(R"([{"Id":"c1","Names":["/web"],"HostConfig":{"NetworkMode":"blue"}}])"));
  EXPECT_EQ(view.take().containers.size(), 1u);
  view.containers(boost::json::parse(R"([{"Id":"c1","Names":["/web"],"HostConfig":{"NetworkMode":"blue"}}])"));
  EXPECT_EQ(view.take().containers.size(), 0u);
  view.containers(boost::json::parse(R"([{"Id":"c1","Names":["/web"],"NetworkSettings":{"Networks":{"none":{}}}}])"));
  EXPECT_EQ(view.take().containers.size(), 1u);
}

}  // namespace
}  // namespace berth
