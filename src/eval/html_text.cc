#include "eval/html_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace crumb {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }
bool IsAscii(char c) { return static_cast<unsigned char>(c) < 0x80; }

void AppendUtf8(uint32_t code, std::string* out) {
  const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

// Decodes the reference `name` (without & and ;); false when it is unknown.
bool AppendReference(std::string_view name, std::string* out) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kNamed = {
      {{"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}, {"nbsp", " "}}};
  for (const auto& [known, text] : kNamed) {
    if (name == known) {
      out->append(text);
      return true;
    }
  }
  if (name.size() < 2 || name[0] != '#') return false;
  const bool hexadecimal = name[1] == 'x' || name[1] == 'X';
  const std::string_view digits = name.substr(hexadecimal ? 2 : 1);
  uint32_t code = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), code, hexadecimal ? 16 : 10);
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  if (error != std::errc() || end != digits.data() + digits.size() || code == 0 ||
      code > 0x10ffff || surrogate) {
    return false;
  }
  code == 0xa0 ? out->push_back(' ') : AppendUtf8(code, out);
  return true;
}

std::string DecodeReferences(std::string_view text) {
  constexpr size_t kLongest = 10;
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '&') {
      const size_t end = text.substr(i, kLongest).find(';');
      if (end != std::string_view::npos && AppendReference(text.substr(i + 1, end - 1), &out)) {
        i += end;
        continue;
      }
    }
    out.push_back(text[i]);
  }
  return out;
}

std::string CollapseSpace(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (!IsSpace(text[i])) {
      out.push_back(text[i++]);
      continue;
    }
    bool line_break = false;
    for (; i < text.size() && IsSpace(text[i]); ++i) line_break |= text[i] == '\n';
    if (out.empty() || i == text.size()) continue;
    const bool between_wide = !IsAscii(out.back()) && !IsAscii(text[i]);
    if (!(line_break && between_wide)) out.push_back(' ');
  }
  return out;
}

// One tag: its name in lower case, whether it closes, and where it ends.
struct Tag {
  std::string name;
  bool closing = false;
  size_t end = 0;  // behind '>'
};

Tag ReadTag(std::string_view html, size_t begin) {
  Tag tag;
  size_t i = begin + 1;
  if (html.substr(begin).starts_with("<!--")) {
    const size_t end = html.find("-->", begin);
    tag.end = end == std::string_view::npos ? html.size() : end + 3;
    return tag;
  }
  if (i < html.size() && html[i] == '/') {
    tag.closing = true;
    ++i;
  }
  for (; i < html.size() && !IsSpace(html[i]) && html[i] != '>' && html[i] != '/'; ++i) {
    const char c = html[i];
    tag.name.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  }
  char quote = 0;  // a '>' inside an attribute does not end the tag
  for (; i < html.size() && (quote != 0 || html[i] != '>'); ++i) {
    if (quote != 0) {
      if (html[i] == quote) quote = 0;
    } else if (html[i] == '"' || html[i] == '\'') {
      quote = html[i];
    }
  }
  tag.end = i < html.size() ? i + 1 : html.size();
  return tag;
}

// Where the content of <name> ends: behind its closing tag.
size_t SkipElement(std::string_view html, size_t begin, std::string_view name) {
  const std::string closing = "</" + std::string(name);
  const size_t found = html.find(closing, begin);
  return found == std::string_view::npos ? html.size() : ReadTag(html, found).end;
}

}  // namespace

std::vector<std::string> HtmlParagraphs(std::string_view html) {
  std::vector<std::string> paragraphs;
  std::string current;
  bool inside = false;
  const auto finish = [&] {
    std::string text = CollapseSpace(DecodeReferences(current));
    if (inside && !text.empty()) paragraphs.push_back(std::move(text));
    current.clear();
    inside = false;
  };
  size_t i = 0;
  while (i < html.size()) {
    const size_t open = std::min(html.find('<', i), html.size());
    if (inside) current.append(html.substr(i, open - i));
    if (open == html.size()) break;
    const Tag tag = ReadTag(html, open);
    i = tag.end;
    if (tag.name == "p") {
      finish();
      inside = !tag.closing;
    } else if (tag.name == "br") {
      current.push_back(' ');
    } else if (!tag.closing && (tag.name == "pre" || tag.name == "script" || tag.name == "style")) {
      i = SkipElement(html, i, tag.name);
    }
  }
  finish();
  return paragraphs;
}

}  // namespace crumb
