// What the name of a variant says, and which variants stand beside each other.
#ifndef CRUMB_PUBLISH_VARIANTS_H_
#define CRUMB_PUBLISH_VARIANTS_H_

#include <string>
#include <string_view>

#include "publish/study_rows.h"

namespace crumb {

// Names are "BLOCK+embedEMBEDDING" (VariantName in quant/plan.h):
//   BLOCK      "int4", "ternary" (rounded to nearest), "trellis2", "binary-row", "gptq-int3",
//              "ternary-ternary", "mixed2.50" (widths mixed), "rule2.50" (by rule of thumb)
//   EMBEDDING  "8" (int8), "ternary", or "-" and any of the above
// A subject of another form is all width.
struct VariantParts {
  std::string width;             // "int4", "trellis2", "ternary", "mixed2.50", "reference"
  std::string method;            // "rtn", "trellis", "gptq", "mixed", ...; empty: not known
  std::string embedding;         // as width; empty: not said
  std::string embedding_method;  // as method
  bool embedding_at_width() const { return width == embedding && width != "int8"; }
  bool rounded() const { return method == "rtn"; }
};
VariantParts PartsOf(std::string_view subject);

// What variants of one width have in common whatever their method: "4", "1.58"; of a mixture and of
// other names the whole width.
std::string NominalWidth(const VariantParts& parts);

// The variant of the same width and embedding that is rounded to nearest; empty when `variant` is
// that itself or there is none.
std::string RoundedBeside(const StudyRows& study, std::string_view variant);
// Whether `variant` is rounded to nearest and stands beside one of another method.
bool IsBesideOnly(const StudyRows& study, std::string_view variant);
// Whether any variant is made by another method than rounding to nearest.
bool HasMethods(const StudyRows& study);

}  // namespace crumb

#endif  // CRUMB_PUBLISH_VARIANTS_H_
