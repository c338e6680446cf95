#include "tokenizers/pre_tokenizer.h"

#include <fmt/format.h>

#include "base/json.h"
#include "text/utf8.h"

namespace crumb {
namespace {

constexpr int kMaxDepth = 16;

// The patterns of the models' own tokenizers, as their tokenizer.json or source prints them.
constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kPunctuationPattern = R"([\p{P}\$\+<=>\^`\|~])";

Result<SplitBehavior> BehaviorFromJson(const Json& json, const std::string& name) {
  CRUMB_ASSIGN_OR_RETURN(const std::string text, JsonStringOr(json, "behavior", "Isolated", name));
  if (text == "Isolated") return SplitBehavior::kIsolated;
  if (text == "Removed") return SplitBehavior::kRemoved;
  if (text == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (text == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (text == "Contiguous") return SplitBehavior::kContiguous;
  return Unsupported(
      fmt::format("{}: the split behavior \"{}\" is not known to crumb", name, text));
}

// Turns the parts of the JSON into steps of one PreTokenizer.
class Reader {
 public:
  Reader(PreTokenizer* result, const std::string& name) : result_(*result), name_(name) {}

  Status Add(const Json& json, int depth) {
    if (json.is_null()) return OkStatus();
    if (depth > kMaxDepth) return Corrupt(fmt::format("{}: pre_tokenizers nested too deep", name_));
    CRUMB_ASSIGN_OR_RETURN(const std::string type, JsonString(json, "type", name_));
    if (type == "Sequence") return AddSequence(json, depth);
    if (type == "ByteLevel") return AddByteLevel(json);
    if (type == "Metaspace") return AddMetaspace(json);
    if (type == "Split") return AddSplit(json);
    if (type == "Digits") return AddDigits(json);
    if (type == "Punctuation") {
      CRUMB_ASSIGN_OR_RETURN(const SplitBehavior behavior, BehaviorFromJson(json, name_));
      return result_.splitter.AddRegex(kPunctuationPattern, behavior, false, name_);
    }
    if (type == "Whitespace") {
      return result_.splitter.AddRegex(R"(\w+|[^\w\s]+)", SplitBehavior::kRemoved, true, name_);
    }
    if (type == "WhitespaceSplit") {
      return result_.splitter.AddRegex(R"(\s)", SplitBehavior::kRemoved, false, name_);
    }
    return Unsupported(
        fmt::format("{}: the pre_tokenizer \"{}\" is not known to crumb", name_, type));
  }

 private:
  Status AddSequence(const Json& json, int depth) {
    const auto list = json.find("pretokenizers");
    if (list == json.end() || !list->is_array()) {
      return Corrupt(fmt::format("{}: the pre_tokenizer Sequence has no list", name_));
    }
    for (const Json& part : *list) CRUMB_RETURN_IF_ERROR(Add(part, depth + 1));
    return OkStatus();
  }

  // Rewriting goes before all splitting here, which is only right for the first part of a sequence.
  Status CheckFirst(std::string_view what) {
    if (result_.splitter.empty()) return OkStatus();
    return Unsupported(fmt::format("{}: {} after another pre_tokenizer", name_, what));
  }

  Status AddByteLevel(const Json& json) {
    result_.byte_level = true;
    CRUMB_ASSIGN_OR_RETURN(const bool prefix, JsonBoolOr(json, "add_prefix_space", true, name_));
    if (prefix) {
      CRUMB_RETURN_IF_ERROR(CheckFirst("ByteLevel with add_prefix_space"));
      result_.rewriting.Add([](std::string_view text, TextPlace) {
        return (text.starts_with(' ') ? "" : " ") + std::string(text);
      });
    }
    CRUMB_ASSIGN_OR_RETURN(const bool use_regex, JsonBoolOr(json, "use_regex", true, name_));
    if (!use_regex) return OkStatus();
    return result_.splitter.AddRegex(kGpt2Pattern, SplitBehavior::kIsolated, false, name_);
  }

  Status AddMetaspace(const Json& json) {
    CRUMB_RETURN_IF_ERROR(CheckFirst("Metaspace"));
    CRUMB_ASSIGN_OR_RETURN(const std::string mark,
                           JsonStringOr(json, "replacement", kSpaceMark, name_));
    CRUMB_ASSIGN_OR_RETURN(const bool prefix, JsonBoolOr(json, "add_prefix_space", true, name_));
    CRUMB_ASSIGN_OR_RETURN(
        const std::string scheme,
        JsonStringOr(json, "prepend_scheme", prefix ? "always" : "never", name_));
    if (scheme != "always" && scheme != "first" && scheme != "never") {
      return Unsupported(fmt::format("{}: the prepend_scheme \"{}\"", name_, scheme));
    }
    if (mark.empty()) return Corrupt(fmt::format("{}: Metaspace with an empty replacement", name_));
    result_.rewriting.Add([mark, scheme](std::string_view text, TextPlace place) {
      std::string marked = ReplaceAll(text, " ", mark);
      const bool prepend = scheme == "always" || (scheme == "first" && place.at_start);
      return prepend && !marked.starts_with(mark) ? mark + marked : marked;
    });
    CRUMB_ASSIGN_OR_RETURN(const bool split, JsonBoolOr(json, "split", true, name_));
    if (!split) return OkStatus();
    return result_.splitter.AddLiteral(mark, SplitBehavior::kMergedWithNext, false, name_);
  }

  Status AddSplit(const Json& json) {
    CRUMB_ASSIGN_OR_RETURN(const SplitBehavior behavior, BehaviorFromJson(json, name_));
    CRUMB_ASSIGN_OR_RETURN(const bool invert, JsonBoolOr(json, "invert", false, name_));
    const auto pattern = json.find("pattern");
    if (pattern == json.end() || !pattern->is_object()) {
      return Corrupt(fmt::format("{}: a Split pre_tokenizer without a pattern", name_));
    }
    if (pattern->contains("Regex")) {
      CRUMB_ASSIGN_OR_RETURN(const std::string regex, JsonString(*pattern, "Regex", name_));
      return result_.splitter.AddRegex(regex, behavior, invert, name_);
    }
    CRUMB_ASSIGN_OR_RETURN(const std::string text, JsonString(*pattern, "String", name_));
    return result_.splitter.AddLiteral(text, behavior, invert, name_);
  }

  Status AddDigits(const Json& json) {
    CRUMB_ASSIGN_OR_RETURN(const bool each, JsonBoolOr(json, "individual_digits", false, name_));
    return result_.splitter.AddRegex(each ? R"(\p{N})" : R"(\p{N}+)", SplitBehavior::kIsolated,
                                     false, name_);
  }

  PreTokenizer& result_;
  const std::string& name_;
};

Json SplitJson(std::string_view pattern) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", pattern}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

Json ByteLevelJson(bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

Json SequenceJson(Json parts) {
  return {{"type", "Sequence"}, {"pretokenizers", std::move(parts)}};
}

}  // namespace

Result<PreTokenizer> PreTokenizerFromJson(const Json& json, const std::string& name) {
  PreTokenizer result;
  CRUMB_RETURN_IF_ERROR(Reader(&result, name).Add(json, 0));
  return result;
}

Result<Json> PreTokenizerJsonOfGguf(std::string_view pre, const std::string& name) {
  if (pre == "gpt-2") return ByteLevelJson(true);
  if (pre == "smollm") {
    return SequenceJson(Json::array({{{"type", "Digits"}, {"individual_digits", true}},  //
                                     ByteLevelJson(true)}));
  }
  if (pre == "llama-bpe" || pre == "llama3" || pre == "llama-v3") {
    return SequenceJson(Json::array({SplitJson(kLlama3Pattern), ByteLevelJson(false)}));
  }
  if (pre == "qwen2") {
    return SequenceJson(Json::array({SplitJson(kQwen2Pattern), ByteLevelJson(false)}));
  }
  if (pre == "default") {
    // What llama.cpp does for files that name no pre-tokenizer.
    return SequenceJson(Json::array({SplitJson(R"([\p{P}\$\+<=>\^~\|]+)"), ByteLevelJson(true),
                                     SplitJson(R"(\p{N}+)"), SplitJson("[0-9][0-9][0-9]")}));
  }
  return Unsupported(
      fmt::format("{}: the pre-tokenizer \"{}\" (tokenizer.ggml.pre) is not known to "
                  "crumb; use the model's tokenizer.json",
                  name, pre));
}

}  // namespace crumb
