// Every word of the report, one table per language (texts_en.inc, texts_zh.inc) with the same keys.
#ifndef CRUMB_PUBLISH_TEXTS_H_
#define CRUMB_PUBLISH_TEXTS_H_

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace crumb {

struct TextEntry {
  std::string_view key;
  std::string_view text;
};

class Texts {
 public:
  // "en" or "zh"; anything else is kInvalidArgument.
  static Result<Texts> For(std::string_view language);

  // A key that is not in the table is a fault of crumb (CHECK).
  std::string_view operator[](std::string_view key) const;
  // The text of `key`, or `fallback` where there is none.
  std::string_view Or(std::string_view key, std::string_view fallback) const;
  // The text of `key` with each {name} replaced. Values are put in as they are.
  std::string Fill(std::string_view key,
                   std::initializer_list<std::pair<std::string_view, std::string>> values) const;

  std::string_view language() const { return language_; }
  bool is_chinese() const { return language_ == "zh"; }
  std::span<const TextEntry> entries() const { return entries_; }

 private:
  Texts(std::string_view language, std::span<const TextEntry> entries)
      : language_(language), entries_(entries) {}
  std::string_view language_;
  std::span<const TextEntry> entries_;
};

}  // namespace crumb

#endif  // CRUMB_PUBLISH_TEXTS_H_
