// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/firewall/program.h"

#include <algorithm>
#include <map>
#include <set>

#include "container_watcher/firewall/program_keys.h"

namespace berth::firewall {
namespace {

using Kind = Op::Kind;
using Entries = std::vector<Op::Entry>;

Op plain(Kind kind) {
  Op out;
  out.kind = kind;
  return out;
}

Kind verdict_kind(std::string_view word) {
  return word == "accept"     ? Kind::Accept
         : word == "drop"     ? Kind::Drop
         : word == "return"   ? Kind::Return
         : word == "jump"     ? Kind::Jump
         : word == "goto"     ? Kind::Goto
         : word == "continue" ? Kind::Never
                              : Kind::Queue;
}

class Compiler {
 public:
  Compiler(const Ruleset& rules, bool v4, const Interfaces& interfaces) : rules_(rules) {
    out_.v4 = v4;
    out_.interfaces = interfaces;
  }

  Program run() {
    for (const Chain& chain : rules_.chains) {
      if (chain.family == (out_.v4 ? "ip6" : "ip") || chain.family == "arp") continue;
      numbers_[{chain.family, chain.table, chain.name}] = static_cast<int>(out_.chains.size());
      out_.chains.push_back({&chain, {}});
    }
    for (const Set& set : rules_.sets) sets_[{set.family, set.table, set.name}] = &set;
    for (CompiledChain& each : out_.chains) {
      chain_ = each.chain;
      each.rules.reserve(chain_->rules.size());
      for (const Rule& rule : chain_->rules) each.rules.push_back(compiled(rule));
    }
    return std::move(out_);
  }

 private:
  int chain_number(const std::string& name) const {
    const auto found = numbers_.find({chain_->family, chain_->table, name});
    return found == numbers_.end() ? -1 : found->second;
  }
  const Set* set_of(const std::string& name) const {
    const auto found = sets_.find({chain_->family, chain_->table, name});
    return found == sets_.end() ? nullptr : found->second;
  }

  CompiledRule compiled(const Rule& rule) {
    CompiledRule out{&rule, {}, true};
    for (const Statement& each : rule.statements) {
      statement(each, &out.ops);
      if (!out.ops.empty() && out.ops.back().kind == Kind::Never) break;
    }
    for (const Op& op : out.ops)
      if (op.kind > Kind::Ports || (op.kind == Kind::Lookup && decides(*op.entries))) out.inert = false;
    for (const Op& op : out.ops) out_.translates = out_.translates || op.kind == Kind::SourceNat;
    if (!out.ops.empty() && out.ops.front().kind == Kind::Never) out.inert = true;
    return out;
  }

  void statement(const Statement& what, std::vector<Op>* ops) {
    switch (what.what) {
      case Do::Match: return match(what, ops);
      case Do::Vmap: return verdict_map(what, ops);
      case Do::Opaque: return ops->push_back(plain(Kind::Unknown));
      case Do::Varies: return ops->push_back(plain(Kind::Varies));
      case Do::SetMark: return mark(what, Kind::SetMark, ops);
      case Do::SetCtMark: return mark(what, Kind::SetCtMark, ops);
      case Do::Notrack: return ops->push_back(plain(Kind::Notrack));
      case Do::SourceNat: return translate(what, Kind::SourceNat, ops);
      case Do::DestinationNat: return translate(what, Kind::DestinationNat, ops);
      case Do::Rewrite:
        return ops->push_back(plain(what.target.ends_with("saddr") ? Kind::SourceNat : Kind::DestinationNat));
      case Do::Queue: return ops->push_back(plain(Kind::Queue));
      case Do::Accept: return ops->push_back(plain(Kind::Accept));
      case Do::Drop: return ops->push_back(plain(Kind::Drop));
      case Do::Return: return ops->push_back(plain(Kind::Return));
      case Do::Jump:
      case Do::Goto: {
        Op op = plain(what.what == Do::Jump ? Kind::Jump : Kind::Goto);
        op.chain = chain_number(what.target);
        return ops->push_back(op);
      }
      case Do::Nothing: {
        std::vector<KeyMeaning> loaded;
        if (!what.operands.empty()) keys(what.operands, &loaded, ops);
        return;
      }
    }
  }

  static bool decides(const Entries& entries) {
    return std::any_of(entries.begin(), entries.end(),
                       [](const Op::Entry& each) { return each.verdict != Kind::Never; });
  }

  // The keys of a match, in order. False: the kernel can't load one of them, and the rule ends.
  bool keys(const std::vector<Operand>& operands, std::vector<KeyMeaning>* out, std::vector<Op>* ops,
            bool decides = false) const {
    for (const Operand& each : operands) {
      KeyMeaning meaning = meaning_of(each.key, out_.v4);
      if (meaning.never || (meaning.absent && (decides || operands.size() > 1))) {
        ops->push_back(plain(Kind::Never));
        return false;
      }
      ops->insert(ops->end(), meaning.before.begin(), meaning.before.end());
      out->push_back(std::move(meaning));
    }
    return !out->empty();
  }

  const std::vector<Element>* elements_of(const Statement& what) const {
    if (what.set.empty()) return &what.elements;
    const Set* set = set_of(what.set);
    return set ? &set->elements : nullptr;
  }

  void match(const Statement& what, std::vector<Op>* ops) {
    std::vector<KeyMeaning> meanings;
    if (!keys(what.operands, &meanings, ops)) return;
    const std::vector<Element>* elements = elements_of(what);
    if (!elements) return ops->push_back(plain(Kind::Unknown));
    if (meanings.size() == 1) return test(what, meanings[0], *elements, ops);
    Op op = plain(Kind::Lookup);
    op.negated = what.comparison == Comparison::NotEqual;
    op.entries = entries(what, meanings, *elements, false);
    parts(what, meanings, &op);
    ops->push_back(std::move(op));
  }

  // A header that the packet lacks ends the rule, unless that is what is asked.
  static void missing(const Statement& what, const std::vector<Element>& elements, std::vector<Op>* ops) {
    const bool asks_missing =
        elements.size() == 1 && elements[0].parts.size() == 1 && elements[0].parts[0] == "missing";
    const bool asks_exists = elements.size() == 1 && elements[0].parts.size() == 1 && elements[0].parts[0] == "exists";
    const bool negated = what.comparison == Comparison::NotEqual;
    if ((asks_missing && !negated) || (asks_exists && negated)) return;
    ops->push_back(plain(Kind::Never));
  }

  void test(const Statement& what, const KeyMeaning& key, const std::vector<Element>& elements, std::vector<Op>* ops) {
    if (key.absent) return missing(what, elements, ops);
    if (key.part.kind == Part::Kind::Unknown || key.part.kind == Part::Kind::Varies)
      return ops->push_back(plain(key.part.kind == Part::Kind::Unknown ? Kind::Unknown : Kind::Varies));
    Op op = plain(Kind::Test);
    op.parts = {key.part};
    op.negated = what.comparison == Comparison::NotEqual || what.comparison == Comparison::NoneOf;
    const std::string cached = what.set.empty()
                                   ? std::string()
                                   : chain_->family + " " + chain_->table + " " + what.set + " " + what.operands[0].key;
    const auto known = cached.empty() ? tested_.end() : tested_.find(cached);
    std::optional<IntervalSet> values = known != tested_.end() ? known->second : joined(what, key, elements);
    if (!cached.empty() && known == tested_.end()) tested_.emplace(cached, values);
    if (values) values = compared(what, key, *values);
    if (values && !what.operands[0].mask.empty()) values = unmasked(what.operands[0], key, *values, &op.parts[0]);
    if (!values) return ops->push_back(plain(vague_ ? Kind::Varies : Kind::Unknown));
    op.set = *values;
    ops->push_back(std::move(op));
  }

  // What stands on the right side, as the numbers that it names.
  std::optional<IntervalSet> joined(const Statement& what, const KeyMeaning& key,
                                    const std::vector<Element>& elements) {
    vague_ = false;
    std::vector<Interval> all;
    Word bits = 0;
    const bool one =
        !what.listed && (key.type == ValueType::Flags || key.type == ValueType::State || key.type == ValueType::Status);
    for (const Element& each : elements) {
      if (each.parts.size() != 1) return std::nullopt;
      const auto values = values_of(each.parts[0], key, out_);
      if (!values) return std::nullopt;
      if (one && values->single()) bits |= values->intervals()[0].first;
      all.insert(all.end(), values->intervals().begin(), values->intervals().end());
    }
    return one ? IntervalSet::of(bits) : IntervalSet(std::move(all));
  }

  std::optional<IntervalSet> compared(const Statement& what, const KeyMeaning& key, const IntervalSet& values) const {
    const bool has_bits = key.type == ValueType::Flags || key.type == ValueType::State || key.type == ValueType::Status;
    if (has_bits && (what.bits || what.comparison == Comparison::NoneOf) && values.single() &&
        what.operands[0].mask.empty()) {
      const Word bits = values.intervals()[0].first;
      return chosen(key.type, [&](Word value) { return (value & bits) != 0; });
    }
    if (what.comparison == Comparison::Equal || what.comparison == Comparison::NotEqual) return values;
    if (what.comparison == Comparison::NoneOf || !values.single()) return std::nullopt;
    const Word value = values.intervals()[0].first, last = ~Word{0};
    switch (what.comparison) {
      case Comparison::Less: return value == 0 ? IntervalSet() : IntervalSet::range(0, value - 1);
      case Comparison::LessOrEqual: return IntervalSet::range(0, value);
      case Comparison::Greater: return value == last ? IntervalSet() : IntervalSet::range(value + 1, last);
      default: return IntervalSet::range(value, last);
    }
  }

  template <class Fits>
  static IntervalSet chosen(ValueType type, Fits fits) {
    std::vector<Interval> out;
    const Word last = small_values(type).intervals()[0].last;
    for (Word value = 0; value <= last; ++value)
      if (fits(value)) out.push_back({value, value});
    // ct status: the same in both directions (program_keys.cpp keeps the direction in one bit more)
    if (type == ValueType::Status)
      for (std::size_t i = 0, n = out.size(); i < n; ++i) out.push_back({out[i].first | 0x8000, out[i].last | 0x8000});
    return IntervalSet(std::move(out));
  }

  // The values that the mask turns into one of `values`.
  std::optional<IntervalSet> unmasked(const Operand& operand, const KeyMeaning& key, const IntervalSet& values,
                                      Part* part) {
    std::vector<std::pair<char, std::uint32_t>> mask;
    for (const auto& [op, text] : operand.mask) {
      std::uint32_t bits = 0;
      std::string_view rest = text;
      while (!rest.empty()) {
        const std::string word(rest.substr(0, rest.find(',')));
        rest.remove_prefix(std::min(rest.size(), word.size() + 1));
        if (key.type == ValueType::Address) return masked_addresses(operand, values);
        const auto value = values_of(word, key, out_);
        if (!value || !value->single()) return std::nullopt;
        bits |= static_cast<std::uint32_t>(value->intervals()[0].first);
      }
      mask.emplace_back(op, bits);
    }
    if (key.type == ValueType::Mark) {
      part->mask = std::move(mask);
      return values;
    }
    if (!is_small(key.type)) return std::nullopt;
    return chosen(key.type, [&](Word value) {
      return values.contains(masked(static_cast<std::uint32_t>(value & 0x7fff), mask));
    });
  }

  // A mask that is the length of a prefix; any other varies with the address.
  std::optional<IntervalSet> masked_addresses(const Operand& operand, const IntervalSet& values) {
    vague_ = true;
    const auto mask = operand.mask.size() == 1 && operand.mask[0].first == '&'
                          ? IpAddress::parse(operand.mask[0].second)
                          : std::nullopt;
    if (!mask || mask->is_v4() != out_.v4) return std::nullopt;
    const Word all = out_.v4 ? Word{0xffffffff} : ~Word{0}, host = all & ~word_of(*mask);
    if ((host & (host + 1)) != 0) return std::nullopt;
    std::vector<Interval> out;
    for (const Interval& each : values.intervals()) {
      if (each.first != each.last) return std::nullopt;
      if ((each.first & host) == 0) out.push_back({each.first, each.first | host});
    }
    return IntervalSet(std::move(out));
  }

  void parts(const Statement& what, const std::vector<KeyMeaning>& meanings, Op* op) const {
    for (std::size_t i = 0; i < meanings.size(); ++i) {
      op->parts.push_back(meanings[i].part);
      for (const auto& [sign, text] : what.operands[i].mask) {
        const auto bits = number_of(text);
        if (meanings[i].type == ValueType::Mark && bits)
          op->parts.back().mask.emplace_back(sign, *bits);
        else
          op->parts.back().kind = Part::Kind::Varies;
      }
    }
  }

  std::shared_ptr<const Entries> entries(const Statement& what, const std::vector<KeyMeaning>& meanings,
                                         const std::vector<Element>& elements, bool data) {
    std::string name;
    if (!what.set.empty()) {
      name = chain_->family + " " + chain_->table + " " + what.set;
      for (const Operand& each : what.operands) name += " . " + each.key;
      if (const auto known = looked_up_.find(name); known != looked_up_.end()) return known->second;
    }
    auto out = std::make_shared<Entries>();
    out->reserve(elements.size());
    Entries last;  // what takes the rest: "*"
    for (const Element& each : elements) {
      Op::Entry entry;
      const bool rest = each.parts.size() == 1 && each.parts[0] == "*";
      for (std::size_t i = 0; i < meanings.size(); ++i) {
        const auto values = rest                    ? IntervalSet::all()
                            : i < each.parts.size() ? values_of(each.parts[i], meanings[i], out_)
                                                    : std::nullopt;
        entry.sets.push_back(values ? *values : IntervalSet());
      }
      if (data) put_data(each.data, &entry);
      (rest ? last : *out).push_back(std::move(entry));
    }
    out->insert(out->end(), last.begin(), last.end());
    if (meanings.size() == 1) gather(out.get());
    if (!name.empty()) looked_up_.emplace(name, out);
    return out;
  }

  // Of one key, elements of one verdict are one entry.
  static void gather(Entries* entries) {
    std::map<std::tuple<Kind, int, std::optional<std::uint32_t>>, std::size_t> known;
    std::vector<std::vector<Interval>> all;
    Entries out;
    for (const Op::Entry& each : *entries) {
      const auto [at, fresh] = known.emplace(std::tuple(each.verdict, each.chain, each.value), out.size());
      if (fresh) {
        out.push_back(each);
        all.emplace_back();
      }
      const auto& more = each.sets[0].intervals();
      all[at->second].insert(all[at->second].end(), more.begin(), more.end());
    }
    for (std::size_t i = 0; i < out.size(); ++i) out[i].sets[0] = IntervalSet(std::move(all[i]));
    *entries = std::move(out);
  }

  void put_data(const std::string& data, Op::Entry* entry) const {
    const std::string word = data.substr(0, data.find(' '));
    if (const auto number = number_of(word)) entry->value = number;
    entry->verdict = verdict_kind(word);
    if (entry->verdict == Kind::Jump || entry->verdict == Kind::Goto)
      entry->chain = chain_number(data.size() > word.size() ? data.substr(word.size() + 1) : std::string());
  }

  void verdict_map(const Statement& what, std::vector<Op>* ops) {
    std::vector<KeyMeaning> meanings;
    if (!keys(what.operands, &meanings, ops, true)) return;
    const std::vector<Element>* elements = elements_of(what);
    if (!elements) return ops->push_back(plain(Kind::Queue));
    Op op = plain(Kind::Lookup);
    op.entries = entries(what, meanings, *elements, true);
    parts(what, meanings, &op);
    ops->push_back(std::move(op));
  }

  void mark(const Statement& what, Kind kind, std::vector<Op>* ops) {
    Op op = plain(kind);
    const Operand& from = what.assigned;
    if (!what.operands.empty()) {  // from a map: what is not in it ends the rule
      std::vector<KeyMeaning> meanings;
      if (!keys(what.operands, &meanings, ops)) return;
      if (const std::vector<Element>* elements = elements_of(what)) {
        op.from = Op::From::Map;
        op.entries = entries(what, meanings, *elements, true);
        parts(what, meanings, &op);
        return ops->push_back(std::move(op));
      }
    } else if (const auto number = number_of(from.key)) {
      op.from = Op::From::Number;
      op.number = *number;
    } else {
      std::vector<KeyMeaning> loaded;
      if (!keys({from}, &loaded, ops)) return;
      if (from.key == "meta mark" || from.key == "ct mark")
        op.from = from.key == "meta mark" ? Op::From::Mark : Op::From::CtMark;
    }
    for (const auto& [sign, text] : from.mask) {
      const auto bits = number_of(text);
      if (!bits) op.from = Op::From::Unknown;
      op.mask.emplace_back(sign, bits.value_or(0));
    }
    ops->push_back(std::move(op));
  }

  // `dnat to KEYS map @m`, or `map { … }`: only what is in the map.
  void translate(const Statement& what, Kind kind, std::vector<Op>* ops) {
    const std::size_t map = what.target.find(" map "), to = what.target.find("to ");
    if (map != std::string::npos && to != std::string::npos && to < map) {
      const std::string key = what.target.substr(to + 3, map - to - 3);
      // A number by turns or by a hash has an element for each value.
      const bool spread = key.starts_with("numgen") || key.starts_with("jhash") || key.starts_with("symhash");
      const Rule match = parse_rule(key + what.target.substr(map + 4));
      for (const Statement& each : match.statements)
        if (!spread) statement(each, ops);
    }
    if (ops->empty() || ops->back().kind != Kind::Never) ops->push_back(plain(kind));
  }

  const Ruleset& rules_;
  Program out_;
  const Chain* chain_ = nullptr;
  bool vague_ = false;  // of what can't be put into a set: it differs from packet to packet
  std::map<std::tuple<std::string, std::string, std::string>, int> numbers_;
  std::map<std::tuple<std::string, std::string, std::string>, const Set*> sets_;
  std::map<std::string, std::optional<IntervalSet>> tested_;
  std::map<std::string, std::shared_ptr<const Entries>> looked_up_;
};

}  // namespace

Program compile(const Ruleset& rules, bool v4, const Interfaces& interfaces) {
  return Compiler(rules, v4, interfaces).run();
}

std::uint32_t masked(std::uint32_t value, const std::vector<std::pair<char, std::uint32_t>>& mask) {
  for (const auto& [op, bits] : mask) switch (op) {
      case '&': value &= bits; break;
      case '|': value |= bits; break;
      case '^': value ^= bits; break;
      case '<': value = bits < 32 ? value << bits : 0; break;
      default: value = bits < 32 ? value >> bits : 0; break;
    }
  return value;
}

}  // namespace berth::firewall
