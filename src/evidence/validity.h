// What a measured row says of its own measurement: {"valid": false, "reasons": [...]} in `detail`
// when the machine was busy, the clock moved or the repetitions were too few (measure/validity.h).
// Such a row is kept and shown with its reasons; nothing is concluded from it.
#ifndef CRUMB_EVIDENCE_VALIDITY_H_
#define CRUMB_EVIDENCE_VALIDITY_H_

#include "evidence/evidence.h"

namespace crumb {

// False for rows that say nothing of it, such as quality and sizes.
bool SaysInvalid(const Evidence& row);

}  // namespace crumb

#endif  // CRUMB_EVIDENCE_VALIDITY_H_
