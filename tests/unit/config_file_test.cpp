// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/config_file.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace berth {
namespace {

TEST(ConfigFile, ReadsTheExampleOfTheDesign) {
  const auto config = parse_config(
      "hostname host1\nlog syslog informational\nzebra socket /run/frr/berth.sock\nzebra grace-time 90\n"
      "runtime docker unix:/run/docker.sock\n!\nnetwork blue\n driver bridge\n subnet 10.10.1.0/24\n gateway "
      "10.10.1.1\n"
      " subnet fd00:10:1::/64\n adv both\n tag 100\n allow label advertise\nexit\n",
      "berthd.conf");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->zebra.grace_seconds, 90u);
  const NetworkConfig& blue = config->networks.at("blue");
  EXPECT_EQ(blue.advertise, Advertise::Both);
  EXPECT_EQ(blue.subnets.size(), 2u);
  EXPECT_EQ(blue.subnets[0].gateway->to_string(), "10.10.1.1");
  EXPECT_TRUE(blue.allow_labels.contains(LabelKind::Advertise));
}

TEST(ConfigFile, ShowsLineCaretAndWhatWasExpected) {
  const auto config = parse_config("hostname h\nnetwork blue\n subnet 10.10.1.7/24\n tag 0\n", "f");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message,
            "f:3: expected a prefix, A.B.C.D/M or X:X::X:X/M, without host bits\n   subnet 10.10.1.7/24\n          ^\n"
            "f:4: expected a number from 1 to 4294967295\n   tag 0\n       ^\n");
}

TEST(ConfigFile, SaysAllThatIsMissingWithTheLineOfTheNetwork) {
  const auto config = parse_config(
      "hostname h\nnetwork zoo\n advertise host\nexit\n!\n net red\n subnet 10.0.0.0/8\nnetwork blue\n subnet "
      "10.10.0.0/16\n docker-network red\n advertise subnet\nnetwork red\n mtu 1400\n",
      "f");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message,
            "f: expected a runtime (runtime docker unix:/run/docker.sock)\n"
            "f:2: expected a subnet for network zoo\n  network zoo\n          ^\n"
            "f:2: expected a tag for network zoo, since it advertises\n  network zoo\n          ^\n"
            "f:8: expected a tag for network blue, since it advertises\n  network blue\n          ^\n"
            "f:8: expected a Docker network of its own for each: blue and red name the same\n  network blue\n          "
            "^\n"
            "f:8: expected subnets that do not overlap: those of blue and red do\n  network blue\n          ^\n");
}

TEST(ConfigFile, ANetworkThatWasTakenBackBeginsAnew) {
  const auto config = parse_config(
      "runtime docker unix:/run/docker.sock\nnetwork a\nexit\nno network a\nnetwork b\n subnet 10.0.0.0/24\nnetwork "
      "a\n",
      "f");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message, "f:7: expected a subnet for network a\n  network a\n          ^\n");
}

TEST(ConfigFile, EachPairIsSaidOnce) {
  std::string text = "runtime docker unix:/run/docker.sock\n";
  for (const char* name : {"c", "a", "b"}) text += std::string("network ") + name + "\n subnet 10.0.0.0/24\n";
  const auto config = parse_config(text, "f");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message,
            "f:4: expected subnets that do not overlap: those of a and c do\n  network a\n          ^\n"
            "f:6: expected subnets that do not overlap: those of a and b do\n  network b\n          ^\n"
            "f:6: expected subnets that do not overlap: those of b and c do\n  network b\n          ^\n");
}

TEST(ConfigFile, EditorsMayWriteAByteOrderMarkAndCarriageReturns) {
  const auto config = parse_config("\xef\xbb\xbfhostname h\r\nruntime docker unix:/run/docker.sock\r\n", "f");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->hostname, "h");
  EXPECT_TRUE(parse_config("\xef\xbb\xbf! a comment\nruntime docker unix:/run/docker.sock", "f"));
  EXPECT_FALSE(parse_config("hostname h\n\xef\xbb\xbfruntime docker unix:/run/docker.sock\n", "f"))
      << "in its place only";
}

TEST(ConfigFile, TheCaretStandsUnderTheWordWhateverIsBeforeIt) {
  const auto config = parse_config("network blue\n\tsubnet\t10.10.1.7/24\n gateway \xc3\xb6 x\n tag \x1b[2J\n", "f");
  ASSERT_FALSE(config);
  EXPECT_EQ(
      config.error().message,
      "f:2: expected a prefix, A.B.C.D/M or X:X::X:X/M, without host bits\n  \tsubnet\t10.10.1.7/24\n  \t      \t^\n"
      "f:3: expected an address, A.B.C.D or X:X::X:X\n   gateway \xc3\xb6 x\n           ^\n"
      "f:4: expected text, without control characters\n   tag ?[2J\n       ^\n");
}

TEST(ConfigFile, OfManyContradictionsAHundredAreTold) {
  std::string text = "runtime docker unix:/run/docker.sock\n";
  for (int n = 0; n < 1000; ++n) text += "network n" + std::to_string(n) + "\n subnet 10.0.0.0/24\n";
  const auto config = parse_config(text, "f");
  ASSERT_FALSE(config);
  const std::string& said = config.error().message;
  EXPECT_EQ(std::count(said.begin(), said.end(), '^'), 100);
  EXPECT_NE(said.find("100 pairs that do are told here, and there are more"), std::string::npos);
}

TEST(ConfigFile, RefusesWhatCanNotBe) {
  const std::string net = "runtime docker unix:/run/docker.sock\nnetwork a\n subnet 10.0.0.0/24\n";
  ASSERT_TRUE(parse_config(net, "f"));
  EXPECT_FALSE(parse_config("network a\n subnet 10.0.0.0/24\n", "f")) << "no runtime";
  for (const std::string& text :
       {net + " advertise host\n", net + " gateway 10.0.1.1\n", net + " driver swarm\n", net + " tag 1 2\n",
        net + "network b\n subnet 10.0.0.0/8\n", std::string("network a\n"), std::string("nonsense\n"),
        std::string("runtime docker /run/docker.sock\n"), net + " gateway fd00::1\n", std::string("network\n"),
        std::string("runtime docker unix:/run/docker.sock\nnetwork a\n subnet 0.0.0.0/0\n"),
        std::string("runtime docker unix:/run/docker.sock\nnetwork a\n subnet ::/0\n")})
    EXPECT_FALSE(parse_config(text, "f")) << text;
}

}  // namespace
}  // namespace berth
