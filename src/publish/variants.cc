#include "publish/variants.h"

#include <algorithm>
#include <cctype>

namespace crumb {
namespace {

constexpr std::string_view kEmbed = "+embed";

struct Choice {
  std::string_view method;
  std::string_view codec;
};

// What the names of codecs begin with, and the method of those whose name says no other.
constexpr Choice kCodecs[] = {{"rtn", "int"},       {"rtn", "ternary"}, {"trellis", "trellis"},
                              {"binary", "binary"}, {"mixed", "mixed"}, {"rule", "rule"},
                              {"rtn", "f16"},       {"rtn", "f32"},     {"rtn", "bf16"}};

std::string_view MethodOfCodec(std::string_view codec) {
  for (const Choice& known : kCodecs) {
    if (codec.starts_with(known.codec)) return known.method;
  }
  return "";
}

// "gptq-int3", "int3"
Choice ReadChoice(std::string_view name) {
  const size_t dash = name.find('-');
  if (dash != std::string_view::npos && !MethodOfCodec(name.substr(dash + 1)).empty()) {
    return {name.substr(0, dash), name.substr(dash + 1)};
  }
  return {MethodOfCodec(name), name};
}

bool AllDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool SameEmbedding(const VariantParts& a, const VariantParts& b) {
  // At the width itself counts as the same, though the codec is another with another method.
  return (a.embedding == b.embedding && a.embedding_at_width() == b.embedding_at_width()) ||
         (a.embedding_at_width() && b.embedding_at_width());
}

bool Beside(const VariantParts& a, const VariantParts& b) {
  return !a.method.empty() && !b.method.empty() && NominalWidth(a) == NominalWidth(b) &&
         SameEmbedding(a, b);
}

}  // namespace

VariantParts PartsOf(std::string_view subject) {
  VariantParts parts;
  const size_t at = subject.find(kEmbed);
  const Choice block = ReadChoice(subject.substr(0, at));
  parts.width = block.codec;
  parts.method = block.method;
  if (at == std::string_view::npos) return parts;
  std::string_view rest = subject.substr(at + kEmbed.size());
  if (AllDigits(rest)) {
    parts.embedding = "int" + std::string(rest);
    parts.embedding_method = "rtn";
    return parts;
  }
  if (rest.starts_with('-')) rest.remove_prefix(1);
  const Choice embedding = ReadChoice(rest);
  parts.embedding = embedding.codec;
  parts.embedding_method = embedding.method;
  return parts;
}

std::string NominalWidth(const VariantParts& parts) {
  for (const std::string_view prefix : {"int", "trellis"}) {
    if (parts.width.starts_with(prefix) && AllDigits(parts.width.substr(prefix.size()))) {
      return parts.width.substr(prefix.size());
    }
  }
  if (parts.width == "ternary") return "1.58";
  if (parts.width.starts_with("binary")) return "1";
  return parts.width;
}

std::string RoundedBeside(const StudyRows& study, std::string_view variant) {
  const VariantParts parts = PartsOf(variant);
  if (parts.rounded()) return "";
  for (const std::string& other : study.variants()) {
    const VariantParts other_parts = PartsOf(other);
    if (other_parts.rounded() && Beside(parts, other_parts)) return other;
  }
  return "";
}

bool IsBesideOnly(const StudyRows& study, std::string_view variant) {
  const VariantParts parts = PartsOf(variant);
  return parts.rounded() && std::any_of(study.variants().begin(), study.variants().end(),
                                        [&](const std::string& other) {
                                          const VariantParts other_parts = PartsOf(other);
                                          return !other_parts.rounded() &&
                                                 Beside(parts, other_parts);
                                        });
}

bool HasMethods(const StudyRows& study) {
  return std::any_of(study.variants().begin(), study.variants().end(),
                     [](const std::string& variant) {
                       const VariantParts parts = PartsOf(variant);
                       return !parts.method.empty() && !parts.rounded();
                     });
}

}  // namespace crumb
