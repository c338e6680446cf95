// The operations between the matrix products with Highway, compiled once for each vector target
// below; kernel_set.cc asks for the target that goes with its set. Formulas are those of
// layers_scalar.cc.
#include <cmath>
#include <limits>

#include "kernels/kernel_table.h"
#include "kernels/layers.h"

// Left: AVX3, AVX2, NEON, and the portable one that Highway always adds.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/layers_highway.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace crumb {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Full = hn::ScalableTag<float>;
using One = hn::CappedTag<float, 1>;
using Vec = hn::Vec<Full>;

// body(tag, i) for i = 0, lanes, 2 lanes, ... with full vectors, then one by one up to n.
template <typename Body>
HWY_INLINE void ForEachVector(int64_t n, Body body) {
  const Full full;
  const One one;
  const auto lanes = static_cast<int64_t>(hn::Lanes(full));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) body(full, i);
  for (; i < n; ++i) body(one, i);
}

HWY_INLINE float SumOf(Vec v) { return hn::GetLane(hn::SumOfLanes(Full(), v)); }

// term(tag, i) gives the terms i, i + 1, ... of a sum of n.
template <typename Term>
HWY_INLINE float SumVectors(int64_t n, Term term) {
  const Full full;
  const One one;
  const auto lanes = static_cast<int64_t>(hn::Lanes(full));
  Vec sum = hn::Zero(full);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) sum = hn::Add(sum, term(full, i));
  float rest = 0;
  for (; i < n; ++i) rest += hn::GetLane(term(one, i));
  return SumOf(sum) + rest;
}

void RmsNormRow(const float* x, const float* weight, float eps, int64_t cols, float* y) {
  const float squares = SumVectors(cols, [=](auto d, int64_t i) HWY_ATTR {
    const auto v = hn::LoadU(d, x + i);
    return hn::Mul(v, v);
  });
  const float factor = 1.0f / std::sqrt(squares / static_cast<float>(cols) + eps);
  ForEachVector(cols, [=](auto d, int64_t i) HWY_ATTR {
    const auto scaled = hn::Mul(hn::LoadU(d, x + i), hn::Set(d, factor));
    hn::StoreU(hn::Mul(scaled, hn::LoadU(d, weight + i)), d, y + i);
  });
}

void LayerNormRow(const float* x, const float* weight, const float* bias, float eps, int64_t cols,
                  float* y) {
  const float sum =
      SumVectors(cols, [=](auto d, int64_t i) HWY_ATTR { return hn::LoadU(d, x + i); });
  const float mean = sum / static_cast<float>(cols);
  const float squares = SumVectors(cols, [=](auto d, int64_t i) HWY_ATTR {
    const auto v = hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean));
    return hn::Mul(v, v);
  });
  const float factor = 1.0f / std::sqrt(squares / static_cast<float>(cols) + eps);
  ForEachVector(cols, [=](auto d, int64_t i) HWY_ATTR {
    const auto centred = hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean));
    const auto scaled = hn::Mul(centred, hn::Set(d, factor));
    hn::StoreU(hn::MulAdd(scaled, hn::LoadU(d, weight + i), hn::LoadU(d, bias + i)), d, y + i);
  });
}

void RopeRow(const float* cosines, const float* sines, int64_t heads, int64_t dim, float* x) {
  const int64_t half = dim / 2;
  for (int64_t h = 0; h < heads; ++h) {
    float* head = x + h * dim;
    ForEachVector(half, [=](auto d, int64_t i) HWY_ATTR {
      const auto a = hn::LoadU(d, head + i);
      const auto b = hn::LoadU(d, head + half + i);
      const auto cosine = hn::LoadU(d, cosines + i);
      const auto sine = hn::LoadU(d, sines + i);
      hn::StoreU(hn::NegMulAdd(b, sine, hn::Mul(a, cosine)), d, head + i);
      hn::StoreU(hn::MulAdd(a, sine, hn::Mul(b, cosine)), d, head + half + i);
    });
  }
}

// ---- activations -------------------------------------------------------------------------------

// e^x; above 88 the result is e^88, near the largest float.
template <typename D, typename V>
HWY_INLINE V BoundedExp(D d, V x) {
  return hn::Exp(d, hn::Min(x, hn::Set(d, 88.0f)));
}

template <typename D, typename V>
HWY_INLINE V Silu(D d, V x) {
  return hn::Div(x, hn::Add(hn::Set(d, 1.0f), BoundedExp(d, hn::Neg(x))));
}

// (1 + tanh(u)) / 2 = 1 / (1 + e^(-2u)).
template <typename D, typename V>
HWY_INLINE V GeluTanh(D d, V x) {
  const V cubic = hn::Mul(hn::Mul(hn::Set(d, 0.044715f), hn::Mul(x, x)), x);
  const V u = hn::Mul(hn::Set(d, -2 * 0.7978845608f), hn::Add(x, cubic));
  return hn::Div(x, hn::Add(hn::Set(d, 1.0f), BoundedExp(d, u)));
}

// erf by Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7:
// erfc(z) = t (a1 + t (a2 + ... a5)) e^(-z^2), t = 1 / (1 + p z), z >= 0.
template <typename D, typename V>
HWY_INLINE V GeluErf(D d, V x) {
  const V z = hn::Mul(hn::Abs(x), hn::Set(d, 0.7071067812f));
  const V t = hn::Div(hn::Set(d, 1.0f), hn::MulAdd(hn::Set(d, 0.3275911f), z, hn::Set(d, 1.0f)));
  V poly = hn::MulAdd(hn::Set(d, 1.061405429f), t, hn::Set(d, -1.453152027f));
  poly = hn::MulAdd(poly, t, hn::Set(d, 1.421413741f));
  poly = hn::MulAdd(poly, t, hn::Set(d, -0.284496736f));
  poly = hn::MulAdd(poly, t, hn::Set(d, 0.254829592f));
  const V tail = hn::Mul(hn::Mul(poly, t), hn::Exp(d, hn::Neg(hn::Mul(z, z))));  // erfc(z)
  // x (1 + erf) / 2: for x < 0 that is x erfc(z) / 2, for x >= 0 x - x erfc(z) / 2.
  const V below = hn::Mul(hn::Mul(x, hn::Set(d, 0.5f)), tail);
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), below, hn::Sub(x, below));
}

template <typename D, typename V>
HWY_INLINE V Apply(Activation f, D d, V x) {
  if (f == Activation::kSilu) return Silu(d, x);
  if (f == Activation::kGeluTanh) return GeluTanh(d, x);
  return GeluErf(d, x);
}

void GatedActivationRun(Activation f, const float* gate, const float* up, int64_t n, float* y) {
  ForEachVector(n, [=](auto d, int64_t i) HWY_ATTR {
    hn::StoreU(hn::Mul(Apply(f, d, hn::LoadU(d, gate + i)), hn::LoadU(d, up + i)), d, y + i);
  });
}

void ActivationRun(Activation f, float* x, int64_t n) {
  ForEachVector(n, [=](auto d, int64_t i)
                       HWY_ATTR { hn::StoreU(Apply(f, d, hn::LoadU(d, x + i)), d, x + i); });
}

// The largest number first, then where it is: two passes over what stays in the L2 cache, without
// indices in vectors.
int64_t ArgMaxRun(const float* x, int64_t n) {
  const Full d;
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto larger = [](Vec v, Vec best)
                          HWY_ATTR { return hn::IfThenElse(hn::Gt(v, best), v, best); };
  Vec best[4];
  for (Vec& b : best) b = hn::Set(d, kNone);
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    for (int j = 0; j < 4; ++j) best[j] = larger(hn::LoadU(d, x + i + j * lanes), best[j]);
  }
  for (; i + lanes <= n; i += lanes) best[0] = larger(hn::LoadU(d, x + i), best[0]);
  best[0] = hn::Max(hn::Max(best[0], best[1]), hn::Max(best[2], best[3]));
  float largest = hn::GetLane(hn::MaxOfLanes(d, best[0]));
  for (; i < n; ++i) largest = x[i] > largest ? x[i] : largest;
  if (largest == kNone) return 0;
  const Vec wanted = hn::Set(d, largest);
  for (i = 0; i + lanes <= n; i += lanes) {
    const intptr_t at = hn::FindFirstTrue(d, hn::Eq(hn::LoadU(d, x + i), wanted));
    if (at >= 0) return i + at;
  }
  while (x[i] != largest) ++i;
  return i;
}

double ExponentialsRun(const float* x, int64_t n, double largest, double factor, double* y) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> d32;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  // hn::Exp gives 0 below -1000 and for NaN.
  const auto weights = [&](auto floats) HWY_ATTR {
    const auto above = hn::Sub(hn::PromoteTo(d, floats), hn::Set(d, largest));
    return hn::Exp(d, hn::Mul(above, hn::Set(d, factor)));
  };
  auto sum = hn::Zero(d);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto w = weights(hn::LoadU(d32, x + i));
    hn::StoreU(w, d, y + i);
    sum = hn::Add(sum, w);
  }
  double rest = 0;
  for (; i < n; ++i) {
    y[i] = hn::GetLane(weights(hn::Set(d32, x[i])));
    rest += y[i];
  }
  return hn::GetLane(hn::SumOfLanes(d, sum)) + rest;
}

}  // namespace

const LayerKernels* Table() {
  static constexpr LayerKernels kernels = {RmsNormRow,         LayerNormRow,  RopeRow,
                                           GatedActivationRun, ActivationRun, ArgMaxRun,
                                           ExponentialsRun};
  return &kernels;
}

}  // namespace HWY_NAMESPACE
}  // namespace crumb
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace crumb {
namespace {

HWY_EXPORT(Table);

// The table of one Highway target, which this CPU must have.
const LayerKernels& TableOf(int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  const LayerKernels* table = HWY_DYNAMIC_DISPATCH(Table)();
  hwy::SetSupportedTargetsForTest(0);
  return *table;
}

}  // namespace

const LayerKernels& Avx2Layers() { return TableOf(HWY_AVX2); }
const LayerKernels& Avx512Layers() { return TableOf(HWY_AVX3); }
const LayerKernels& NeonLayers() { return TableOf(HWY_NEON); }

}  // namespace crumb
#endif  // HWY_ONCE
