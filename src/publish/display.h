// Names and units as people read them: variants, texts, metrics.
#ifndef CRUMB_PUBLISH_DISPLAY_H_
#define CRUMB_PUBLISH_DISPLAY_H_

#include <string>
#include <string_view>

#include "publish/study_rows.h"
#include "publish/texts.h"

namespace crumb {

// The parts of a variant's name: "int4+embed8" is width "int4", embedding "int8". A subject of
// another form is all width.
struct VariantParts {
  std::string width;
  std::string embedding;
  std::string method;  // empty for round-to-nearest, and where no row says
  bool embedding_at_width() const { return width == embedding; }
};
VariantParts PartsOf(const StudyRows& study, std::string_view subject);

std::string WidthLabel(const VariantParts& parts, const Texts& texts);  // "INT4"
std::string EmbeddingLabel(const VariantParts& parts,
                           const Texts& texts);                        // "embedding INT8", or ""
std::string FullLabel(const VariantParts& parts, const Texts& texts);  // "INT4, embedding INT8"
std::string TickLabel(const VariantParts& parts, const Texts& texts);  // "INT4"; Chinese: two signs
std::string ScreenLabel(const VariantParts& parts, const Texts& texts);  // "INT4/INT8"

std::string TextLabel(std::string_view text, const Texts& texts);       // "the English text"
std::string ShortTextLabel(std::string_view text, const Texts& texts);  // "English"
std::string MetricLabel(std::string_view metric, const Texts& texts);   // "generation speed"

// How much of the stored unit one shown unit is, and its sign behind the number (" MB", " %", "").
struct DisplayUnit {
  double size = 1;
  std::string_view suffix;
};
DisplayUnit UnitOf(std::string_view metric);

}  // namespace crumb

#endif  // CRUMB_PUBLISH_DISPLAY_H_
