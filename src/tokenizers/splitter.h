// How a text is cut into the words that BPE works on one by one: the "pre_tokenizer" part of
// tokenizer.json. Words are found as byte ranges of the text; nothing is copied.
#ifndef CRUMB_TOKENIZERS_SPLITTER_H_
#define CRUMB_TOKENIZERS_SPLITTER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace crumb {

// What becomes of the text that a rule matches, beside the text between matches.
enum class SplitBehavior {
  kIsolated,            // a word of its own
  kRemoved,             // left out
  kMergedWithPrevious,  // the end of the word before it
  kMergedWithNext,      // the start of the word after it
  kContiguous,          // a word of its own, together with matches that touch it
};

// Rules applied one after another, each to every word of the one before. Immutable; any thread.
class Splitter {
 public:
  Splitter() = default;  // the whole text is one word

  // `pattern`: an ICU regular expression. A pattern that ICU refuses is kUnsupported.
  Status AddRegex(std::string_view pattern, SplitBehavior behavior, bool invert,
                  const std::string& name);
  // The same for a text that is searched literally.
  Status AddLiteral(std::string_view text, SplitBehavior behavior, bool invert,
                    const std::string& name);
  bool empty() const { return rules_.empty(); }

  // The words in order; none is empty. kInvalidArgument when a pattern takes ICU more than its
  // limits of time and stack.
  Result<std::vector<std::string_view>> Split(std::string_view text) const;

 private:
  struct Rule;
  std::vector<std::shared_ptr<const Rule>> rules_;
};

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_SPLITTER_H_
