// SPDX-License-Identifier: GPL-2.0-or-later
//
// The commands of the shell's top, one row each. A show is a row of its own table.
#include <utility>

#include "core/number.h"
#include "daemon/config/config_print.h"
#include "daemon/show/show.h"
#include "daemon/vty/shell.h"

namespace berth {
namespace {

struct Show {
  const char* name;
  const char* help;
  std::string (*print)(const Shell& shell, bool as_json);
};

// A show of what the daemon knows: its rows are made of a View.
template <auto rows_of>
std::string of_view(const Shell& shell, bool as_json) {
  return printed(rows_of(shell.host.view()), as_json);
}

std::string running_config(const Shell& shell, bool as_json) {
  return printed(running_config_rows(shell.host.config(), shell.drafts), as_json);
}

constexpr Show kShows[] = {
    {"status", "How berthd, its sources and zebra are", of_view<status_rows>},
    {"networks", "The configured networks, with their problems", of_view<networks_rows>},
    {"containers", "The containers that run here", of_view<containers_rows>},
    {"leases", "Addresses that berthd itself gave to containers", of_view<leases_rows>},
    {"macvlan parents",
     "Networks of macvlans\nWhat their containers stand on: MAC addresses used, their limit, address clashes",
     of_view<parents_rows>},
    {"overlays", "Segments over several hosts: VTEPs, and where each MAC address is", of_view<overlays_rows>},
    {"routes", "What is advertised, and what zebra says of it", of_view<routes_rows>},
    {"attachments", "How containers hang on our networks", of_view<attachments_rows>},
    {"counters", "What was counted", of_view<counters_rows>},
    {"running-config", "The configuration in force", running_config},
    {"version", "The versions of berthd, the module and FRR", of_view<version_rows>},
};

Reply done(std::string text) {
  return {std::move(text), VtyStatus::Success};
}

bool ends_with_json(const ParsedLine& line) {
  return line.words.back().text == "json";
}

firewall::TracedPacket packet_of(const ParsedLine& line) {
  return {*IpAddress::parse(line[2]), *IpAddress::parse(line[3])};
}

}  // namespace

const std::vector<ShellSession::Row>& ShellSession::exec_rows() {
  static const std::vector<Row> kRows = [] {
    std::vector<Row> rows;
    for (const Show& show : kShows)
      rows.push_back({std::string("show ") + show.name + " [json]",
                      std::string("What berthd knows\n") + show.help + "\nAs JSON",
                      [print = show.print](ShellSession& session, const ParsedLine& line) {
                        return done(print(session.shell_, ends_with_json(line)));
                      }});
    const auto nothing = [](ShellSession&, const ParsedLine&) { return Reply{}; };
    const auto close = [](ShellSession& session, const ParsedLine&) {
      session.closed_ = true;
      return Reply{};
    };
    const auto write = [](ShellSession& session, const ParsedLine&) { return session.write(); };
    const std::vector<Row> more = {
        {"explain <CONTAINER|ADDRESS> [json]",
         "Why something is or is not advertised\nName of a container, or the beginning of its id\nIts address\nAs JSON",
         [](ShellSession& session, const ParsedLine& line) {
           return done(printed(session.shell_.host.explain(line[1]), line.words.size() > 2));
         }},
        {"firewall trace ADDRESS ADDRESS [icmp] [json]",
         "The rules in force\nThe way of one packet through them\nFrom this address\nTo this address\nA ping, the "
         "default\nAs JSON",
         [](ShellSession& session, const ParsedLine& line) {
           return session.trace(packet_of(line), ends_with_json(line));
         }},
        {"firewall trace ADDRESS ADDRESS <tcp|udp> (1-65535) [json]",
         "The rules in force\nThe way of one packet through them\nFrom this address\nTo this address\nA connection\nA "
         "datagram\nTo this port\nAs JSON",
         [](ShellSession& session, const ParsedLine& line) {
           firewall::TracedPacket packet = packet_of(line);
           packet.protocol = line[4];
           packet.port = parse_number<unsigned>(line[5]).value_or(0);  // the grammar let no other through
           return session.trace(packet, ends_with_json(line));
         }},
        {"withdraw", "Advertise nothing until 'no withdraw'",
         [](ShellSession& session, const ParsedLine&) { return session.withdraw(true); }},
        {"no withdraw", "Take back\nAdvertise again",
         [](ShellSession& session, const ParsedLine&) { return session.withdraw(false); }},
        {"configure terminal", "Change the configuration\nFrom here",
         [](ShellSession& session, const ParsedLine&) {
           session.mode_ = Mode::Config;
           return Reply{};
         }},
        {"write [<file|memory>]", "Save the configuration in force\nInto berthd's file\nThe same", write},
        {"copy running-config startup-config", "The same as write\nThe configuration in force\nInto berthd's file",
         write},
        // How long a page is, berthctl knows.
        {"terminal length (0-512)", "This shell\nLines before a pause\nLines; 0 for no pause", nothing},
        {"terminal no length", "This shell\nTake back\nNo pause", nothing},
        {"list", "Every command of this mode", [](ShellSession& session, const ParsedLine&) { return session.list(); }},
        {"enable", "Everybody here may do everything", nothing},
        {"disable", "The same as enable", nothing},
        {"end", "Back to the beginning", nothing},
        {"exit", "Leave", close},
        {"quit", "Leave", close},
    };
    rows.insert(rows.end(), more.begin(), more.end());
    return rows;
  }();
  return kRows;
}

Reply ShellSession::run_exec(std::string_view text) {
  const auto parsed = exec_grammar().parse(text);
  if (const auto* failure = std::get_if<ParseFailure>(&parsed)) return refused(text, *failure);
  const ParsedLine& line = std::get<ParsedLine>(parsed);
  return exec_rows()[line.command].run(*this, line);
}

Reply ShellSession::trace(const firewall::TracedPacket& packet, bool as_json) const {
  if (packet.source.is_v4() != packet.destination.is_v4())
    return {"% Both addresses must be of one family\n", VtyStatus::Warning};
  const auto found = shell_.host.trace(packet);
  if (!found) return {"% The rules of this host were not read yet\n", VtyStatus::Warning};
  return done(printed(*found, as_json));
}

Reply ShellSession::withdraw(bool on) {
  shell_.host.withdraw(on);
  const View view = shell_.host.view();
  if (view.zebra.connected) return {};
  // What was said holds here; the routes are in a zebra that can't be reached.
  const std::string told =
      on ? "% Withdrawn here, but zebra is away: what it has of ours it keeps until it is back, or until the grace "
           "time "
           "is over that began when it was lost (" +
               std::to_string(view.config.zebra.grace_seconds) + " s)\n"
         : "% Taken back here, but zebra is away: what is to be advertised is said when it is back\n";
  return {told, VtyStatus::Warning};
}

Reply ShellSession::write() const {
  const Status saved = shell_.host.save(print_config(shell_.host.config()));
  if (!saved) return {"% Not saved: " + saved.error().message + "; " + saved.error().remedy + "\n", VtyStatus::Warning};
  if (shell_.drafts.empty()) return done("[OK]\n");
  std::string out = "[OK], without what is not in force:";
  for (const auto& [name, draft] : shell_.drafts) out += " network " + name;
  return {out + "\n", VtyStatus::Warning};
}

}  // namespace berth
