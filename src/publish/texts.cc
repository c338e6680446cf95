#include "publish/texts.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace crumb {
namespace {

constexpr TextEntry kEnglish[] = {
#include "publish/texts_en.inc"
};

constexpr TextEntry kChinese[] = {
#include "publish/texts_zh.inc"
};

const TextEntry* FindEntry(std::span<const TextEntry> entries, std::string_view key) {
  for (const TextEntry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

}  // namespace

Result<Texts> Texts::For(std::string_view language) {
  if (language == "en") return Texts("en", kEnglish);
  if (language == "zh") return Texts("zh", kChinese);
  return InvalidArgument(
      fmt::format("no report in the language \"{}\": use --lang en or --lang zh", language));
}

std::string_view Texts::operator[](std::string_view key) const {
  const TextEntry* entry = FindEntry(entries_, key);
  CRUMB_CHECK(entry != nullptr);
  return entry->text;
}

std::string_view Texts::Or(std::string_view key, std::string_view fallback) const {
  const TextEntry* entry = FindEntry(entries_, key);
  return entry == nullptr ? fallback : entry->text;
}

std::string Texts::Fill(
    std::string_view key,
    std::initializer_list<std::pair<std::string_view, std::string>> values) const {
  const std::string_view text = (*this)[key];
  std::string filled;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text[at] == '{' ? text.find('}', at) : std::string_view::npos;
    if (end == std::string_view::npos) {
      filled += text[at++];
      continue;
    }
    const std::string_view name = text.substr(at + 1, end - at - 1);
    const auto* found = std::find_if(values.begin(), values.end(),
                                     [&](const auto& value) { return value.first == name; });
    CRUMB_CHECK(found != values.end());
    filled += found->second;
    at = end + 1;
  }
  return filled;
}

}  // namespace crumb
