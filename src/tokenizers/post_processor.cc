#include "tokenizers/post_processor.h"

#include <fmt/format.h>

#include "base/json.h"

namespace crumb {
namespace {

constexpr int kMaxDepth = 16;

class Reader {
 public:
  Reader(int32_t vocabulary_size, const std::string& name)
      : vocabulary_size_(vocabulary_size), name_(name) {}

  Status Add(const Json& json, int depth) {
    if (json.is_null()) return OkStatus();
    if (depth > kMaxDepth)
      return Corrupt(fmt::format("{}: post_processors nested too deep", name_));
    CRUMB_ASSIGN_OR_RETURN(const std::string type, JsonString(json, "type", name_));
    if (type == "ByteLevel") return OkStatus();
    if (type == "TemplateProcessing") return AddTemplate(json);
    if (type == "BertProcessing" || type == "RobertaProcessing") {
      CRUMB_RETURN_IF_ERROR(AddPair(json, "cls", &result_.prefix));
      return AddPair(json, "sep", &result_.suffix);
    }
    if (type != "Sequence") {
      return Unsupported(
          fmt::format("{}: the post_processor \"{}\" is not known to crumb", name_, type));
    }
    const auto list = json.find("processors");
    if (list == json.end() || !list->is_array()) {
      return Corrupt(fmt::format("{}: the post_processor Sequence has no list", name_));
    }
    for (const Json& part : *list) CRUMB_RETURN_IF_ERROR(Add(part, depth + 1));
    return OkStatus();
  }
  PostProcessor TakeResult() { return std::move(result_); }

 private:
  Status AddId(const Json& id, std::vector<int32_t>* ids) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= static_cast<uint64_t>(vocabulary_size_)) {
      return Corrupt(
          fmt::format("{}: the post_processor adds the token {}, which is not in the "
                      "vocabulary of {}",
                      name_, DumpJson(id), vocabulary_size_));
    }
    ids->push_back(id.get<int32_t>());
    return OkStatus();
  }

  // ["[CLS]", 101]
  Status AddPair(const Json& json, const char* key, std::vector<int32_t>* ids) {
    const auto pair = json.find(key);
    if (pair == json.end() || !pair->is_array() || pair->size() != 2) {
      return Corrupt(
          fmt::format("{}: the post_processor's \"{}\" is not a token and its id", name_, key));
    }
    return AddId((*pair)[1], ids);
  }

  // "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}]; "special_tokens" has
  // ids.
  Status AddTemplate(const Json& json) {
    const auto single = json.find("single");
    const auto special = json.find("special_tokens");
    if (single == json.end() || !single->is_array() || special == json.end() ||
        !special->is_object()) {
      return Corrupt(
          fmt::format("{}: the post_processor lacks \"single\" or \"special_tokens\"", name_));
    }
    std::vector<int32_t>* side = &result_.prefix;
    for (const Json& part : *single) {
      if (part.is_object() && part.contains("Sequence")) {
        side = &result_.suffix;
        continue;
      }
      const Json* token =
          part.is_object() && part.contains("SpecialToken") ? &part["SpecialToken"] : nullptr;
      if (token == nullptr || !token->is_object()) {
        return Corrupt(
            fmt::format("{}: a part of the post_processor is neither token nor text", name_));
      }
      CRUMB_ASSIGN_OR_RETURN(const std::string text, JsonString(*token, "id", name_));
      const auto entry = special->find(text);
      if (entry == special->end() || !entry->is_object() || !entry->contains("ids") ||
          !(*entry)["ids"].is_array()) {
        return Corrupt(
            fmt::format("{}: the post_processor does not say the ids of \"{}\"", name_, text));
      }
      for (const Json& id : (*entry)["ids"]) CRUMB_RETURN_IF_ERROR(AddId(id, side));
    }
    return OkStatus();
  }

  int32_t vocabulary_size_;
  const std::string& name_;
  PostProcessor result_;
};

}  // namespace

Result<PostProcessor> PostProcessorFromJson(const Json& json, int32_t vocabulary_size,
                                            const std::string& name) {
  Reader reader(vocabulary_size, name);
  CRUMB_RETURN_IF_ERROR(reader.Add(json, 0));
  return reader.TakeResult();
}

}  // namespace crumb
