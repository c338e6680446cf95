#include "tokenizers/sentencepiece_tokenizer.h"

#include <fmt/format.h>
#include <sentencepiece_processor.h>

#include "text/utf8.h"
#include "tokenizers/byte_alphabet.h"
#include "tokenizers/tokenizer_base.h"

namespace crumb {
namespace {

class SentencePieceTokenizer : public TokenizerBase {
 public:
  using Processor = sentencepiece::SentencePieceProcessor;
  SentencePieceTokenizer(std::unique_ptr<const Processor> processor, std::vector<Token> tokens,
                         TokenizerSettings settings)
      : TokenizerBase(std::move(tokens), std::move(settings)), processor_(std::move(processor)) {}

  std::string_view kind() const override { return "sentencepiece"; }

 private:
  Status EncodeText(std::string_view text, bool, std::vector<int32_t>* ids) const override {
    std::vector<int> part;
    const auto status = processor_->Encode({text.data(), text.size()}, &part);
    if (!status.ok()) {
      return InvalidArgument(fmt::format("SentencePiece: {}", status.error_message()));
    }
    ids->insert(ids->end(), part.begin(), part.end());
    return OkStatus();
  }

  std::string PlainTokenBytes(const Token& token) const override {
    if (token.type == TokenType::kByte) {
      if (const auto byte = ByteOfToken(token.text)) return {static_cast<char>(*byte)};
    }
    return ReplaceAll(token.text, kSpaceMark, " ");
  }

  std::unique_ptr<const Processor> processor_;
};

TokenType TypeOf(const sentencepiece::SentencePieceProcessor& processor, int id) {
  if (processor.IsUnknown(id)) return TokenType::kUnknown;
  if (processor.IsControl(id)) return TokenType::kControl;
  if (processor.IsByte(id)) return TokenType::kByte;
  return TokenType::kNormal;  // user-defined ones too: the library itself finds them
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> TokenizerFromSentencePiece(const FileMap& files,
                                                              const std::string& model_name,
                                                              const std::string& name) {
  const std::string file = name + "/" + model_name;
  const auto content = files.find(model_name);
  if (content == files.end()) return NotFound(fmt::format("{}: there is no such file", file));
  auto processor = std::make_unique<sentencepiece::SentencePieceProcessor>();
  const auto status = processor->LoadFromSerializedProto(content->second);
  if (!status.ok()) {
    return Corrupt(fmt::format("{}: the SentencePiece library does not take it: {}", file,
                               status.error_message()));
  }
  std::vector<Token> tokens;
  for (int id = 0; id < processor->GetPieceSize(); ++id) {
    tokens.push_back({processor->IdToPiece(id), TypeOf(*processor, id)});
  }
  CRUMB_ASSIGN_OR_RETURN(TokenizerConfig config, ReadTokenizerConfig(files, name));
  const auto piece_of = [&](int id) { return id < 0 ? std::string() : processor->IdToPiece(id); };
  if (config.bos.empty()) config.bos = piece_of(processor->bos_id());
  if (config.eos.empty()) config.eos = piece_of(processor->eos_id());
  if (!config.add_bos.has_value()) config.add_bos = true;
  TokenizerSettings settings = MakeSettings(tokens, config, {}, {});
  settings.files = files;
  settings.strip_leading_space = true;
  return std::unique_ptr<Tokenizer>(
      new SentencePieceTokenizer(std::move(processor), std::move(tokens), std::move(settings)));
}

}  // namespace crumb
