// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <cctype>

#include "container_watcher/firewall/rule_parser.h"

namespace berth::firewall {
namespace {

bool is_space(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

// Where quoted text ends that begins at `begin`. `word`: what stands before it.
std::size_t end_of_quote(std::string_view text, std::size_t begin, std::string_view word) {
  const std::size_t next = text.find('"', begin + 1);
  const std::size_t line = std::min(text.find('\n', begin), text.size());
  if (next == std::string_view::npos || next > line) return line;
  if (word != "comment" && word != "prefix") return next;
  std::string_view rest = text.substr(begin, line - begin);
  if (word == "prefix")
    if (const std::size_t comment = rest.find("\" comment \""); comment != std::string_view::npos)
      rest = rest.substr(0, comment + 1);
  // Elements of a set have comments too, several on a line.
  if (word == "comment" && rest.find_first_of("{},;") != std::string_view::npos) {
    if (const char after = next + 1 < text.size() ? text[next + 1] : '\n';
        std::string_view("},; \n").find(after) != std::string_view::npos)
      return next;
  }
  return begin + rest.rfind('"');
}

}  // namespace

bool is_raw(std::string_view word) {
  return word.starts_with("@nh,") || word.starts_with("@th,") || word.starts_with("@ll,") || word.starts_with("@ih,");
}

std::vector<Token> tokens_of(std::string_view text) {
  std::vector<Token> out;
  std::size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    const std::size_t begin = at;
    const bool mark = std::string_view("\n{},;").find(c) != std::string_view::npos;
    if (mark) {
      out.push_back({text.substr(at, 1), false, begin, begin + 1});
      ++at;
    } else if (is_space(c) || (c == '\\' && at + 1 < text.size() && text[at + 1] == '\n')) {
      at += c == '\\' ? 2 : 1;
    } else if (c == '#') {  // a warning or a handle, to the end of the line
      at = std::min(text.find('\n', at), text.size());
      out.push_back({text.substr(begin, at - begin), false, begin, at});
    } else if (c == '"') {
      const std::size_t end = end_of_quote(text, at, out.empty() ? std::string_view() : out.back().text);
      out.push_back({text.substr(at + 1, end - std::min(at + 1, end)), true, begin, std::min(end + 1, text.size())});
      at = std::min(end < text.size() && text[end] == '"' ? end + 1 : end, text.size());
      if (at == begin) ++at;
    } else {
      const bool raw = is_raw(text.substr(at));
      while (at < text.size() && !is_space(text[at]) &&
             (raw || std::string_view("{},;\"").find(text[at]) == std::string_view::npos))
        ++at;
      if (at == begin) ++at;
      out.push_back({text.substr(begin, at - begin), false, begin, at});
    }
  }
  return out;
}

std::vector<Element> elements_of(const std::vector<Token>& tokens, std::size_t* at) {
  std::vector<Element> out;
  const auto is = [&](std::string_view word) { return *at < tokens.size() && tokens[*at].is(word); };
  while (*at < tokens.size() && !is("}")) {
    if (is(",") || is("\n")) {
      ++*at;
      continue;
    }
    Element each;
    bool data = false, key = true;
    for (bool next = true; *at < tokens.size() && !is(",") && !is("}"); ++*at) {
      const Token& token = tokens[*at];
      if (token.is("\n")) continue;
      if (!data && token.is(":")) {
        data = true;
      } else if (data) {
        each.data += (each.data.empty() ? "" : " ") + std::string(token.text);
      } else if (token.is(".")) {
        next = key;
      } else if (next) {
        std::string_view text = token.text;
        if (!token.quoted && text.size() > 1 && text.ends_with(':') && !text.ends_with("::")) {
          text.remove_suffix(1);
          data = true;
        }
        each.parts.emplace_back(text);
        next = false;
      } else if (key && !token.quoted && token.text.starts_with('-')) {
        each.parts.back() += token.text;  // a range of quoted words
        next = token.text == "-";
        if (next) each.parts.back() += *at + 1 < tokens.size() ? std::string(tokens[++*at].text) : std::string();
        next = false;
      } else {
        key = false;  // timeout, expires, counter, comment
      }
    }
    if (!each.parts.empty()) out.push_back(std::move(each));
  }
  if (*at < tokens.size()) ++*at;
  return out;
}

}  // namespace berth::firewall
