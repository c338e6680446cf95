// vocab.txt of BERT: one WordPiece token per line, the line number is the id.
#ifndef CRUMB_TOKENIZERS_WORDPIECE_VOCAB_H_
#define CRUMB_TOKENIZERS_WORDPIECE_VOCAB_H_

#include <memory>
#include <string>

#include "base/status.h"
#include "tokenizers/tokenizer.h"
#include "tokenizers/tokenizer_config.h"

namespace crumb {

// From files["vocab.txt"] and the files beside it, which become Files(). Texts get [CLS] and [SEP];
// without them or [UNK] the file is kCorrupt.
Result<std::unique_ptr<Tokenizer>> TokenizerFromVocabTxt(const FileMap& files,
                                                         const std::string& name);

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_WORDPIECE_VOCAB_H_
