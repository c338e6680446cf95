// tokenizer.bin of karpathy/llama2.c (run.c, tokenizer.py): int32 max_token_length, then for each
// token float32 score, int32 length, bytes; all little-endian. Id 0 is unknown, 1 starts and 2 ends
// a text, 3 to 258 are the single bytes. The number of tokens is as many as the file holds.
#ifndef CRUMB_TOKENIZERS_LLAMA2C_TOKENIZER_H_
#define CRUMB_TOKENIZERS_LLAMA2C_TOKENIZER_H_

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "tokenizers/tokenizer.h"

namespace crumb {

// Whether the bytes have the shape of this format from start to end (cheap; for telling *.bin files
// apart).
bool LooksLikeLlama2c(std::string_view bytes);

// `file` names the file in messages and its base name is the name in Files(). Lengths below 0,
// above max_token_length or past the end, and fewer tokens than 259 are kCorrupt.
Result<std::unique_ptr<Tokenizer>> TokenizerFromLlama2c(std::string_view bytes,
                                                        const std::string& file);

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_LLAMA2C_TOKENIZER_H_
