// The "post_processor" part of tokenizer.json: what stands before and behind a single text.
#ifndef CRUMB_TOKENIZERS_POST_PROCESSOR_H_
#define CRUMB_TOKENIZERS_POST_PROCESSOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"

namespace crumb {

struct PostProcessor {
  std::vector<int32_t> prefix;
  std::vector<int32_t> suffix;
};

// TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel (adds nothing), Sequence; null
// adds nothing. Ids outside the vocabulary are kCorrupt, other types kUnsupported.
Result<PostProcessor> PostProcessorFromJson(const Json& json, int32_t vocabulary_size,
                                            const std::string& name);

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_POST_PROCESSOR_H_
