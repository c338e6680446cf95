// Names and units as people read them: variants, texts, metrics.
#ifndef CRUMB_PUBLISH_DISPLAY_H_
#define CRUMB_PUBLISH_DISPLAY_H_

#include <string>
#include <string_view>

#include "publish/texts.h"
#include "publish/variants.h"

namespace crumb {

// The names take apart what PartsOf (publish/variants.h) found.
std::string WidthLabel(const VariantParts& parts, const Texts& texts);      // "INT4 (GPTQ)"
std::string MethodLabel(const VariantParts& parts, const Texts& texts);     // "trellis code", or ""
std::string EmbeddingLabel(const VariantParts& parts, const Texts& texts);  // "embedding INT8", ""
std::string FullLabel(const VariantParts& parts, const Texts& texts);    // "INT4, embedding INT8"
std::string TickLabel(const VariantParts& parts, const Texts& texts);    // "4 bits"
std::string ScreenLabel(const VariantParts& parts, const Texts& texts);  // "INT4/INT8 gptq"

// "float32", "INT8, one scale a token".
std::string ActivationLabel(std::string_view activations, const Texts& texts);
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
