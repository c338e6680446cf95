// The "pre_tokenizer" part of tokenizer.json, and the patterns that GGUF files name instead.
#ifndef CRUMB_TOKENIZERS_PRE_TOKENIZER_H_
#define CRUMB_TOKENIZERS_PRE_TOKENIZER_H_

#include <string>
#include <string_view>

#include "base/json_fwd.h"
#include "base/status.h"
#include "tokenizers/normalizer.h"
#include "tokenizers/splitter.h"

namespace crumb {

struct PreTokenizer {
  Normalizer rewriting;     // spaces put in front, spaces written as U+2581
  Splitter splitter;        // applied to the rewritten text
  bool byte_level = false;  // words are bytes in the alphabet of byte_alphabet.h
};

// Sequence, ByteLevel, Metaspace, Split, Digits, Punctuation, Whitespace, WhitespaceSplit; null
// gives the whole text as one word. Anything else is kUnsupported.
Result<PreTokenizer> PreTokenizerFromJson(const Json& json, const std::string& name);

// The JSON of the pre-tokenizer that tokenizer.ggml.pre names: "gpt-2", "smollm", "llama-bpe",
// "qwen2", "default". Another name is kUnsupported.
Result<Json> PreTokenizerJsonOfGguf(std::string_view pre, const std::string& name);

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_PRE_TOKENIZER_H_
