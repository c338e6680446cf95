// An article before it has a form: blocks of text with bold runs, in order, and what stands beside
// it. The writer (article/write.h) makes it from a ledger; the renderers (article/render_*.h) turn
// it into source, plain text, HTML and Word without changing a character of it. Nothing here is
// shared with src/lint, which reads the finished files by itself.
#ifndef CRUMB_ARTICLE_DOCUMENT_H_
#define CRUMB_ARTICLE_DOCUMENT_H_

#include <cstdint>
#include <string>
#include <vector>

namespace crumb::article {

enum class BlockKind {
  kTitle,       // once, the first block
  kHeading,     // 一、...
  kSubheading,  // the name of a step, a challenge or a misuse; no 。 at its end
  kParagraph,   // indented by two characters
};

// A stretch of UTF-8 text of one emphasis; no line break, no mark of emphasis, no indent.
struct Run {
  std::string text;
  bool bold = false;
};

struct Block {
  BlockKind kind = BlockKind::kParagraph;
  std::vector<Run> runs;

  std::string Text() const;  // all runs, joined
};

// A picture of the Word file and of a PNG file of its own; the page that is copied has none.
struct Figure {
  std::string name;     // base name without ending, [a-z0-9-]+; the file is NAME.png
  std::string caption;  // one line of Chinese, without any numeral that no row has
  std::string png;      // the bytes
  int width_pixels = 0;
  int height_pixels = 0;
  std::vector<int64_t> evidence;  // ids of all rows whose values are drawn
  int after_section = 0;          // stands at the end of this section, 1 = 一; 0: of the last one
};

struct Document {
  std::vector<Block> blocks;
  std::vector<Figure> figures;
  std::vector<std::string> audiences;  // names as the trace has them
  std::vector<std::string> tags;       // metadata only, never in the text
  std::string sector;

  std::string Title() const;
};

// The normalized plain text of docs/formats/trace.md: every block as one line, joined by "\n".
std::string NormalizedText(const Document& document);

}  // namespace crumb::article

#endif  // CRUMB_ARTICLE_DOCUMENT_H_
