#include "tokenizers/llama2c_tokenizer.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/files.h"
#include "tokenizers/bpe_tokenizer.h"

namespace crumb {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is little-endian");

constexpr int32_t kBos = 1;
constexpr int32_t kEos = 2;
constexpr size_t kFirstByteToken = 3;
constexpr size_t kFirstPiece = kFirstByteToken + 256;

struct Contents {
  std::vector<Token> tokens;
  std::vector<float> scores;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  size_t position() const { return position_; }
  size_t left() const { return bytes_.size() - position_; }

  template <typename T>
  bool Read(T* value) {
    if (left() < sizeof(T)) return false;
    std::memcpy(value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return true;
  }
  std::string_view Take(size_t length) {
    position_ += length;
    return bytes_.substr(position_ - length, length);
  }

 private:
  std::string_view bytes_;
  size_t position_ = 0;
};

Result<Contents> ReadContents(std::string_view bytes, const std::string& file) {
  Reader reader(bytes);
  int32_t longest = 0;
  if (!reader.Read(&longest) || longest <= 0) {
    return Corrupt(
        fmt::format("{}: does not start with a token length above 0; it is no tokenizer of "
                    "llama2.c",
                    file));
  }
  Contents contents;
  while (reader.left() > 0) {
    const size_t at = reader.position();
    float score = 0;
    int32_t length = 0;
    if (!reader.Read(&score) || !reader.Read(&length) || length < 0 || length > longest ||
        static_cast<size_t>(length) > reader.left() || std::isnan(score)) {
      return Corrupt(
          fmt::format("{}: token {} at byte {} is cut short or has a bad length ({}); the "
                      "longest is {}",
                      file, contents.tokens.size(), at, length, longest));
    }
    contents.tokens.push_back({std::string(reader.Take(static_cast<size_t>(length)))});
    contents.scores.push_back(score);
  }
  if (contents.tokens.size() < kFirstPiece) {
    return Corrupt(fmt::format("{}: {} tokens; there must be {} for specials and bytes", file,
                               contents.tokens.size(), kFirstPiece));
  }
  return contents;
}

}  // namespace

bool LooksLikeLlama2c(std::string_view bytes) { return ReadContents(bytes, "").ok(); }

Result<std::unique_ptr<Tokenizer>> TokenizerFromLlama2c(std::string_view bytes,
                                                        const std::string& file) {
  CRUMB_ASSIGN_OR_RETURN(Contents contents, ReadContents(bytes, file));
  BpeSpec spec;
  spec.kind = "llama2c";
  spec.tokens = std::move(contents.tokens);
  spec.byte_fallback = true;
  spec.unknown = 0;
  spec.tokens[0] = {"<unk>", TokenType::kUnknown};
  spec.tokens[kBos] = {"<s>", TokenType::kControl};  // the file has line breaks around these two
  spec.tokens[kEos] = {"</s>", TokenType::kControl};
  for (size_t byte = 0; byte < 256; ++byte) {
    spec.tokens[kFirstByteToken + byte] = {fmt::format("<0x{:02X}>", byte), TokenType::kByte};
  }
  spec.merges = MergesFromScores(spec.tokens, contents.scores);
  spec.normalizer.Add([](std::string_view text, TextPlace) { return " " + std::string(text); });
  TokenizerSettings settings;
  settings.bos = kBos;
  settings.prefix = {kBos};
  settings.end_tokens = {kEos};
  settings.strip_leading_space = true;
  settings.files = {{BaseName(file), std::string(bytes)}};
  return std::unique_ptr<Tokenizer>(new BpeTokenizer(std::move(spec), std::move(settings)));
}

}  // namespace crumb
