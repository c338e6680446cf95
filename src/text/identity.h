// What in a text could point to a person, a machine or an account, and dates that are more exact
// than a quarter: shapes, no list of anybody's names. Articles are checked for them (src/lint), and
// what people add to a ledger is (src/evidence).
#ifndef CRUMB_TEXT_IDENTITY_H_
#define CRUMB_TEXT_IDENTITY_H_

#include <optional>
#include <string_view>
#include <vector>

#include "text/pattern.h"
#include "text/utf8.h"

namespace crumb {

enum class IdentityFamily {
  kContact,     // URL, domain, e-mail, IP, telephone, card number
  kIdentifier,  // UUID, path, host, user at a machine, long hexadecimal numbers
  kDate,        // months, days, weeks, times of day
  kPerson,      // a person's name, a user name
};

struct IdentityMatch {
  Span span;
  std::string_view what;     // "a URL"
  std::string_view instead;  // "name the publication"
};

// Matches of one family, ascending, none in another. At one place the shape that stands first in
// identity.cc counts.
std::vector<IdentityMatch> FindIdentity(const Utf16Text& text, IdentityFamily family);

// The first match of any family, but for identifiers that are the public name of a model, a data
// set or a chip ("Llama-2-7b", "H100") or a unit ("tokens/s"). nullopt where there is none.
std::optional<IdentityMatch> FirstIdentity(std::string_view text);

}  // namespace crumb

#endif  // CRUMB_TEXT_IDENTITY_H_
