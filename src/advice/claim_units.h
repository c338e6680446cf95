// Which quantity a unit stands for. Internal to src/advice.
#ifndef CRUMB_ADVICE_CLAIM_UNITS_H_
#define CRUMB_ADVICE_CLAIM_UNITS_H_

#include "advice/claim.h"

namespace crumb {

// Sets quantity and base_bits from the unit, and the table and column where a unit has two
// meanings, and brings value, high and slack into the unit of the quantity. An unknown unit is
// kOther.
void ApplyUnit(Claim& claim);

}  // namespace crumb

#endif  // CRUMB_ADVICE_CLAIM_UNITS_H_
