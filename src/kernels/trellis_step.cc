#include "kernels/trellis_step.h"

#include <algorithm>
#include <utility>

// Left: AVX3, AVX2, NEON, and the portable one that Highway always adds.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/trellis_step.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace crumb {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Ints = hn::RebindToSigned<Floats>;
using Bytes = hn::Rebind<uint8_t, Floats>;
using Vec = hn::Vec<Floats>;

// The choice rides in the low bits of the cost: the lesser of two costs then brings its choice
// along, and a tie goes to the lesser choice. It changes a cost by less than 2^(bits - 23) of
// itself.
template <int kBits>
HWY_INLINE Vec WithChoice(Vec cost, int64_t x) {
  const Floats d;
  const Ints di;
  constexpr int32_t kMask = (1 << kBits) - 1;
  return hn::BitCast(d, hn::OrAnd(hn::Set(di, static_cast<int32_t>(x)), hn::BitCast(di, cost),
                                  hn::Set(di, ~kMask)));
}

// One row: costs -> next, and the decisions. Several vectors of groups at a time share the load of
// the costs that they continue: lane i of vector v continues lane (v * lanes + i) >> kBits.
template <int kBits>
void Row(const TrellisStates& states, float target, float weight, const float* costs, float* next,
         uint8_t* decisions) {
  const Floats d;
  const Ints di;
  const Bytes d8;
  constexpr int64_t kChoices = int64_t{1} << kBits;
  constexpr int64_t kVectors = kChoices < 8 ? kChoices : 8;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t groups = states.groups();
  const int64_t stride = groups >> kBits;  // between the costs of two choices
  const Vec scaled_target = hn::Set(d, target * weight);
  const Vec factor = hn::Set(d, weight);
  const auto choice_mask = hn::Set(di, static_cast<int32_t>(kChoices - 1));
  decltype(hn::IndicesFromVec(d, hn::Zero(di))) spread[kVectors];
  for (int64_t v = 0; v < kVectors; ++v) {
    spread[v] =
        hn::IndicesFromVec(d, hn::ShiftRight<kBits>(hn::Iota(di, static_cast<int32_t>(v * lanes))));
  }
  for (int64_t g = 0; g < groups; g += kVectors * lanes) {
    Vec best[kVectors];
    for (int64_t x = 0; x < kChoices; ++x) {
      const Vec before = hn::LoadU(d, costs + (g >> kBits) + x * stride);
      const float* values = states.values + g + x * groups;
      for (int64_t v = 0; v < kVectors; ++v) {
        const Vec error = hn::NegMulAdd(factor, hn::LoadU(d, values + v * lanes), scaled_target);
        const Vec path = hn::TableLookupLanes(before, spread[v]);
        const Vec cost = WithChoice<kBits>(hn::MulAdd(error, error, path), x);
        best[v] = x == 0 ? cost : hn::Min(cost, best[v]);
      }
    }
    for (int64_t v = 0; v < kVectors; ++v) {
      hn::StoreU(best[v], d, next + g + v * lanes);
      const auto choice = hn::And(hn::BitCast(di, best[v]), choice_mask);
      hn::StoreU(hn::DemoteTo(d8, choice), d8, decisions + g + v * lanes);
    }
  }
}

// Subtracts the least cost from all, so that float32 keeps its precision.
void Normalize(int64_t groups, float* costs) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  Vec least = hn::LoadU(d, costs);
  for (int64_t g = lanes; g < groups; g += lanes) least = hn::Min(least, hn::LoadU(d, costs + g));
  least = hn::MinOfLanes(d, least);
  for (int64_t g = 0; g < groups; g += lanes) {
    hn::StoreU(hn::Sub(hn::LoadU(d, costs + g), least), d, costs + g);
  }
}

template <int kBits>
void Forward(const TrellisStates& states, const float* targets, const float* weights, int64_t rows,
             int64_t first_kept, float* costs, float* scratch, uint8_t* decisions) {
  constexpr int64_t kRowsBetween = 16;
  const int64_t groups = states.groups();
  float* now = costs;
  float* next = scratch;
  for (int64_t r = 0; r < rows; ++r) {
    Row<kBits>(states, targets[r], weights[r], now, next,
               decisions + std::max(r - first_kept, int64_t{0}) * groups);
    std::swap(now, next);
    if (r % kRowsBetween == kRowsBetween - 1 || r == rows - 1) Normalize(groups, now);
  }
  if (now != costs) std::copy_n(now, groups, costs);
}

void ForwardOfBits(const TrellisStates& states, const float* targets, const float* weights,
                   int64_t rows, int64_t first_kept, float* costs, float* scratch,
                   uint8_t* decisions) {
  constexpr decltype(&Forward<1>) kForward[] = {Forward<1>, Forward<2>, Forward<3>, Forward<4>};
  kForward[states.bits - 1](states, targets, weights, rows, first_kept, costs, scratch, decisions);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace crumb
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace crumb {

HWY_EXPORT(ForwardOfBits);

void TrellisForward(const TrellisStates& states, const float* targets, const float* weights,
                    int64_t rows, int64_t first_kept, float* costs, float* scratch,
                    uint8_t* decisions) {
  HWY_DYNAMIC_DISPATCH(ForwardOfBits)
  (states, targets, weights, rows, first_kept, costs, scratch, decisions);
}

}  // namespace crumb
#endif  // HWY_ONCE
