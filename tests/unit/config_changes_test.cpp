// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/config_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/config/config_file.h"

namespace berth {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

Config config_of(const std::string& more) {
  const auto config = parse_config("runtime docker unix:/nowhere/a\n" + more, "f");
  EXPECT_TRUE(config) << config.error().message;
  return *config;
}

TEST(ConfigChanges, NameWhatIsDifferentAndNothingElse) {
  const std::string blue = "network blue\n subnet 10.10.1.0/24\n advertise host\n tag 100\n";
  const std::string red = "network red\n subnet 10.20.1.0/24\n";
  const Config before = config_of("hostname one\nlog syslog\n" + blue + red);
  EXPECT_EQ(config_changes(before, before), "");
  EXPECT_EQ(config_changes(before, config_of("hostname one\nlog syslog\n" + red + blue)), "") << "in another order";
  EXPECT_EQ(config_changes(before, config_of("hostname two\nlog stderr\nlimit routes 7\n" + blue + red)),
            "-hostname one; +hostname two; +limit routes 7; -log syslog informational; +log stderr informational");
  EXPECT_EQ(config_changes(before, config_of("hostname one\nlog syslog\n" + blue + " tag 200\n mtu 1400\n" +
                                             "network green\n subnet 10.30.1.0/24\n")),
            "network red removed; network blue: +mtu 1400 -tag 100 +tag 200; network green added");
}

// Every line that the configuration can have is a change when it comes and when it goes.
TEST(ConfigChanges, ForgetNoSetting) {
  for (const char* line : {"hostname h\n", "log stderr errors\n", "log syslog\n", "zebra socket /nowhere/z\n",
                           "zebra grace-time 7\n", "vty socket /nowhere/v\n", "vty clients 3\n", "limit routes 7\n",
                           "fabric 10.0.0.0/8\n", "firewall patience 7\n", "zebra hold-time 7\n",
                           "runtime two docker unix:/nowhere/b\n", "network blue\n subnet 10.10.1.0/24\n"}) {
    EXPECT_NE(config_changes(config_of(""), config_of(line)), "") << line;
    EXPECT_NE(config_changes(config_of(line), config_of("")), "") << line;
  }
  const std::string blue = "network blue\n subnet 10.10.1.0/24\n";
  for (const char* line :
       {" docker-network other\n", " subnet fd00::/64\n", " gateway 10.10.1.1\n", " ip-range 10.10.1.128/25\n",
        " mtu 1400\n", " tag 7\n", " max-containers 7\n", " anycast\n", " allow label tag 7\n",
        " allow label network\n", " nat-check lenient\n", " runtime docker\n", " allow prefix 10.9.0.0/16 le 32\n"}) {
    EXPECT_THAT(config_changes(config_of(blue), config_of(blue + line)), StartsWith("network blue: ")) << line;
    EXPECT_THAT(config_changes(config_of(blue + line), config_of(blue)), StartsWith("network blue: ")) << line;
  }
}

TEST(ConfigChanges, StayOneLine) {
  std::string many;
  for (int n = 0; n < 200; ++n)
    many += "network n" + std::to_string(n) + "\n subnet 10.0." + std::to_string(n) + ".0/24\n";
  const std::string text = config_changes(config_of(""), config_of(many));
  EXPECT_THAT(text, EndsWith("; and 180 more"));
  EXPECT_LT(text.size(), 1000u);
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace berth
