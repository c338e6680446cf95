// tokenizer.json and tokenizer_config.json for a BPE tokenizer that came from elsewhere (GGUF).
#ifndef CRUMB_TOKENIZERS_TOKENIZER_JSON_WRITER_H_
#define CRUMB_TOKENIZERS_TOKENIZER_JSON_WRITER_H_

#include <vector>

#include "tokenizers/bpe_tokenizer.h"
#include "tokenizers/tokenizer_config.h"

namespace crumb {

// Files that load as the same tokenizer. `tokens` are those of the tokenizer (spec.tokens is
// unused).
FileMap WriteTokenizerFiles(const BpeSpec& spec, const std::vector<Token>& tokens,
                            const TokenizerSettings& settings);

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_TOKENIZER_JSON_WRITER_H_
