// The source of an article (with ** and ###) and its plain text: one block a line.
#include <fmt/format.h>

#include "lint/block_builder.h"
#include "lint/document.h"
#include "text/utf8.h"

namespace crumb::lint {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// Text with its ** taken out. A mark that is never closed stays, for the rules to find.
void AddEmphasized(std::string_view line, Position at, BlockBuilder& builder) {
  while (true) {
    const size_t open = line.find("**");
    const size_t close = open == std::string_view::npos ? open : line.find("**", open + 2);
    if (close == std::string_view::npos || close == open + 2) break;
    builder.Text(line.substr(0, open), at);
    at.column += CodePoints(line.substr(0, open + 2));
    builder.SetBold(true);
    builder.Text(line.substr(open + 2, close - open - 2), at);
    builder.SetBold(false);
    at.column += CodePoints(line.substr(open + 2, close - open));
    line.remove_prefix(close + 2);
  }
  builder.Text(line, at);
}

void AddLine(std::string_view line, int number, Document& document) {
  BlockBuilder builder;
  Position at{number, 1};
  if (line.starts_with("### ")) {
    builder.block().level = 2;
    line.remove_prefix(4);
    at.column += 4;
  }
  AddEmphasized(line, at, builder);
  if (TrimRight(line).size() != line.size()) {
    document.features.push_back({"mark", "trailing space", {number, CodePoints(TrimRight(line))}});
  }
  builder.Break(document.blocks);
}

}  // namespace

Result<Document> ReadText(std::string_view bytes, const std::string& name) {
  Document document;
  document.file = name;
  int number = 1;
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  while (!bytes.empty()) {
    size_t end = std::min(bytes.size(), bytes.find('\n'));
    std::string_view line = bytes.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!IsValidUtf8(line) || line.find('\0') != std::string_view::npos) {
      return Corrupt(fmt::format("{}:{}: is not UTF-8 text; save the file as UTF-8", name, number));
    }
    AddLine(line, number, document);
    bytes.remove_prefix(std::min(bytes.size(), end + 1));
    ++number;
  }
  CRUMB_RETURN_IF_ERROR(CheckSize(document));
  Classify(document);
  return document;
}

}  // namespace crumb::lint
