#include "publish/verdict.h"

#include "evidence/validity.h"

namespace crumb {
namespace {

bool HasInterval(const Evidence& row) { return row.low.has_value() && row.high.has_value(); }

}  // namespace

Verdict JudgeRatio(const Evidence* ratio) {
  if (ratio == nullptr) return Verdict::kUnknown;
  if (!HasInterval(*ratio)) return Verdict::kUndecided;
  if (*ratio->high < 1) return Verdict::kBetter;
  if (*ratio->high <= kKeptRatio) return Verdict::kKept;
  if (*ratio->low > kBrokenRatio) return Verdict::kBroken;
  return *ratio->low > kKeptRatio ? Verdict::kWorse : Verdict::kUndecided;
}

Verdict JudgeCosine(const Evidence* cosine) {
  if (cosine == nullptr) return Verdict::kUnknown;
  if (!HasInterval(*cosine)) return Verdict::kUndecided;
  if (*cosine->low >= kKeptCosine) return Verdict::kKept;
  if (*cosine->high < kBrokenCosine) return Verdict::kBroken;
  return *cosine->high < kKeptCosine ? Verdict::kWorse : Verdict::kUndecided;
}

Comparison Compare(const Evidence* a, const Evidence* b) {
  if (a == nullptr || b == nullptr) return Comparison::kUnknown;
  if (!HasInterval(*a) || !HasInterval(*b)) return Comparison::kUnknown;
  if (SaysBusy(*a) || SaysBusy(*b)) return Comparison::kUnknown;
  if (*a->low > *b->high) return Comparison::kHigher;
  if (*a->high < *b->low) return Comparison::kLower;
  return Comparison::kNoDifference;
}

}  // namespace crumb
