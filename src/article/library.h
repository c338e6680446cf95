// The content library: what an article can say, as text files in data/. docs/article.md has the
// format. An entry is a heading line and fields; nothing in it is a number, all numbers are holes
// (fill.h).
#ifndef CRUMB_ARTICLE_LIBRARY_H_
#define CRUMB_ARTICLE_LIBRARY_H_

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/embedded.h"
#include "base/status.h"

namespace crumb {
std::span<const EmbeddedFile> ArticleData();
}

namespace crumb::article {

struct Entry {
  std::string part;  // "opening", "challenge", "sector", "term", ...
  std::string id;    // unique within its part
  std::vector<std::pair<std::string, std::string>> fields;  // in order; a key may stand twice

  // The first value of `key`, or "".
  const std::string& Get(std::string_view key) const;
  std::vector<std::string> All(std::string_view key) const;
  // Whether a comma-separated field names `value`; true where the field is not there.
  bool Allows(std::string_view key, std::string_view value) const;
  // Whether it names `value` outright.
  bool Names(std::string_view key, std::string_view value) const;
};

class Library {
 public:
  // kCorrupt names file and line: a field outside of an entry, an unknown part or key, an id twice.
  static Result<Library> Parse(std::span<const EmbeddedFile> files);
  // The one that is part of the program.
  static const Library& Own();

  // Entries of a part in the order of files and lines.
  const std::vector<const Entry*>& Part(std::string_view part) const;
  const Entry* Find(std::string_view part, std::string_view id) const;  // nullptr: none
  // The entry of `part` whose id, or one of whose field `names`, is `name`.
  const Entry* FindNamed(std::string_view part, std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::vector<const Entry*>>> parts_;
  std::vector<std::vector<Entry>> entries_;  // per file; never resized after Parse
};

// A text cut at `separator`, blanks around the pieces taken away, empty pieces left out.
std::vector<std::string> SplitList(std::string_view text, char separator);

}  // namespace crumb::article

#endif  // CRUMB_ARTICLE_LIBRARY_H_
