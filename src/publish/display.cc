#include "publish/display.h"

#include <fmt/format.h>

#include "evidence/metrics.h"

namespace crumb {
namespace {

// Widths whose name ends in a number that a person reads as it is: "mixed2.50".
constexpr std::string_view kNumbered[] = {"mixed", "rule"};

// The word for a width: from the table, or with its number put in, or as it is.
std::string Word(std::string_view form, const std::string& width, const Texts& texts) {
  for (const std::string_view kind : kNumbered) {
    if (!width.starts_with(kind) || width.size() == kind.size()) continue;
    return texts.Fill(fmt::format("{}_{}", form, kind), {{"bits", width.substr(kind.size())}});
  }
  return std::string(texts.Or(fmt::format("{}_{}", form, width), width));
}

// "INT3 (GPTQ)"; the method alone says nothing where the codec or rounding says it.
std::string Named(const std::string& width, const std::string& method, const Texts& texts) {
  const std::string word = Word("full", width, texts);
  const bool said =
      method.empty() || method == "rtn" || (width != method && width.starts_with(method));
  if (said) return word;
  return texts.Fill(
      "method_of",
      {{"width", word},
       {"method", std::string(texts.Or("by_" + method, texts.Or("method_" + method, method)))}});
}

std::string EmbeddingName(const VariantParts& parts, const Texts& texts) {
  return Named(parts.embedding, parts.embedding_method, texts);
}

}  // namespace

std::string WidthLabel(const VariantParts& parts, const Texts& texts) {
  if (parts.width == kReference) return std::string(texts["reference"]);
  return Named(parts.width, parts.method, texts);
}

std::string MethodLabel(const VariantParts& parts, const Texts& texts) {
  if (parts.method.empty()) return "";
  return std::string(texts.Or("method_" + parts.method, parts.method));
}

std::string EmbeddingLabel(const VariantParts& parts, const Texts& texts) {
  if (parts.embedding.empty()) return "";
  return texts.Fill("embedding", {{"embedding", EmbeddingName(parts, texts)}});
}

std::string FullLabel(const VariantParts& parts, const Texts& texts) {
  if (parts.embedding.empty()) return WidthLabel(parts, texts);
  return texts.Fill(
      "variant", {{"width", WidthLabel(parts, texts)}, {"embedding", EmbeddingName(parts, texts)}});
}

std::string TickLabel(const VariantParts& parts, const Texts& texts) {
  return Word("tick", NominalWidth(parts), texts);
}

std::string ScreenLabel(const VariantParts& parts, const Texts& texts) {
  if (parts.width == kReference) return std::string(texts["reference"]);
  std::string label = Word("short", parts.width, texts);
  if (!parts.embedding.empty()) label += "/" + Word("short", parts.embedding, texts);
  const std::string_view method = texts.Or("short_by_" + parts.method, "");
  return method.empty() ? label : fmt::format("{} {}", label, method);
}

std::string ActivationLabel(std::string_view activations, const Texts& texts) {
  return std::string(texts.Or(fmt::format("activations_{}", activations), activations));
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
  if (metric == metric::kTaskAccuracy || metric == metric::kTaskChange) return {0.01, " %"};
  if (info == nullptr) return {};
  if (info->unit == "bytes") return {1e6, " MB"};
  if (info->unit == "bytes/s") return {1e9, " GB/s"};
  if (info->unit == "s") return {1, " s"};
  return {};
}

}  // namespace crumb
