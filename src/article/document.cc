#include "article/document.h"

namespace crumb::article {

std::string Block::Text() const {
  std::string text;
  for (const Run& run : runs) text += run.text;
  return text;
}

std::string Document::Title() const {
  for (const Block& block : blocks) {
    if (block.kind == BlockKind::kTitle) return block.Text();
  }
  return {};
}

std::string NormalizedText(const Document& document) {
  std::string text;
  for (const Block& block : document.blocks) {
    if (!text.empty()) text += '\n';
    text += block.Text();
  }
  return text;
}

}  // namespace crumb::article
