// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a line typed at the shell does. No sockets: a ShellSession takes a line and gives a text and a status. Thread: the
// daemon's. Owner: the vty server, one ShellSession for each client; what they share is in the Shell.
//
// session.cpp: a line's way in, Tab and `?`. exec_commands.cpp: the commands of the top. config_mode.cpp: configure terminal.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "container_watcher/firewall/verdict.h"
#include "core/config.h"
#include "core/result.h"
#include "daemon/config/config_edit.h"
#include "daemon/show/view.h"
#include "daemon/vty/grammar.h"

namespace berth {

// The byte after a reply: FRR's CMD_… values (lib/command.h).
enum class VtyStatus : unsigned char {
  Success = 0,
  Warning = 1,
  NoMatch = 2,
  Ambiguous = 3,
  Incomplete = 4,
  ConfigFailed = 13,
};

struct Reply {
  std::string text;
  VtyStatus status = VtyStatus::Success;
};

// What the shell needs of the daemon.
class ShellHost {
 public:
  virtual ~ShellHost() = default;
  virtual View view() = 0;
  virtual const Config& config() const = 0;
  virtual std::string hostname() const = 0;
  virtual Explanation explain(const std::string& subject) const = 0;
  virtual void apply(const Config& config) = 0;      // takes effect now; complete and valid
  virtual Status save(const std::string& text) = 0;  // into the file that berthd was started with
  virtual void withdraw(bool on) = 0;
  // Nothing: the rules of this host were not read.
  virtual std::optional<firewall::Trace> trace(const firewall::TracedPacket&) const { return std::nullopt; }
};

// A network that was left before it was complete: not in force, not lost.
struct Shell {
  ShellHost& host;
  std::map<std::string, NetworkConfig> drafts;
};

class ShellSession {
 public:
  explicit ShellSession(Shell& shell) : shell_(shell) {}
  Reply run(std::string_view text);
  bool closed() const { return closed_; }  // `exit` at the top
  std::string prompt() const;
  // For Tab and `?`; the names of containers and networks are among them.
  std::vector<Completion> complete(std::string_view text) const;

 private:
  enum class Mode { Exec, Config, Network };
  // One command: how it is typed, how it is explained, what it does.
  struct Row {
    std::string syntax, help;
    std::function<Reply(ShellSession&, const ParsedLine&)> run;
  };
  static const std::vector<Row>& exec_rows();
  static const std::vector<Row>& common_rows();  // of configure terminal, beside the configuration itself
  static std::vector<Command> commands_of(const std::vector<Row>& rows);
  static const ConfigLines& config_modes();  // the configuration with the common rows
  friend const Grammar& exec_grammar();
  friend const Grammar& common_grammar();

  Reply answer(std::string_view text);
  Reply for_berthctl(std::string_view text) const;
  const Grammar& grammar() const;
  Reply list() const;

  Reply run_exec(std::string_view text);
  Reply withdraw(bool on);
  Reply write() const;
  Reply trace(const firewall::TracedPacket& packet, bool as_json) const;

  Reply run_config(std::string_view text);
  Reply run_do(const std::string& text);
  Reply leave_mode(Mode to);
  Reply change_network(std::string_view text, const ParsedLine& line);
  Reply change_top(std::string_view text, const ParsedLine& line);
  void enter_network(const std::string& name);
  Reply leave_network();

  Shell& shell_;
  Mode mode_ = Mode::Exec;
  NetworkConfig draft_;  // in mode Network: what it is to be when it is left
  bool closed_ = false;
};

// A line that was not understood, in the words of FRR.
Reply refused(std::string_view text, const ParseFailure& failure);

// For the documentation's check.
const Grammar& exec_grammar();
const Grammar& common_grammar();  // what configure terminal knows beside the configuration itself

}  // namespace berth
