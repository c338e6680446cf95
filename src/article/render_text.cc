#include "article/render_text.h"

namespace crumb::article {
namespace {

std::string Render(const Document& document, bool marks) {
  std::string text;
  for (const Block& block : document.blocks) {
    if (!text.empty()) text += "\n";
    if (block.kind == BlockKind::kParagraph) {
      text += "　　";
    } else if (marks && block.kind != BlockKind::kTitle) {
      text += "### ";
    }
    for (const Run& run : block.runs) {
      text += marks && run.bold ? "**" + run.text + "**" : run.text;
    }
    text += "\n";
  }
  return text;
}

}  // namespace

std::string RenderSource(const Document& document) { return Render(document, true); }
std::string RenderPlain(const Document& document) { return Render(document, false); }

}  // namespace crumb::article
