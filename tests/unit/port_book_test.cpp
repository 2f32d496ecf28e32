// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which endpoints are closed by the firewall, of those that there are.
#include "container_watcher/attach/port_book.h"

#include <gtest/gtest.h>

namespace berth {
namespace {

ContainerFact container(const std::string& id, const std::vector<std::string>& addresses) {
  ContainerFact out;
  out.key = {"docker", id};
  out.name = "the-" + id;
  EndpointFact endpoint{id + "-ep", "blue", "net1", "", {}};
  for (const std::string& each : addresses) endpoint.addresses.push_back(*IpAddress::parse(each));
  out.endpoints = {endpoint};
  return out;
}

class ClosedEndpoints : public testing::Test {
 protected:
  ClosedEndpoints() {
    NetworkConfig blue;
    blue.name = "blue";
    book.set_networks({{"blue", blue}});
  }
  std::map<EndpointKey, Problem> closed(const std::vector<std::string>& prefixes) {
    std::vector<std::pair<Prefix, Problem>> all;
    for (const std::string& each : prefixes) {
      const Prefix prefix = *Prefix::parse(each);
      all.emplace_back(prefix,
                       Problem{"firewall-drops", "dropped", "do", true, prefix.is_v4() ? Family::V4 : Family::V6});
    }
    none_left.clear();
    return book.closed("blue", all, &none_left);
  }
  PortBook book;
  std::map<Family, Problem> none_left;
};

TEST_F(ClosedEndpoints, AreThoseOfTheAddressAndNoOthers) {
  book.upsert(container("a", {"10.10.1.2", "fd00:10::2"}));
  book.upsert(container("b", {"10.10.1.3", "fd00:10::3"}));
  const auto found = closed({"10.10.1.2/32"});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.begin()->first.container.id, "a");
  EXPECT_EQ(found.begin()->second.family, Family::V4);
  EXPECT_NE(found.begin()->second.text.find("10.10.1.2 of the-a"), std::string::npos);
  EXPECT_TRUE(none_left.empty()) << "b is reached";
  EXPECT_TRUE(closed({}).empty());
}

TEST_F(ClosedEndpoints, OfAllContainersMakeAClosedFamily) {
  book.upsert(container("a", {"10.10.1.2", "fd00:10::2"}));
  book.upsert(container("b", {"10.10.1.3", "fd00:10::3"}));
  EXPECT_EQ(closed({"10.10.1.2/31"}).size(), 2u);
  ASSERT_EQ(none_left.size(), 1u);
  EXPECT_EQ(none_left.begin()->first, Family::V4);
  book.remove({"docker", "b"});
  EXPECT_EQ(closed({"fd00:10::2/128", "10.10.1.2/32"}).begin()->second.family, Family::Both);
}

TEST_F(ClosedEndpoints, OfAnEmptyNetworkAreNone) {
  EXPECT_TRUE(closed({"10.10.1.0/24"}).empty());
  EXPECT_TRUE(none_left.empty());
}

}  // namespace
}  // namespace berth
