// SPDX-License-Identifier: GPL-2.0-or-later
//
// configure terminal, and the inside of a network below it. What the lines of the configuration are, and what they do to it,
// daemon/config knows.
#include <utility>

#include "daemon/config/config_gaps.h"
#include "daemon/vty/shell.h"

namespace berth {

const std::vector<ShellSession::Row>& ShellSession::common_rows() {
  static const std::vector<Row> kRows = [] {
    const auto up = [](ShellSession& session, const ParsedLine&) {
      return session.leave_mode(session.mode_ == Mode::Network ? Mode::Config : Mode::Exec);
    };
    return std::vector<Row>{
        {"do LINE", "A command of the shell's top\nThe command",
         [](ShellSession& session, const ParsedLine& line) { return session.run_do(line[1]); }},
        {"list", "Every command of this mode", [](ShellSession& session, const ParsedLine&) { return session.list(); }},
        {"end", "Back to the beginning",
         [](ShellSession& session, const ParsedLine&) { return session.leave_mode(Mode::Exec); }},
        {"exit", "One mode up", up},
        {"quit", "One mode up", up},
    };
  }();
  return kRows;
}

const ConfigLines& ShellSession::config_modes() {
  static const ConfigLines lines(commands_of(common_rows()));
  return lines;
}

Reply ShellSession::run_config(std::string_view text) {
  const auto parsed = config_modes().parse(text, mode_ == Mode::Network ? &draft_ : nullptr);
  if (const auto* failure = std::get_if<ParseFailure>(&parsed)) return refused(text, *failure);
  const auto& [of, line] = std::get<ConfigLine>(parsed);
  switch (of) {
    case ConfigLine::Of::Top: return change_top(text, line);
    case ConfigLine::Of::Network: return change_network(text, line);
    case ConfigLine::Of::More: break;
  }
  return common_rows()[line.command].run(*this, line);
}

Reply ShellSession::run_do(const std::string& text) {
  const Mode here = std::exchange(mode_, Mode::Exec);
  Reply reply = run_exec(text);
  mode_ = here;  // neither `do configure terminal` nor `do exit` leaves anything half done
  closed_ = false;
  return reply;
}

Reply ShellSession::leave_mode(Mode to) {
  Reply reply = mode_ == Mode::Network ? leave_network() : Reply{};
  mode_ = to;
  return reply;
}

// A line of a network goes into its draft.
Reply ShellSession::change_network(std::string_view text, const ParsedLine& line) {
  const auto failure = config_modes().apply(draft_, line, true);
  if (!failure) return {};
  // `no runtime NAME` is a line of both: the network's where that is its runtime, else the top's.
  const auto outside = config_modes().parse(text, nullptr);
  const auto* top = std::get_if<ConfigLine>(&outside);
  return top && top->of == ConfigLine::Of::Top ? change_top(text, top->line) : refused(text, *failure);
}

// A line of the top is in force at once. It leaves the network that the session is in, unless it is refused: then nothing
// has happened.
Reply ShellSession::change_top(std::string_view text, const ParsedLine& line) {
  const bool inside = mode_ == Mode::Network;
  ConfigEdit edit{shell_.host.config(), "", true};
  for (const auto& [name, draft] : shell_.drafts) edit.begun.insert(name);
  if (inside) {
    edit.begun.insert(draft_.name);
    if (network_gap(edit.config, draft_).empty()) edit.config.networks[draft_.name] = draft_;
  }
  if (const auto failure = config_modes().apply(edit, line)) return refused(text, *failure);
  const std::string& gone = edit.taken_back;
  const bool only_a_draft = !gone.empty() && !shell_.host.config().networks.contains(gone);
  const bool in_force = edit.network.empty() && !only_a_draft;  // else nothing has changed yet
  const std::string gap = in_force ? config_gap(edit.config) : "";
  if (!gap.empty()) return {"% Not done: expected " + gap + "\n", VtyStatus::ConfigFailed};
  Reply left;
  if (inside && gone != draft_.name) left = leave_network();
  mode_ = Mode::Config;
  shell_.drafts.erase(gone);
  if (!edit.network.empty()) enter_network(edit.network);
  if (in_force) shell_.host.apply(edit.config);
  return left;
}

void ShellSession::enter_network(const std::string& name) {
  mode_ = Mode::Network;
  const auto& networks = shell_.host.config().networks;
  const auto draft = shell_.drafts.find(name);
  const auto known = networks.find(name);
  draft_ = draft != shell_.drafts.end() ? draft->second : known != networks.end() ? known->second : NetworkConfig{};
  draft_.name = name;
}

// A network is acted upon as a whole: a bridge without its gateway yet would be a wrong one.
Reply ShellSession::leave_network() {
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
