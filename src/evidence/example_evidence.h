// Numbers and sources that the specification of articles gives as examples. They are no evidence,
// and nobody measured them; a row that equals one of them was probably copied from there.
#ifndef CRUMB_EVIDENCE_EXAMPLE_EVIDENCE_H_
#define CRUMB_EVIDENCE_EXAMPLE_EVIDENCE_H_

#include <optional>
#include <string>
#include <string_view>

#include "evidence/evidence.h"

namespace crumb {

// What the text has of the examples, for people: "72 %", "NIAQC"; "" when nothing.
std::string ExampleIn(std::string_view text);

// The same of value, unit and interval of a row: "72 %" of 0.72 without unit, "1.2 s" of 1200 ms.
std::string ExampleNumber(const Evidence& row);

}  // namespace crumb

#endif  // CRUMB_EVIDENCE_EXAMPLE_EVIDENCE_H_
