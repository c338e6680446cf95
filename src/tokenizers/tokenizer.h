// Tokenizer: text to token ids and back. One file per kind: byte-level BPE, WordPiece,
// SentencePiece (unigram and BPE), llama2.c's tokenizer.bin. Immutable after loading; safe from any
// thread.
#ifndef CRUMB_TOKENIZERS_TOKENIZER_H_
#define CRUMB_TOKENIZERS_TOKENIZER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace crumb {

struct GgufFile;

struct EncodeOptions {
  // Start, end or [CLS]/[SEP] tokens as the model's own metadata says.
  bool add_special = true;
  // Whether "<|im_start|>" in the text is the special token (chat templates) or plain characters.
  bool parse_special = false;
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // "bpe", "wordpiece", "sentencepiece", "llama2c".
  virtual std::string_view kind() const = 0;
  virtual int32_t vocabulary_size() const = 0;

  // Any bytes are accepted; invalid UTF-8 follows the kind's own rule (byte tokens or U+FFFD).
  virtual Result<std::vector<int32_t>> Encode(std::string_view text,
                                              const EncodeOptions& options = {}) const = 0;
  // The bytes of the tokens one after another; ids outside the vocabulary are kInvalidArgument.
  // Special tokens give nothing unless `show_special`.
  virtual Result<std::string> Decode(std::span<const int32_t> tokens,
                                     bool show_special = false) const = 0;
  // The bytes that one token adds in the middle of a text (for streaming; may end inside a
  // character).
  virtual std::string TokenBytes(int32_t token) const = 0;

  // -1 when the model has none.
  virtual int32_t bos() const = 0;
  // Tokens that end generation: eos, and end-of-turn tokens such as "<|im_end|>".
  virtual std::vector<int32_t> end_tokens() const = 0;
  virtual bool adds_bos() const = 0;

  // The chat template (Jinja) of the model, empty when it has none.
  virtual const std::string& chat_template() const = 0;

  // Files (name -> content) that, put in a folder, load as the same tokenizer with LoadTokenizer.
  virtual std::map<std::string, std::string> Files() const = 0;
};

// From a model folder (tokenizer.json, vocab.txt, tokenizer.model, tokenizer.bin with the
// tokenizer_config.json / special_tokens_map.json beside them) or one such file.
Result<std::unique_ptr<Tokenizer>> LoadTokenizer(const std::string& path);
// From the tokenizer.ggml.* keys.
Result<std::unique_ptr<Tokenizer>> LoadTokenizer(const GgufFile& gguf);

struct ChatMessage {
  std::string role;  // "system", "user", "assistant"
  std::string content;
};

// The text that the model's own template makes of the messages. kUnsupported names the construct of
// the template that crumb does not know; kInvalidArgument carries the template's own
// raise_exception text.
Result<std::string> RenderChat(const Tokenizer& tokenizer, std::span<const ChatMessage> messages,
                               bool add_generation_prompt);

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_TOKENIZER_H_
