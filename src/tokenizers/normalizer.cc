#include "tokenizers/normalizer.h"

#include <fmt/format.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include "base/json.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace crumb {
namespace {

constexpr int kMaxDepth = 16;

Result<Normalizer::Step> ReplaceStep(const Json& json, const std::string& name) {
  CRUMB_ASSIGN_OR_RETURN(const std::string to, JsonString(json, "content", name));
  const auto pattern = json.find("pattern");
  if (pattern == json.end() || !pattern->is_object() || !pattern->contains("String")) {
    return Unsupported(fmt::format("{}: a Replace normalizer with a regular expression", name));
  }
  CRUMB_ASSIGN_OR_RETURN(const std::string from, JsonString(*pattern, "String", name));
  if (from.empty()) return Corrupt(fmt::format("{}: a Replace normalizer of the empty text", name));
  return Normalizer::Step(
      [from, to](std::string_view text, TextPlace) { return ReplaceAll(text, from, to); });
}

Result<Normalizer::Step> BertStep(const Json& json, const std::string& name) {
  BertCleaning cleaning;
  CRUMB_ASSIGN_OR_RETURN(cleaning.clean_text, JsonBoolOr(json, "clean_text", true, name));
  CRUMB_ASSIGN_OR_RETURN(cleaning.space_around_han,
                         JsonBoolOr(json, "handle_chinese_chars", true, name));
  CRUMB_ASSIGN_OR_RETURN(cleaning.lowercase, JsonBoolOr(json, "lowercase", true, name));
  CRUMB_ASSIGN_OR_RETURN(cleaning.strip_accents,
                         JsonBoolOr(json, "strip_accents", cleaning.lowercase, name));
  return Normalizer::Step(
      [cleaning](std::string_view text, TextPlace) { return CleanForBert(text, cleaning); });
}

Result<Normalizer::Step> StripStep(const Json& json, const std::string& name) {
  CRUMB_ASSIGN_OR_RETURN(const bool left, JsonBoolOr(json, "strip_left", true, name));
  CRUMB_ASSIGN_OR_RETURN(const bool right, JsonBoolOr(json, "strip_right", true, name));
  return Normalizer::Step([left, right](std::string_view text, TextPlace) {
    return StripWhiteSpace(text, left, right);
  });
}

// A step that is a plain function of the text.
Normalizer::Step Plain(std::string (*function)(std::string_view)) {
  return [function](std::string_view text, TextPlace) { return function(text); };
}

Result<Normalizer::Step> StepFromJson(const std::string& type, const Json& json,
                                      const std::string& name) {
  if (type == "NFC") return Plain(ToNfc);
  if (type == "NFD") return Plain(ToNfd);
  if (type == "NFKC") return Plain(ToNfkc);
  if (type == "NFKD") return Plain(ToNfkd);
  if (type == "Lowercase") return Plain(ToLower);
  if (type == "StripAccents") return Plain(RemoveMarks);
  if (type == "Strip") return StripStep(json, name);
  if (type == "Replace") return ReplaceStep(json, name);
  if (type == "BertNormalizer") return BertStep(json, name);
  if (type == "Prepend") {
    CRUMB_ASSIGN_OR_RETURN(const std::string prefix, JsonString(json, "prepend", name));
    return Normalizer::Step([prefix](std::string_view text, TextPlace) {
      return text.empty() ? std::string() : prefix + std::string(text);
    });
  }
  return Unsupported(fmt::format("{}: the normalizer \"{}\" is not known to crumb", name, type));
}

}  // namespace

Result<Normalizer> Normalizer::FromJson(const Json& json, const std::string& name) {
  Normalizer normalizer;
  CRUMB_RETURN_IF_ERROR(normalizer.AddFromJson(json, name, 0));
  return normalizer;
}

Status Normalizer::AddFromJson(const Json& json, const std::string& name, int depth) {
  if (json.is_null()) return OkStatus();
  if (depth > kMaxDepth) return Corrupt(fmt::format("{}: normalizers nested too deep", name));
  CRUMB_ASSIGN_OR_RETURN(const std::string type, JsonString(json, "type", name));
  if (type != "Sequence") {
    CRUMB_ASSIGN_OR_RETURN(Step step, StepFromJson(type, json, name));
    Add(std::move(step));
    return OkStatus();
  }
  const auto list = json.find("normalizers");
  if (list == json.end() || !list->is_array()) {
    return Corrupt(fmt::format("{}: the normalizer Sequence has no list", name));
  }
  for (const Json& part : *list) CRUMB_RETURN_IF_ERROR(AddFromJson(part, name, depth + 1));
  return OkStatus();
}

std::string Normalizer::Apply(std::string_view text, TextPlace place) const {
  std::string result(text);
  for (const Step& step : steps_) result = step(result, place);
  return result;
}

}  // namespace crumb
