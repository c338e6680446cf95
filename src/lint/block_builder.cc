#include "lint/block_builder.h"

#include <utility>

namespace crumb::lint {

void BlockBuilder::Text(std::string_view text, Position at) {
  if (block_.text.empty()) {
    const size_t lead = BlankPrefix(text);
    block_.lead += text.substr(0, lead);
    at.column += CodePoints(text.substr(0, lead));
    text.remove_prefix(lead);
  }
  if (text.empty()) return;
  block_.anchors.push_back({block_.text.size(), at});
  if (bold_) {
    const size_t begin = block_.text.size();
    if (!block_.bold.empty() && block_.bold.back().end == begin) {
      block_.bold.back().end += text.size();
    } else {
      block_.bold.push_back({begin, begin + text.size()});
    }
  }
  block_.text += text;
}

void BlockBuilder::SetBold(bool bold) { bold_ = bold; }

void BlockBuilder::Break(std::vector<Block>& blocks) {
  block_.text.resize(TrimRight(block_.text).size());
  for (Span& span : block_.bold) span.end = std::min(span.end, block_.text.size());
  if (!block_.text.empty()) blocks.push_back(std::move(block_));
  block_ = Block();
}

}  // namespace crumb::lint
