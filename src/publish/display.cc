#include "publish/display.h"

#include <algorithm>
#include <cctype>

#include "base/json.h"
#include "evidence/metrics.h"

namespace crumb {
namespace {

constexpr std::string_view kEmbed = "+embed";

std::string MethodOf(const StudyRows& study, std::string_view subject) {
  for (const Evidence& row : study.all()) {
    if (row.subject != subject || row.options.empty()) continue;
    const Result<Json> options = ParseJson(row.options, "options");
    if (!options.ok()) continue;
    const Result<std::string> method = JsonStringOr(*options, "method", "", "options");
    if (method.ok() && !method->empty()) return *method == "rtn" ? "" : *method;
  }
  return "";
}

// The text with this prefix before the width, or the width as it is.
std::string Word(std::string_view prefix, const std::string& width, const Texts& texts) {
  return std::string(texts.Or(std::string(prefix) + width, width));
}

}  // namespace

VariantParts PartsOf(const StudyRows& study, std::string_view subject) {
  VariantParts parts;
  parts.method = MethodOf(study, subject);
  const size_t at = subject.find(kEmbed);
  parts.width = subject.substr(0, at);
  if (at == std::string_view::npos) return parts;
  parts.embedding = subject.substr(at + kEmbed.size());
  const bool digits =
      !parts.embedding.empty() && std::all_of(parts.embedding.begin(), parts.embedding.end(),
                                              [](unsigned char c) { return std::isdigit(c) != 0; });
  if (digits) parts.embedding.insert(0, "int");
  return parts;
}

std::string WidthLabel(const VariantParts& parts, const Texts& texts) {
  if (parts.width == kReference) return std::string(texts["reference"]);
  const std::string width = Word("full_", parts.width, texts);
  if (parts.method.empty()) return width;
  return texts.Fill("method_of", {{"width", width}, {"method", parts.method}});
}

std::string EmbeddingLabel(const VariantParts& parts, const Texts& texts) {
  if (parts.embedding.empty()) return "";
  return texts.Fill("embedding", {{"embedding", Word("full_", parts.embedding, texts)}});
}

std::string FullLabel(const VariantParts& parts, const Texts& texts) {
  if (parts.embedding.empty()) return WidthLabel(parts, texts);
  return texts.Fill("variant", {{"width", WidthLabel(parts, texts)},
                                {"embedding", Word("full_", parts.embedding, texts)}});
}

std::string TickLabel(const VariantParts& parts, const Texts& texts) {
  return Word("short_", parts.width, texts);
}

std::string ScreenLabel(const VariantParts& parts, const Texts& texts) {
  if (parts.width == kReference) return std::string(texts["reference"]);
  std::string label = TickLabel(parts, texts);
  if (!parts.embedding.empty()) label += "/" + Word("short_", parts.embedding, texts);
  return parts.method.empty() ? label : label + " " + parts.method;
}

std::string TextLabel(std::string_view text, const Texts& texts) {
  if (text == "en") return std::string(texts["text_en"]);
  if (text == "zh") return std::string(texts["text_zh"]);
  return texts.Fill("text_other", {{"name", std::string(text)}});
}

std::string ShortTextLabel(std::string_view text, const Texts& texts) {
  if (text == "en") return std::string(texts["text_short_en"]);
  if (text == "zh") return std::string(texts["text_short_zh"]);
  return std::string(text);
}

std::string MetricLabel(std::string_view metric, const Texts& texts) {
  const MetricInfo* info = FindMetric(metric);
  if (info == nullptr) return std::string(metric);
  return std::string(texts.is_chinese() ? info->chinese : info->english);
}

DisplayUnit UnitOf(std::string_view metric) {
  const MetricInfo* info = FindMetric(metric);
  if (metric == metric::kTopAgreement || metric == metric::kBandwidthShare) return {0.01, " %"};
  if (info == nullptr) return {};
  if (info->unit == "bytes") return {1e6, " MB"};
  if (info->unit == "bytes/s") return {1e9, " GB/s"};
  if (info->unit == "s") return {1, " s"};
  return {};
}

}  // namespace crumb
