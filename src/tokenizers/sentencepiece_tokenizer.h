// *.model files, through the SentencePiece library (unigram and BPE with the normalizer of the
// file).
#ifndef CRUMB_TOKENIZERS_SENTENCEPIECE_TOKENIZER_H_
#define CRUMB_TOKENIZERS_SENTENCEPIECE_TOKENIZER_H_

#include <memory>
#include <string>

#include "base/status.h"
#include "tokenizers/tokenizer.h"
#include "tokenizers/tokenizer_config.h"

namespace crumb {

// From files[model_name] and the files beside it, all of which become Files(). Without a
// tokenizer_config.json a start token is added when the model has one, as Llama does. A file that
// the library does not take is kCorrupt.
Result<std::unique_ptr<Tokenizer>> TokenizerFromSentencePiece(const FileMap& files,
                                                              const std::string& model_name,
                                                              const std::string& name);

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_SENTENCEPIECE_TOKENIZER_H_
