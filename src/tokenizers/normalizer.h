// What happens to a text before it is cut into words: the "normalizer" part of tokenizer.json.
#ifndef CRUMB_TOKENIZERS_NORMALIZER_H_
#define CRUMB_TOKENIZERS_NORMALIZER_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"

namespace crumb {

// Where a piece of text stands: rules such as Metaspace's "first" look only at the start of a text.
struct TextPlace {
  bool at_start = true;
};

// A chain of rewritings of a text. Immutable; safe from any thread.
class Normalizer {
 public:
  using Step = std::function<std::string(std::string_view, TextPlace)>;

  Normalizer() = default;  // leaves texts as they are
  // Sequence, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Prepend, Replace (of a string)
  // and BertNormalizer; null gives no step. Anything else is kUnsupported.
  static Result<Normalizer> FromJson(const Json& json, const std::string& name);

  void Add(Step step) { steps_.push_back(std::move(step)); }
  bool empty() const { return steps_.empty(); }
  std::string Apply(std::string_view text, TextPlace place) const;

 private:
  Status AddFromJson(const Json& json, const std::string& name, int depth);

  std::vector<Step> steps_;
};

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_NORMALIZER_H_
