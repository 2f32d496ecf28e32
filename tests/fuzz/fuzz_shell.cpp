// SPDX-License-Identifier: GPL-2.0-or-later
//
// The shell behind its socket: any bytes, in any pieces, in every mode, from two clients. Input: the size of the pieces in
// its first byte, then what the clients send, lines that end with a zero byte; a line of one byte 2 is the other client's
// turn. Whatever is said: no crash, an answer that a terminal can show and of a bounded size; a line that is refused
// changes nothing; what is in force is complete, and is read back as it is shown; what Tab offers can be gone on with.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "daemon/config/config_edit.h"
#include "daemon/config/config_gaps.h"
#include "daemon/config/config_print.h"
#include "daemon/vty/line_reader.h"
#include "daemon/vty/text.h"
#include "tests/unit/shell_fixture.h"

namespace {

using namespace berth;

constexpr std::size_t kMostLines = 32, kLongestLine = 4096, kSomeAnswer = 100000;

void require(bool what) {
  if (!what) std::abort();
}

bool reads_back(const std::string& text, const Config& config) {
  const auto again = parse_config(text, "shown");
  return again && *again == config;
}

// Takes on every configuration, and has containers and networks that nobody would name so.
class StrangeHost : public FakeHost {
 public:
  StrangeHost() {
    for (const std::string& name :
         {std::string("a b"), std::string("tab\there"), std::string("line\nhere"), std::string("\x1b[2J\xc2\x9b"),
          std::string("zero\0here", 9), std::string("10.10.1.2"), std::string("json"),
          std::string("gr\xc3\xb6\xc3\x9f"), std::string("\xff\xfe"), std::string(300, 'x'), std::string()})
      shown.containers.push_back(
          {{"docker", "0" + name}, name, name, {{"berth.tag", name}}, {{name, name, name, name, {}}}});
    shown.hostname = shown.zebra.frr_version = "\x1b]0;title\x07\xc3";
    shown.health["blue"].problems.push_back({"code", "text \x1b[2J\xff", "remedy\n\x9b", true});
  }
  void apply(const Config& config) override {
    require(config_gaps(config).empty() && reads_back(print_config(config), config));
    FakeHost::apply(config);
  }
  Status save(const std::string& text) override {
    require(reads_back(text, config()));
    return FakeHost::save(text);
  }
};

Grammar with_common(const Grammar& grammar) {
  std::vector<Command> all = grammar.commands();
  const auto& common = common_grammar().commands();
  all.insert(all.end(), common.begin(), common.end());
  return Grammar(std::move(all));
}

bool may_go_on(const Grammar& grammar, const std::string& line) {
  const auto parsed = grammar.parse(line);
  const auto* failure = std::get_if<ParseFailure>(&parsed);
  return !failure || failure->kind == ParseFailure::Kind::Incomplete;
}

// What Tab offers for the last word of the line makes a line that is one, or the beginning of one.
void check_offers(const ShellSession& session, const std::string& line) {
  static const Grammar config = with_common(config_grammar()), network = with_common(network_grammar());
  const std::string prompt = session.prompt();
  const bool inside = prompt.ends_with("(config-network)# "), top = !inside && !prompt.ends_with("(config)# ");
  const auto words = split_words(line);
  const bool to_do = !top && !words.empty() && words[0].text == "do" && words[0].column + 2 < line.size();
  const Grammar& grammar = top || to_do ? exec_grammar() : inside ? network : config;
  const std::size_t from = line.find_last_of(" \t\r") + 1;
  for (const Completion& each : session.complete(line)) {
    if (!each.keyword) continue;
    require(each.text.starts_with(line.substr(from)));
    const std::string whole = line.substr(0, from) + each.text;
    require(may_go_on(grammar, to_do ? whole.substr(words[0].column + 2) : whole));
  }
}

void say(ShellSession& session, const Shell& shell, const StrangeHost& host, const std::string& line) {
  check_offers(session, line);
  const Config before = host.config();
  const auto drafts = shell.drafts;
  const std::string prompt = session.prompt();
  const Reply reply = session.run(line);
  require(for_terminal(reply.text) == reply.text);
  if (reply.text.size() > kSomeAnswer) require(reply.text.size() < 20 * print_config(host.config()).size());
  const bool refused = reply.status == VtyStatus::NoMatch || reply.status == VtyStatus::Ambiguous ||
                       reply.status == VtyStatus::Incomplete || reply.text.starts_with("% Not done");
  require(!refused || (host.config() == before && shell.drafts == drafts && session.prompt() == prompt));
}

// As the vty server reads them.
std::vector<std::string> lines_of(std::string_view bytes, std::size_t piece) {
  std::vector<std::string> out;
  LineReader reader(kLongestLine);
  while (!bytes.empty()) {
    std::string_view rest = bytes.substr(0, piece);
    bytes.remove_prefix(rest.size());
    while (!rest.empty()) {
      const LineReader::Found found = reader.take(rest);
      require(reader.line().size() <= kLongestLine);
      if (found == LineReader::Found::TooLong) return out;
      if (found == LineReader::Found::Line) out.push_back(reader.line());
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto lines = lines_of(bytes, 1 + data[0]);
  require(lines == lines_of(bytes, bytes.size()));
  StrangeHost host;
  Shell shell{host, {}};
  ShellSession one(shell), other(shell);
  ShellSession* turn = &one;
  for (std::size_t at = 0; at < std::min(lines.size(), kMostLines); ++at) {
    if (lines[at] == "\x02") turn = turn == &one ? &other : &one;
    say(*turn, shell, host, lines[at]);
  }
  for (ShellSession* each : {&one, &other}) {
    say(*each, shell, host, "end");
    require(each->prompt() == host.hostname() + "# ");
  }
  const std::string text = one.run("show running-config").text;
  require(reads_back(text.substr(text.find('\n') + 1), host.config()));
  return 0;
}
