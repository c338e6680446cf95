#include "tokenizers/tokenizer_base.h"

#include <fmt/format.h>

#include <algorithm>

namespace crumb {
namespace {

// ICU counts in 32 bits, and no evaluation text comes near.
constexpr size_t kMaxTextBytes = size_t{1} << 30;

}  // namespace

TokenizerBase::TokenizerBase(std::vector<Token> tokens, TokenizerSettings settings)
    : tokens_(std::move(tokens)), added_(tokens_), settings_(std::move(settings)) {}

Result<std::vector<int32_t>> TokenizerBase::Encode(std::string_view text,
                                                   const EncodeOptions& options) const {
  if (text.size() > kMaxTextBytes) {
    return InvalidArgument(
        fmt::format("a text of {} bytes is too long for one call; split it", text.size()));
  }
  std::vector<int32_t> ids;
  if (options.add_special) ids = settings_.prefix;
  bool at_start = true;
  for (const TextSegment& segment : added_.Split(text, options.parse_special)) {
    if (segment.token >= 0) {
      ids.push_back(segment.token);
    } else {
      CRUMB_RETURN_IF_ERROR(EncodeText(segment.text, at_start, &ids));
    }
    at_start = false;
  }
  if (options.add_special) {
    ids.insert(ids.end(), settings_.suffix.begin(), settings_.suffix.end());
  }
  return ids;
}

Result<std::string> TokenizerBase::Decode(std::span<const int32_t> tokens,
                                          bool show_special) const {
  std::string text;
  bool first = true;
  for (const int32_t token : tokens) {
    if (token < 0 || token >= vocabulary_size()) {
      return InvalidArgument(
          fmt::format("the token id {} is outside the vocabulary of {}", token, vocabulary_size()));
    }
    if (IsSpecial(token)) {
      if (show_special) text += tokens_[static_cast<size_t>(token)].text;
      continue;
    }
    std::string bytes = TokenBytes(token);
    if (first && settings_.strip_leading_space && bytes.starts_with(' ')) bytes.erase(0, 1);
    first = false;
    text += bytes;
  }
  return text;
}

std::string TokenizerBase::TokenBytes(int32_t token) const {
  if (token < 0 || token >= vocabulary_size() || IsSpecial(token)) return "";
  return PlainTokenBytes(tokens_[static_cast<size_t>(token)]);
}

bool TokenizerBase::adds_bos() const {
  return settings_.bos >= 0 && std::find(settings_.prefix.begin(), settings_.prefix.end(),
                                         settings_.bos) != settings_.prefix.end();
}

bool TokenizerBase::IsSpecial(int32_t token) const {
  const TokenType type = tokens_[static_cast<size_t>(token)].type;
  return type == TokenType::kControl || type == TokenType::kUnknown;
}

}  // namespace crumb
