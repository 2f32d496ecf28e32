// SPDX-License-Identifier: GPL-2.0-or-later
//
// Static routes as FRR's YANG model has them (yang/frr-staticd.yang), in the default VRF: JSON in, JSON and paths out. Pure.
//
// The model has two shapes. Nested, until FRR 10.6: a path-list is keyed by table and distance, and has next hops. Flat, from 10.7: a
// path-list is one next hop, by which it is keyed.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "fpm_bridge/northbound/static_route.h"

namespace berth {

enum class StaticSchema { Nested, Flat };

// Where mgmtd tells the revision of the model, and what it means.
inline constexpr std::string_view kStaticRevisionPath =
    "/ietf-yang-library:yang-library/module-set/module[name='frr-staticd']/revision";
Result<StaticSchema> static_schema(std::string_view json);

// The container of all static routes: what is merged or replaced is an object that is named after its last node.
inline constexpr std::string_view kStaticPath =
    "/frr-routing:routing/control-plane-protocols/control-plane-protocol[type='frr-staticd:staticd'][name='staticd']"
    "[vrf='default']/frr-staticd:staticd";

struct StaticTree {
  boost::json::object container;         // as it is there, with what berthd does not know
  std::vector<StaticRoute> routes;       // of it
  std::vector<std::string> empty_lists;  // paths of prefixes that have no route: what a deletion leaves
};

// `config`: of "/*".
Result<StaticTree> read_static_tree(std::string_view config);

std::string static_list(const Prefix& prefix);  // the path of all that there is for it
std::string static_merge(const std::vector<StaticRoute>& add, StaticSchema schema);
// One path for each thing that goes. What an operator added to a path-list of ours stays.
std::vector<std::string> static_removals(const std::vector<StaticRoute>& remove, const StaticTree& tree,
                                         StaticSchema schema);
// The whole container after that, without empty lists. Flat alone.
std::string static_replacement(const StaticTree& tree, const StaticPlan& plan);

}  // namespace berth
