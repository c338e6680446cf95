#include "tokenizers/added_tokens.h"

#include <algorithm>

namespace crumb {
namespace {

constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";

}  // namespace

AddedTokens::AddedTokens(const std::vector<Token>& tokens) {
  texts_.reserve(tokens.size());  // the views below need texts that stay where they are
  for (size_t id = 0; id < tokens.size(); ++id) {
    const Token& token = tokens[id];
    const bool special = token.type == TokenType::kControl || token.type == TokenType::kUnknown;
    if ((!special && token.type != TokenType::kUserDefined) || token.text.empty()) continue;
    const std::string& text = texts_.emplace_back(token.text);
    entries_.try_emplace(text,
                         Entry{static_cast<int32_t>(id), special, token.lstrip, token.rstrip});
    lengths_[static_cast<uint8_t>(text[0])].push_back(text.size());
  }
  for (std::vector<size_t>& lengths : lengths_) {
    std::sort(lengths.begin(), lengths.end(), std::greater<>());
    lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
  }
}

const AddedTokens::Entry* AddedTokens::Match(std::string_view text, bool parse_special,
                                             size_t* length) const {
  for (const size_t candidate : lengths_[static_cast<uint8_t>(text[0])]) {
    if (candidate > text.size()) continue;
    const auto it = entries_.find(text.substr(0, candidate));
    if (it == entries_.end() || (it->second.special && !parse_special)) continue;
    *length = candidate;
    return &it->second;
  }
  return nullptr;
}

std::vector<TextSegment> AddedTokens::Split(std::string_view text, bool parse_special) const {
  std::vector<TextSegment> segments;
  const auto add_text = [&segments](std::string_view part) {
    if (!part.empty()) segments.push_back({part, -1});
  };
  size_t text_start = 0;
  for (size_t i = 0; i < text.size();) {
    size_t length = 0;
    const Entry* entry = Match(text.substr(i), parse_special, &length);
    if (entry == nullptr) {
      ++i;
      continue;
    }
    std::string_view before = text.substr(text_start, i - text_start);
    if (entry->lstrip) before = before.substr(0, before.find_last_not_of(kWhiteSpace) + 1);
    add_text(before);
    segments.push_back({text.substr(i, length), entry->id});
    i += length;
    if (entry->rstrip) i = std::min(text.find_first_not_of(kWhiteSpace, i), text.size());
    text_start = i;
  }
  add_text(text.substr(text_start));
  return segments;
}

}  // namespace crumb
