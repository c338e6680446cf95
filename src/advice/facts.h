// Facts with sources: what chips can do, what models and tasks are, what others have published. A
// table of (name, property, value, unit, source), read once; any thread may look.
//
// Names have a property "kind" (device, model, task, published) and may have "alias": other
// spellings, apart by "|". docs/claims.md lists the properties that rules look at.
#ifndef CRUMB_ADVICE_FACTS_H_
#define CRUMB_ADVICE_FACTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace crumb {

struct Fact {
  std::string text;
  std::optional<double> number;  // of text, where it is one
  std::string unit;
  std::string source;
};

struct Entity {
  std::string name;
  std::map<std::string, Fact, std::less<>> facts;

  std::string_view Text(std::string_view property) const;  // "" when it is not there
  std::optional<double> Number(std::string_view property) const;
  std::string_view Source(std::string_view property) const;
};

class Facts {
 public:
  // kCorrupt for a missing column, a property given twice, a number without a source.
  static Result<Facts> Parse(std::string_view csv, std::string_view name);
  // The table that is part of the program.
  static Result<Facts> Shipped();

  // The entity of this kind whose longest alias stands in `text` as a word of its own; nullptr when
  // none does.
  const Entity* FindIn(std::string_view kind, std::string_view text) const;
  std::vector<const Entity*> OfKind(std::string_view kind) const;

 private:
  std::vector<Entity> entities_;
};

// Where `word` stands in `text` with no letter or digit of ASCII beside it; npos when nowhere.
size_t FindWord(std::string_view text, std::string_view word);

}  // namespace crumb

#endif  // CRUMB_ADVICE_FACTS_H_
