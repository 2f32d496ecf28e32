// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a line typed at the shell does. No sockets: a Session takes a line and gives a text and a status. Thread: the
// daemon's. Owner: the vty server, one Session for each client; what they share is in the Shell.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "container_watcher/firewall/verdict.h"
#include "core/config.h"
#include "core/result.h"
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

class Session {
 public:
  explicit Session(Shell& shell) : shell_(shell) {}
  Reply run(std::string_view line);
  bool closed() const { return closed_; }  // `exit` at the top
  std::string prompt() const;
  // For Tab and `?`; the names of containers and networks are among them.
  std::vector<Completion> complete(std::string_view line) const;

 private:
  enum class Mode { Exec, Config, Network };
  Reply answer(std::string_view line);
  Reply run_exec(std::string_view line);
  Reply run_config(std::string_view line);
  Reply run_common(const std::string& word, std::string_view line);
  Reply internal(std::string_view line) const;
  Reply exec(const ParsedLine& line);
  Reply show(const ParsedLine& line) const;
  Reply trace(const ParsedLine& line) const;
  Reply while_zebra_is_away(bool withdrawn) const;
  Reply write() const;
  Reply change_network(std::string_view line);
  Reply change(std::string_view line);
  void enter_network(const std::string& name);
  Reply leave_network();
  std::string running_config() const;
  std::string list() const;
  const Grammar& grammar() const;

  Shell& shell_;
  Mode mode_ = Mode::Exec;
  NetworkConfig draft_;
  bool closed_ = false;
};

// For the documentation's check.
const Grammar& exec_grammar();
const Grammar& common_grammar();  // what configure terminal knows beside the configuration itself

}  // namespace berth
