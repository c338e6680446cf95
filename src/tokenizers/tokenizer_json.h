// tokenizer.json of the Hugging Face tokenizers library: models BPE and WordPiece.
#ifndef CRUMB_TOKENIZERS_TOKENIZER_JSON_H_
#define CRUMB_TOKENIZERS_TOKENIZER_JSON_H_

#include <memory>
#include <string>

#include "base/status.h"
#include "tokenizers/tokenizer.h"
#include "tokenizers/tokenizer_config.h"

namespace crumb {

// From files["tokenizer.json"] and the files beside it, all of which become Files(). Broken JSON,
// ids that repeat or leave holes and merges of unknown tokens are kCorrupt; a model (Unigram,
// WordLevel) or a part that crumb does not know is kUnsupported and named.
Result<std::unique_ptr<Tokenizer>> TokenizerFromJson(const FileMap& files, const std::string& name);

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_TOKENIZER_JSON_H_
