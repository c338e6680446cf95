// What a measured row says of the machine it was measured on: {"valid": false, "machine_busy":
// true, "reasons": [...]} in `detail` when other work ran, the clock moved, or memory was swapped
// (measure/validity.h). Such a row is kept and shown with its reasons; nothing is concluded from
// it. A row that is not valid for another reason, rounds that differ or are few, has an interval
// that says so by its width.
#ifndef CRUMB_EVIDENCE_VALIDITY_H_
#define CRUMB_EVIDENCE_VALIDITY_H_

#include "evidence/evidence.h"

namespace crumb {

// False for rows that say nothing of it, such as quality and sizes. Rows without "machine_busy", as
// earlier versions wrote them, are busy when they are not valid.
bool SaysBusy(const Evidence& row);

}  // namespace crumb

#endif  // CRUMB_EVIDENCE_VALIDITY_H_
