#include "lint/document.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/files.h"
#include "text/utf8.h"

namespace crumb::lint {
namespace {

constexpr std::string_view kDigits = "一二三四五六七八九十";

// "一、", "十二、" at the start.
bool IsNumberedHeading(std::string_view text) {
  size_t at = 0;
  while (at + 3 <= text.size() && kDigits.find(text.substr(at, 3)) != std::string_view::npos) {
    at += 3;
  }
  return at > 0 && text.substr(at).starts_with("、");
}

bool EndsSentence(std::string_view text) {
  return text.ends_with("。") || text.ends_with("；") || text.ends_with("：") ||
         text.ends_with("”") || text.ends_with("，");
}

bool IsSourceHeading(std::string_view text) { return text.ends_with("数据来源"); }

}  // namespace

Position Block::At(size_t byte) const {
  Position at;
  size_t from = 0;
  for (const Anchor& anchor : anchors) {
    if (anchor.byte > byte) break;
    at = anchor.at;
    from = anchor.byte;
  }
  byte = std::min(byte, text.size());
  at.column += CodePoints(std::string_view(text).substr(from, byte - from));
  return at;
}

void Classify(Document& document) {
  bool in_sources = false;
  bool first = true;
  for (Block& block : document.blocks) {
    const bool indented = !block.lead.empty() || block.style_indent || block.odd_indent;
    const bool line = !indented && !EndsSentence(block.text) && CodePoints(block.text) <= 60;
    if (block.caption) {
      block.kind = BlockKind::kCaption;
      continue;
    }
    if (block.level == 1 || (first && block.level == 0 && line && !IsNumberedHeading(block.text))) {
      block.kind = BlockKind::kTitle;
    } else if (block.level >= 2 || line) {
      const bool sources = IsSourceHeading(block.text);
      const bool heading = sources || IsNumberedHeading(block.text);
      block.kind = heading ? BlockKind::kHeading : BlockKind::kSubheading;
      if (heading) in_sources = sources;
    } else {
      block.kind = in_sources ? BlockKind::kSource : BlockKind::kParagraph;
    }
    first = false;
  }
}

Status CheckSize(const Document& document) {
  if (document.blocks.empty()) return Corrupt(fmt::format("{}: holds no text", document.file));
  int characters = 0;
  for (const Block& block : document.blocks) characters += CodePoints(block.text);
  if (characters <= kMaxCharacters) return OkStatus();
  return Corrupt(fmt::format(
      "{}: holds {} characters; an article has at most 20000, and more than {} are not read",
      document.file, characters, kMaxCharacters));
}

std::string NormalizedText(const Document& document) {
  std::string text;
  for (const Block& block : document.blocks) {
    if (block.kind == BlockKind::kCaption) continue;
    if (!text.empty()) text += '\n';
    text += block.text;
  }
  return text;
}

Result<Document> ReadDocument(const std::string& path) {
  if (IsFolder(path)) {
    return InvalidArgument(fmt::format("{}: is a folder; name an article file in it", path));
  }
  CRUMB_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, kMaxFileBytes));
  std::string ending = path.substr(std::min(path.size(), path.find_last_of('.')));
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return std::tolower(c); });
  if (ending == ".docx") return ReadDocx(bytes, path);
  if (ending == ".html" || ending == ".htm") return ReadHtml(bytes, path);
  return ReadText(bytes, path);
}

bool IsBlank(char32_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0 || c == 0x3000 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x205F;
}

size_t BlankPrefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    size_t next = at;
    if (!IsBlank(NextCodePoint(text, &next))) break;
    at = next;
  }
  return at;
}

std::string_view TrimRight(std::string_view text) {
  size_t end = 0;
  for (size_t at = 0; at < text.size();) {
    if (!IsBlank(NextCodePoint(text, &at))) end = at;
  }
  return text.substr(0, end);
}

int CodePoints(std::string_view text) {
  return static_cast<int>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace crumb::lint
