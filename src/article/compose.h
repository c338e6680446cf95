// Filled texts put into a document, block by block: terms are explained and versions introduced at
// their first use, and every numeral is written into the trace in the order of the text.
#ifndef CRUMB_ARTICLE_COMPOSE_H_
#define CRUMB_ARTICLE_COMPOSE_H_

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "article/document.h"
#include "article/fill.h"

namespace crumb::article {

class Composer {
 public:
  explicit Composer(const Library& library) : library_(library) {}

  void Title(const Pieces& pieces) { Add(BlockKind::kTitle, pieces); }
  // Numbered 一、二、... by itself.
  void Heading(const Pieces& pieces);
  void UnnumberedHeading(std::string_view text) {
    Add(BlockKind::kHeading, {{std::string(text), {}, ""}});
  }
  void Subheading(const Pieces& pieces) { Add(BlockKind::kSubheading, pieces); }
  // `facts`: the study that names of versions in it belong to.
  void Paragraph(const Pieces& pieces, const Facts& facts);

  Document& document() { return document_; }
  const std::vector<Numeral>& numerals() const { return numerals_; }

 private:
  void Add(BlockKind kind, const Pieces& pieces);
  // The pieces with explanations put in.
  Pieces Explained(const Pieces& pieces, const Facts& facts);
  void ExplainTerms(const std::string& text, const std::string& behind, const Facts& facts,
                    Pieces& into);
  void Introduce(const std::string& subject, const Facts& facts, Pieces& into);

  const Library& library_;
  Document document_;
  std::vector<Numeral> numerals_;
  std::set<std::string, std::less<>> seen_terms_;
  std::set<std::string, std::less<>> seen_variants_;
  size_t sections_ = 0;
};

// article.trace.json (docs/formats/trace.md) of a document with these numerals.
std::string TraceJson(const Document& document, const std::vector<Numeral>& numerals);

}  // namespace crumb::article

#endif  // CRUMB_ARTICLE_COMPOSE_H_
