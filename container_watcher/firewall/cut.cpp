// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/cut.h"

namespace berth::firewall {
namespace {

// A set with more intervals is not made smaller by single elements: each of many rules would copy all of it. What is left
// there too much was taken by another rule already, so that at worst a part is told twice.
constexpr std::size_t kMostIntervals = 512;

struct Seen {
  const IntervalSet& values;
  Field field = Field::In;
  bool own = true;  // the box's own, which can be cut
};

const IntervalSet kConstant = IntervalSet::of(1);  // what every packet has

Field resolved(const Part& part, const View& view) {
  if (!part.original || !view.reply) return part.field;
  switch (part.field) {
    case Field::Source: return Field::Destination;
    case Field::Destination: return Field::Source;
    case Field::SourcePort: return Field::DestinationPort;
    case Field::DestinationPort: return Field::SourcePort;
    default: return part.field;
  }
}

Seen seen(const Box& box, const Part& part, const View& view) {
  if (part.kind == Part::Kind::Always) return {kConstant, Field::In, false};
  const Field field = resolved(part, view);
  if (field == Field::In && view.in) return {*view.in, field, false};
  if (field == Field::Out && view.out) return {*view.out, field, false};
  return {box[field], field, true};
}

bool is_unknown_mark(const Box& box, Field field) {
  return (field == Field::Mark && box.mark_unknown) || (field == Field::CtMark && box.ct_mark_unknown);
}

bool hidden(const Box& box, const Part& part, Field field, const View& view) {
  if (box.source_nat < 0 || part.original) return false;
  if (part.kind == Part::Kind::Always) return part.routed && view.destination_hidden;
  return (view.source_hidden && (field == Field::Source || field == Field::SourcePort)) ||
         (view.destination_hidden && (field == Field::Destination || field == Field::DestinationPort));
}

}  // namespace

bool knows_connection(const Box& box, const View& view) {
  return view.tracked && !(box[Field::State] == IntervalSet::of(kUntracked));
}

void both(const Box& box, bool unsure, Boxes* hits, Boxes* misses) {
  hits->push_back(box);
  misses->push_back(box);
  if (!unsure) return;
  hits->back().unsure = misses->back().unsure = true;
}

bool connection_unknown(const Box& box, const View& view) {
  return view.ct_unknown || (box.half_tracked && knows_connection(box, view));
}

static bool state_unknown(const Box& box, const Part& part, Field field, const View& view) {
  return part.kind == Part::Kind::Field && field == Field::State && connection_unknown(box, view);
}

bool touches(const Box& box, const Part& part, const IntervalSet& set, const View& view) {
  if (part.kind == Part::Kind::Varies || part.kind == Part::Kind::Unknown || !part.mask.empty()) return true;
  const Seen what = seen(box, part, view);
  if (hidden(box, part, what.field, view) || state_unknown(box, part, what.field, view)) return true;
  const bool link = what.field == Field::In || what.field == Field::Out;
  if (link && part.kind == Part::Kind::Field && what.values.contains(Interfaces::kAny) &&
      set.contains(Interfaces::kMaybe))
    return true;
  return what.values.intersects(set);
}

void cut(const Box& box, const Part& part, const IntervalSet& set, bool negated, const View& view, Boxes* hits,
         Boxes* misses) {
  if (part.kind == Part::Kind::Varies) return both(box, false, hits, misses);
  if (part.kind == Part::Kind::Unknown) return both(box, true, hits, misses);
  const Seen what = seen(box, part, view);
  if (hidden(box, part, what.field, view)) {
    const bool address = what.field == Field::Source || what.field == Field::Destination;
    const bool known = part.kind == Part::Kind::Field && address && view.host && !view.host->empty();
    if (known && !view.host->intersects(set)) return (negated ? hits : misses)->push_back(box);
    if (known && (*view.host & set) == *view.host) return (negated ? misses : hits)->push_back(box);
    return both(box, true, hits, misses);
  }
  if (state_unknown(box, part, what.field, view)) return both(box, true, hits, misses);
  if (is_unknown_mark(box, what.field) && what.own) return both(box, true, hits, misses);
  if (!part.mask.empty()) {
    const auto value = static_cast<std::uint32_t>(what.values.intervals().at(0).first);
    return (set.contains(masked(value, part.mask)) != negated ? hits : misses)->push_back(box);
  }
  const bool link = part.kind == Part::Kind::Field && (what.field == Field::In || what.field == Field::Out);
  if (link && what.values.contains(Interfaces::kAny) && !set.contains(Interfaces::kAny) &&
      set.contains(Interfaces::kMaybe))
    return both(box, false, hits, misses);
  if (!what.values.intersects(set)) return (negated ? hits : misses)->push_back(box);
  const IntervalSet common = what.values & set;
  if (common == what.values) return (negated ? misses : hits)->push_back(box);
  if (!what.own) return both(box, false, hits, misses);
  Box inside = box, outside = box;
  inside[what.field] = common;
  if (what.values.size() <= kMostIntervals || common.size() > 1) outside[what.field] = what.values - common;
  (negated ? misses : hits)->push_back(std::move(inside));
  (negated ? hits : misses)->push_back(std::move(outside));
}

}  // namespace berth::firewall
