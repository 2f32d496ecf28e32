// SPDX-License-Identifier: GPL-2.0-or-later
//
// What FRR says at its northbound: mgmtd's frames, its configuration, zebra's RIB, lines of a shell. However the bytes are cut into reads,
// the same frames come out; a plain route that was read writes to what reads the same; what is replaced keeps what is not ours.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "fpm_bridge/northbound/mgmtd_frame.h"
#include "fpm_bridge/northbound/rib_answer.h"
#include "fpm_bridge/northbound/static_lines.h"
#include "fpm_bridge/northbound/static_yang.h"
#include "fpm_bridge/northbound/subnet_lines.h"

namespace {

using namespace berth;

void must(bool so) {
  if (!so) std::abort();
}

std::string frames(std::string_view in, std::size_t piece) {
  mgmtd::FrameReader reader;
  std::string out;
  for (std::size_t at = 0; at < in.size(); at += piece) {
    reader.feed(in.substr(at, piece));
    for (;;) {
      const auto next = reader.next();
      if (!next) return out + "error";
      if (!*next) break;
      out += std::to_string(static_cast<int>((**next).code)) + ":" + std::to_string((**next).error) + ":" +
             (**next).text + ";";
    }
  }
  return out;
}

std::string whole(const std::string& container) {
  return R"({"frr-routing:routing":{"control-plane-protocols":{"control-plane-protocol":[{"type":"frr-staticd:staticd","vrf":"default",)" +
         container.substr(1, container.size() - 2) + "}]}}}";
}

void configuration(const std::string& text) {
  const auto tree = read_static_tree(text);
  if (!tree) return;
  const StaticMark mark{15, {100, 200}};
  StaticWishes wishes;
  wishes.sweep = true;
  const StaticPlan plan = plan_static_routes(tree->routes, {}, wishes, mark, 1000);
  must(plan.add.empty());
  for (const StaticSchema schema : {StaticSchema::Nested, StaticSchema::Flat}) {
    const auto ours = read_static_tree(whole(static_merge(plan.remove, schema)));
    must(ours && ours->routes == plan.remove);
    must(static_removals(plan.remove, *tree, schema).size() <= plan.remove.size());
  }
  const auto left = read_static_tree(whole(static_replacement(*tree, plan)));
  must(left.ok());
  for (const StaticRoute& each : left->routes)
    must(std::find(tree->routes.begin(), tree->routes.end(), each) != tree->routes.end());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: must(frames(text, 1) == frames(text, text.size() + 1)); break;
    case 1:
      configuration(text);
      static_cast<void>(static_schema(text));
      break;
    case 2:
      if (const auto rib = read_rib(text))
        for (const auto& [prefix, entries] : *rib) {
          static_cast<void>(judge_route({prefix, {}, "br", 15, 100, true}, entries));
          static_cast<void>(found_in(prefix, entries, {15, {100}}));
        }
      break;
    default:
      for (const StaticRoute& each : read_static_lines(text))
        if (each.plain) {
          const auto again = read_static_lines(each.line() + "\n");
          must(again.size() == 1 && again.front() == each);
        }
      SubnetWishes wishes;
      wishes.sweep = true;
      static_cast<void>(subnet_commands(text, wishes));
  }
  return 0;
}
