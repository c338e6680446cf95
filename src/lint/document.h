// A finished article as people will see it: a list of blocks of plain text with where each stands
// in its file, and what the file holds besides (tags, styles). All readers give this one form;
// nothing here is shared with whatever wrote the article.
#ifndef CRUMB_LINT_DOCUMENT_H_
#define CRUMB_LINT_DOCUMENT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "text/pattern.h"

namespace crumb::lint {

// Both from 1; columns count code points. In a Word file the line is the number of the paragraph.
struct Position {
  int line = 1;
  int column = 1;
};

// A caption stands below a figure of a Word file: its words are checked as all others are, but it
// is no part of the article's text, nor of the sections.
enum class BlockKind { kTitle, kHeading, kSubheading, kParagraph, kSource, kCaption };
enum class Form { kText, kHtml, kDocx };

struct Block {
  BlockKind kind = BlockKind::kParagraph;
  std::string text;  // UTF-8 without emphasis marks, heading marks and the white space around it
  std::vector<Span> bold;
  std::string lead;           // the white space before the text, as it stands in the file
  int level = 0;              // what the file says of it: 1 title, 2 or more a heading, 0 nothing
  bool style_indent = false;  // text-indent:2em, or Word's firstLineChars="200"
  bool odd_indent = false;    // an indent by style that is another one
  bool caption = false;       // of style Caption, right below a figure

  struct Anchor {
    size_t byte;  // of text
    Position at;
  };
  std::vector<Anchor> anchors;  // ascending; the text between two of them stands in one line

  Position At(size_t byte) const;
  bool IsBody() const { return kind == BlockKind::kParagraph || kind == BlockKind::kSource; }
};

// What a file holds besides its text: an HTML element or attribute, a style, a property of a Word
// run.
struct Feature {
  std::string kind;  // "element", "attribute", "style", "mark"
  std::string name;  // "table", "class", "float", "italic"
  Position at;
};

struct Document {
  std::string file;  // as messages name it
  Form form = Form::kText;
  std::vector<Block> blocks;
  std::vector<Feature> features;
};

// Decides what each block is from level, lead and text: the first block without indent is the
// title; a line "一、..." is a heading; another line without indent and without a full stop at its
// end is a subheading; what stands under the heading 数据来源 is a source.
void Classify(Document& document);

// Every block but captions as one line, joined by "\n": the text whose SHA-256 a trace names.
std::string NormalizedText(const Document& document);

// The readers. Any bytes are accepted: what is not UTF-8, no zip or too large is an error of one
// line. `name` is for messages.
Result<Document> ReadText(std::string_view bytes, const std::string& name);
Result<Document> ReadHtml(std::string_view bytes, const std::string& name);
Result<Document> ReadDocx(std::string_view bytes, const std::string& name);

// Reads a file by its ending (.html, .htm, .docx, otherwise text).
Result<Document> ReadDocument(const std::string& path);

// Limits of what is read, in bytes: a file, and the parts of a Word file once unpacked.
inline constexpr int64_t kMaxFileBytes = 4 << 20;
inline constexpr int64_t kMaxPartBytes = 8 << 20;

// Characters of a whole article: five times what the editor takes.
inline constexpr int kMaxCharacters = 100000;

// Helpers of the readers.
Status CheckSize(const Document& document);      // it holds text, and not more than that
bool IsBlank(char32_t c);                        // white space, U+3000 included
size_t BlankPrefix(std::string_view text);       // bytes
std::string_view TrimRight(std::string_view s);  // without white space at the end
int CodePoints(std::string_view text);

}  // namespace crumb::lint

#endif  // CRUMB_LINT_DOCUMENT_H_
