// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/vty/shell.h"

#include <algorithm>
#include <utility>

#include "daemon/config/config_edit.h"
#include "daemon/config/config_gaps.h"
#include "daemon/config/config_print.h"
#include "daemon/show/show.h"
#include "daemon/show/text_table.h"
#include "daemon/vty/text.h"

namespace berth {
namespace {

const std::vector<Command> kExec = {
    {"show status [json]", "What berthd knows\nHow berthd, its sources and zebra are\nAs JSON"},
    {"show networks [json]", "What berthd knows\nThe configured networks, with their problems\nAs JSON"},
    {"show containers [json]", "What berthd knows\nThe containers that run here\nAs JSON"},
    {"show routes [json]", "What berthd knows\nWhat is advertised, and what zebra says of it\nAs JSON"},
    {"show attachments [json]", "What berthd knows\nHow containers hang on our networks\nAs JSON"},
    {"show counters [json]", "What berthd knows\nWhat was counted\nAs JSON"},
    {"show running-config [json]", "What berthd knows\nThe configuration in force\nAs JSON"},
    {"show version [json]", "What berthd knows\nThe versions of berthd, the module and FRR\nAs JSON"},
    {"explain <CONTAINER|ADDRESS> [json]",
     "Why something is or is not advertised\nName of a container, or the beginning of its id\nIts address\nAs JSON"},
    {"firewall trace ADDRESS ADDRESS [icmp] [json]",
     "The rules in force\nThe way of one packet through them\nFrom this address\nTo this address\nA ping, the "
     "default\nAs JSON"},
    {"firewall trace ADDRESS ADDRESS <tcp|udp> (1-65535) [json]",
     "The rules in force\nThe way of one packet through them\nFrom this address\nTo this address\nA connection\nA "
     "datagram\nTo this port\nAs JSON"},
    {"withdraw", "Advertise nothing until 'no withdraw'"},
    {"no withdraw", "Take back\nAdvertise again"},
    {"configure terminal", "Change the configuration\nFrom here"},
    {"write [<file|memory>]", "Save the configuration in force\nInto berthd's file\nThe same"},
    {"copy running-config startup-config", "The same as write\nThe configuration in force\nInto berthd's file"},
    {"terminal length (0-512)", "This shell\nLines before a pause\nLines; 0 for no pause"},
    {"terminal no length", "This shell\nTake back\nNo pause"},
    {"list", "Every command of this mode"},
    {"enable", "Everybody here may do everything"},
    {"disable", "The same as enable"},
    {"end", "Back to the beginning"},
    {"exit", "Leave"},
    {"quit", "Leave"},
};

const std::vector<Command> kCommon = {
    {"do LINE", "A command of the shell's top\nThe command"},
    {"list", "Every command of this mode"},
    {"end", "Back to the beginning"},
    {"exit", "One mode up"},
    {"quit", "One mode up"},
};

Grammar with_common(const Grammar& grammar) {
  std::vector<Command> all = grammar.commands();
  all.insert(all.end(), kCommon.begin(), kCommon.end());
  return Grammar(std::move(all));
}

const Grammar& config_mode() {
  static const Grammar grammar = with_common(config_grammar());
  return grammar;
}

const Grammar& network_mode() {
  static const Grammar grammar = with_common(network_grammar());
  return grammar;
}

Reply refused(std::string_view line, const ParseFailure& failure) {
  const std::string caret = pointed_at(line, failure.column) + " expected " + failure.expected + "\n";
  switch (failure.kind) {
    case ParseFailure::Kind::Ambiguous: return {"% Ambiguous command\n" + caret, VtyStatus::Ambiguous};
    case ParseFailure::Kind::Incomplete: return {"% Command incomplete\n" + caret, VtyStatus::Incomplete};
    case ParseFailure::Kind::NoMatch: break;
  }
  return {"% Unknown command\n" + caret, VtyStatus::NoMatch};
}

// The name in a line `no network NAME`, or empty.
std::string taken_back(std::string_view line) {
  const auto parsed = config_grammar().parse(line);
  const auto* words = std::get_if<ParsedLine>(&parsed);
  return words && words->words.size() == 3 && (*words)[0] == "no" && (*words)[1] == "network" ? (*words)[2] : "";
}

// Can it be typed as one word?
bool is_word(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

const Grammar& exec_grammar() {
  static const Grammar grammar(kExec);
  return grammar;
}

const Grammar& common_grammar() {
  static const Grammar grammar(kCommon);
  return grammar;
}

const Grammar& Session::grammar() const {
  return mode_ == Mode::Exec ? exec_grammar() : mode_ == Mode::Config ? config_mode() : network_mode();
}

std::string Session::prompt() const {
  return shell_.host.hostname() + (mode_ == Mode::Exec     ? "# "
                                   : mode_ == Mode::Config ? "(config)# "
                                                           : "(config-network)# ");
}

Reply Session::run(std::string_view line) {
  Reply reply = answer(line);
  reply.text = for_terminal(reply.text);  // names come from images and networks
  return reply;
}

Reply Session::answer(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (not_text(line)) return {"% Unknown command: it has bytes that are no text\n", VtyStatus::NoMatch};
  if (line.starts_with("berthctl ")) return internal(line.substr(9));
  if (is_comment(line)) return {};
  return mode_ == Mode::Exec ? run_exec(line) : run_config(line);
}

// Between berthctl and berthd, not for people: `prompt`, `complete LINE`.
Reply Session::internal(std::string_view line) const {
  if (line == "prompt") return {prompt(), VtyStatus::Success};
  if (!line.starts_with("complete ")) return {"", VtyStatus::NoMatch};
  std::string out;
  for (const Completion& each : complete(line.substr(9)))
    out += std::string(each.keyword ? "word" : "hint") + "\t" + each.text + "\t" + each.help + "\n";
  return {out, VtyStatus::Success};
}

std::vector<Completion> Session::complete(std::string_view line) const {
  const auto words = split_words(line);
  const std::size_t typed = words.empty() ? 0 : words.back().column + words.back().text.size();
  const bool fresh = typed < line.size() || words.empty();  // the next word is to begin
  if (mode_ != Mode::Exec && words.size() + fresh > 1 && words[0].text == "do") {
    Session top(shell_);
    return top.complete(line.substr(words[0].column + 2));
  }
  const std::string last = fresh ? "" : words.back().text;
  std::vector<Completion> out = grammar().completions(line);
  std::vector<std::string> names;
  for (const Completion& each : out) {
    if (each.text == "CONTAINER")
      for (const ContainerFact& fact : shell_.host.view().containers) names.push_back(fact.name);
    if (each.text == "NAME" &&
        std::any_of(words.begin(), words.end(), [](const auto& w) { return w.text == "network"; }))
      for (const auto& [name, network] : shell_.host.config().networks) names.push_back(name);
  }
  for (const std::string& name : names)
    if (name.starts_with(last) && is_word(name)) out.push_back({name, "", true});
  return out;
}

Reply Session::run_exec(std::string_view line) {
  const auto parsed = exec_grammar().parse(line);
  if (const auto* failure = std::get_if<ParseFailure>(&parsed)) return refused(line, *failure);
  return exec(std::get<ParsedLine>(parsed));
}

Reply Session::exec(const ParsedLine& line) {
  const std::string& word = line[0];
  if (word == "show") return show(line);
  if (word == "explain") {
    const Explanation explanation = shell_.host.explain(line[1]);
    return {line.words.size() > 2 ? pretty(explain_json(explanation)) : explain_text(explanation), VtyStatus::Success};
  }
  if (word == "firewall") return trace(line);
  if (word == "withdraw" || word == "no") {
    shell_.host.withdraw(word == "withdraw");
    return while_zebra_is_away(word == "withdraw");
  }
  if (word == "configure") mode_ = Mode::Config;
  if (word == "write" || word == "copy") return write();
  if (word == "list") return {list(), VtyStatus::Success};
  if (word == "exit" || word == "quit") closed_ = true;
  return {};
}

Reply Session::trace(const ParsedLine& line) const {
  firewall::TracedPacket packet{*IpAddress::parse(line[2]), *IpAddress::parse(line[3])};
  if (packet.source.is_v4() != packet.destination.is_v4())
    return {"% Both addresses must be of one family\n", VtyStatus::Warning};
  const bool as_json = line.words.back().text == "json";
  if (line.words.size() > 4 && !(as_json && line.words.size() == 5)) packet.protocol = line[4];
  if (packet.protocol != "icmp") packet.port = static_cast<unsigned>(std::stoul(line[5]));
  const auto found = shell_.host.trace(packet);
  if (!found) return {"% The rules of this host were not read yet\n", VtyStatus::Warning};
  return {as_json ? pretty(trace_json(*found)) : trace_text(*found), VtyStatus::Success};
}

// What was said holds here; the routes are in a zebra that can't be reached.
Reply Session::while_zebra_is_away(bool withdrawn) const {
  const View view = shell_.host.view();
  if (view.zebra.connected) return {};
  const std::string told =
      withdrawn ? "% Withdrawn here, but zebra is away: what it has of ours it keeps until it is back, or until the "
                  "grace time is "
                  "over that began when it was lost (" +
                      std::to_string(view.config.zebra.grace_seconds) + " s)\n"
                : "% Taken back here, but zebra is away: what is to be advertised is said when it is back\n";
  return {told, VtyStatus::Warning};
}

Reply Session::show(const ParsedLine& line) const {
  const std::string& what = line[1];
  const View view = shell_.host.view();
  struct Show {
    const char* name;
    std::string (*text)(const View&);
    boost::json::value (*json)(const View&);
  };
  static const Show kShows[] = {
      {"status", status_text, status_json},
      {"networks", networks_text, networks_json},
      {"containers", containers_text, containers_json},
      {"routes", routes_text, routes_json},
      {"attachments", attachments_text, attachments_json},
      {"counters", counters_text, counters_json},
      {"version", version_text, version_json},
  };
  const bool json = line.words.size() > 2;
  for (const Show& each : kShows)
    if (what == each.name) return {json ? pretty(each.json(view)) : each.text(view), VtyStatus::Success};
  return {json ? pretty(running_config_json(view)) : running_config(), VtyStatus::Success};
}

std::string Session::running_config() const {
  std::string out = "Current configuration:\n" + print_config(shell_.host.config());
  for (const auto& [name, draft] : shell_.drafts) {
    out += "! not in force, expected " + network_gap(shell_.host.config(), draft) + ":\n";
    const std::string text = print_network(draft);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      out += "! " + text.substr(at, end - at) + "\n";
      at = end + 1;
    }
  }
  return out;
}

Reply Session::write() const {
  const Status saved = shell_.host.save(print_config(shell_.host.config()));
  if (!saved) return {"% Not saved: " + saved.error().message + "; " + saved.error().remedy + "\n", VtyStatus::Warning};
  if (shell_.drafts.empty()) return {"[OK]\n", VtyStatus::Success};
  std::string out = "[OK], without what is not in force:";
  for (const auto& [name, draft] : shell_.drafts) out += " network " + name;
  return {out + "\n", VtyStatus::Warning};
}

std::string Session::list() const {
  std::string out;
  for (const Command& each : grammar().commands()) out += "  " + each.syntax + "\n";
  return out;
}

Reply Session::run_config(std::string_view line) {
  const auto parsed = grammar().parse(line);
  if (const auto* ok = std::get_if<ParsedLine>(&parsed)) {
    const std::size_t own = grammar().commands().size() - kCommon.size();
    if (ok->command >= own) return run_common((*ok)[0], ok->words.size() > 1 ? (*ok)[1] : "");
    return mode_ == Mode::Network ? change_network(line) : change(line);
  }
  const auto& failure = std::get<ParseFailure>(parsed);
  if (mode_ == Mode::Config) return refused(line, failure);
  if (leaves_network(line)) return change(line);
  const auto outside = config_grammar().parse(line);
  const auto* deeper = std::get_if<ParseFailure>(&outside);
  return refused(line, deeper && deeper->depth > failure.depth ? *deeper : failure);
}

Reply Session::run_common(const std::string& word, std::string_view line) {
  if (word == "do") {
    const Mode here = std::exchange(mode_, Mode::Exec);
    Reply reply = run_exec(line);
    mode_ = here;  // neither `do configure terminal` nor `do exit` leaves anything half done
    closed_ = false;
    return reply;
  }
  if (word == "list") return {list(), VtyStatus::Success};
  Reply reply;
  if (mode_ == Mode::Network) {
    reply = leave_network();
    if (word == "end") mode_ = Mode::Exec;
    return reply;
  }
  mode_ = Mode::Exec;
  return reply;
}

// A line of a network goes into its draft.
Reply Session::change_network(std::string_view line) {
  if (const auto failure = apply_network_line(draft_, line, true)) return refused(line, *failure);
  return {};
}

// A line of the top is in force at once. It leaves the network that the session is in, unless it is refused: then nothing
// has happened.
Reply Session::change(std::string_view line) {
  const std::string gone = taken_back(line);
  const bool inside = mode_ == Mode::Network, drops = inside && gone == draft_.name;
  ConfigEdit edit{shell_.host.config(), "", true};
  if (inside && !drops && network_gap(edit.config, draft_).empty()) edit.config.networks[draft_.name] = draft_;
  const bool only_a_draft = !edit.config.networks.contains(gone) && (drops || shell_.drafts.contains(gone));
  if (!only_a_draft) {
    if (const auto failure = apply_config_line(edit, line)) return refused(line, *failure);
    const std::string gap = edit.network.empty() ? config_gap(edit.config) : "";
    if (!gap.empty()) return {"% Not done: expected " + gap + "\n", VtyStatus::ConfigFailed};
  }
  Reply left;
  if (inside && !drops) left = leave_network();
  mode_ = Mode::Config;
  shell_.drafts.erase(gone);
  if (!edit.network.empty())
    enter_network(edit.network);
  else if (!only_a_draft)
    shell_.host.apply(edit.config);
  return left;
}

void Session::enter_network(const std::string& name) {
  mode_ = Mode::Network;
  const auto& networks = shell_.host.config().networks;
  const auto draft = shell_.drafts.find(name);
  const auto known = networks.find(name);
  draft_ = draft != shell_.drafts.end() ? draft->second : known != networks.end() ? known->second : NetworkConfig{};
  draft_.name = name;
}

// A network is acted upon as a whole: a bridge without its gateway yet would be a wrong one.
Reply Session::leave_network() {
  mode_ = Mode::Config;
  Config config = shell_.host.config();
  const auto known = config.networks.find(draft_.name);
  const bool existed = known != config.networks.end();
  if (existed && known->second == draft_) {
    shell_.drafts.erase(draft_.name);
    return {};
  }
  const std::string gap = network_gap(config, draft_);
  if (!gap.empty()) {
    shell_.drafts[draft_.name] = draft_;
    return {
        "% Network " + draft_.name + " is not in force: expected " + gap + (existed ? "; it stays as it was\n" : "\n"),
        VtyStatus::ConfigFailed};
  }
  config.networks[draft_.name] = draft_;
  shell_.drafts.erase(draft_.name);
  shell_.host.apply(config);
  return {};
}

}  // namespace berth
