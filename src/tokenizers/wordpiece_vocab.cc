#include "tokenizers/wordpiece_vocab.h"

#include <fmt/format.h>

#include "text/unicode.h"
#include "tokenizers/wordpiece_tokenizer.h"

namespace crumb {
namespace {

std::vector<Token> ReadLines(std::string_view text) {
  std::vector<Token> tokens;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    tokens.push_back({std::string(line)});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return tokens;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> TokenizerFromVocabTxt(const FileMap& files,
                                                         const std::string& name) {
  CRUMB_ASSIGN_OR_RETURN(TokenizerConfig config, ReadTokenizerConfig(files, name));
  const auto content = files.find("vocab.txt");
  if (content == files.end()) return NotFound(fmt::format("{}/vocab.txt: no such file", name));
  WordPieceSpec spec;
  spec.tokens = ReadLines(content->second);
  if (config.cls.empty()) config.cls = "[CLS]";
  if (config.sep.empty()) config.sep = "[SEP]";
  if (config.unk.empty()) config.unk = "[UNK]";
  const int32_t cls = FindToken(spec.tokens, config.cls);
  const int32_t sep = FindToken(spec.tokens, config.sep);
  spec.unknown = FindToken(spec.tokens, config.unk);
  if (cls < 0 || sep < 0 || spec.unknown < 0) {
    return Corrupt(fmt::format("{}/vocab.txt: lacks one of {}, {} and {}", name, config.cls,
                               config.sep, config.unk));
  }
  for (const std::string& text :
       {config.cls, config.sep, config.unk, std::string("[PAD]"), std::string("[MASK]")}) {
    const int32_t id = FindToken(spec.tokens, text);
    if (id >= 0) spec.tokens[static_cast<size_t>(id)].type = TokenType::kControl;
  }
  BertCleaning cleaning;
  cleaning.lowercase = config.lowercase;
  cleaning.strip_accents = config.lowercase;
  spec.normalizer.Add(
      [cleaning](std::string_view text, TextPlace) { return CleanForBert(text, cleaning); });
  TokenizerSettings settings = MakeSettings(spec.tokens, config, {cls}, {sep});
  settings.files = files;
  settings.strip_leading_space = true;
  return std::unique_ptr<Tokenizer>(new WordPieceTokenizer(std::move(spec), std::move(settings)));
}

}  // namespace crumb
