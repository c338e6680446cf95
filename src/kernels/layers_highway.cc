// The operations between the matrix products with Highway, compiled once for each vector target
// below; kernel_set.cc asks for the target that goes with its set. Formulas are those of
// layers_scalar.cc.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/kernel_table.h"
#include "kernels/key_range.h"
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

// ---- attention ---------------------------------------------------------------------------------

// Keys are taken in blocks that start at multiples of kKeyBlock, so that the sums of a query do not
// depend on which queries it is computed with.
constexpr int64_t kBlock = kKeyBlock;

// From so many queries on, a block's keys are transposed: keys lie along the lanes and no sum
// across lanes is needed.
constexpr int64_t kTransposeFrom = 8;

// Keys and values of one head for positions base .. base + count - 1, key k at keys + k * stride.
struct KeyBlock {
  const float* keys;
  const float* values;
  int64_t stride;
  int64_t base;
  int64_t count;
  const float* transposed;  // dim x kBlock, or nullptr
};

void HalfRowToFloat(const uint16_t* in, int64_t n, float* out) {
  ForEachVector(n, [=](auto d, int64_t i) HWY_ATTR {
    const hn::Rebind<hwy::float16_t, decltype(d)> dh;
    const auto* halves = reinterpret_cast<const hwy::float16_t*>(in + i);
    hn::StoreU(hn::PromoteTo(d, hn::LoadU(dh, halves)), d, out + i);
  });
}

// out[d * kBlock + k] = keys[k * stride + d], in squares of four by four.
void Transpose(const float* keys, int64_t stride, int64_t count, int64_t dim, float* out) {
  int64_t k = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::FixedTag<float, 4> d4;
  for (; k + 4 <= count; k += 4) {
    const float* in = keys + k * stride;
    int64_t d = 0;
    for (; d + 4 <= dim; d += 4) {
      const auto r0 = hn::LoadU(d4, in + d);
      const auto r1 = hn::LoadU(d4, in + stride + d);
      const auto r2 = hn::LoadU(d4, in + 2 * stride + d);
      const auto r3 = hn::LoadU(d4, in + 3 * stride + d);
      const auto low02 = hn::InterleaveLower(d4, r0, r2), high02 = hn::InterleaveUpper(d4, r0, r2);
      const auto low13 = hn::InterleaveLower(d4, r1, r3), high13 = hn::InterleaveUpper(d4, r1, r3);
      float* to = out + d * kBlock + k;
      hn::StoreU(hn::InterleaveLower(d4, low02, low13), d4, to);
      hn::StoreU(hn::InterleaveUpper(d4, low02, low13), d4, to + kBlock);
      hn::StoreU(hn::InterleaveLower(d4, high02, high13), d4, to + 2 * kBlock);
      hn::StoreU(hn::InterleaveUpper(d4, high02, high13), d4, to + 3 * kBlock);
    }
    for (; d < dim; ++d) {
      for (int64_t i = 0; i < 4; ++i) out[d * kBlock + k + i] = in[i * stride + d];
    }
  }
#endif
  for (; k < count; ++k) {
    for (int64_t d = 0; d < dim; ++d) out[d * kBlock + k] = keys[k * stride + d];
  }
}

KeyBlock LoadBlock(const AttentionShape& shape, const KvView& kv, int64_t base, int64_t count,
                   int64_t kv_head, bool transpose, float* scratch) {
  const int64_t dim = shape.head_dim;
  const int64_t first = (base * shape.kv_heads + kv_head) * dim;
  const int64_t stride = shape.kv_heads * dim;
  KeyBlock block = {nullptr, nullptr, stride, base, count, nullptr};
  if (kv.half) {
    const auto* keys = static_cast<const uint16_t*>(kv.keys) + first;
    const auto* values = static_cast<const uint16_t*>(kv.values) + first;
    for (int64_t k = 0; k < count; ++k) {
      HalfRowToFloat(keys + k * stride, dim, scratch + k * dim);
      HalfRowToFloat(values + k * stride, dim, scratch + (kBlock + k) * dim);
    }
    block.keys = scratch;
    block.values = scratch + kBlock * dim;
    block.stride = dim;
  } else {
    block.keys = static_cast<const float*>(kv.keys) + first;
    block.values = static_cast<const float*>(kv.values) + first;
  }
  if (transpose) {
    float* transposed = scratch + 2 * kBlock * dim;
    std::fill_n(transposed, kBlock * dim, 0.0f);
    Transpose(block.keys, block.stride, count, dim, transposed);
    block.transposed = transposed;
  }
  return block;
}

// scores[k] = q . key k for the keys of the block (all kBlock entries are written if transposed).
void Scores(const KeyBlock& block, const float* q, int64_t dim, float* scores) {
  const Full d;
  if (block.transposed == nullptr) {
    for (int64_t k = 0; k < block.count; ++k) {
      const float* key = block.keys + k * block.stride;
      scores[k] = SumVectors(dim, [=](auto tag, int64_t i) HWY_ATTR {
        return hn::Mul(hn::LoadU(tag, q + i), hn::LoadU(tag, key + i));
      });
    }
    return;
  }
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t k = 0; k < kBlock; k += 4 * lanes) {
    if (4 * lanes > kBlock - k) break;
    Vec s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    for (int64_t i = 0; i < dim; ++i) {
      const Vec qi = hn::Set(d, q[i]);
      const float* row = block.transposed + i * kBlock + k;
      s0 = hn::MulAdd(qi, hn::LoadU(d, row), s0);
      s1 = hn::MulAdd(qi, hn::LoadU(d, row + lanes), s1);
      s2 = hn::MulAdd(qi, hn::LoadU(d, row + 2 * lanes), s2);
      s3 = hn::MulAdd(qi, hn::LoadU(d, row + 3 * lanes), s3);
    }
    hn::StoreU(s0, d, scores + k);
    hn::StoreU(s1, d, scores + k + lanes);
    hn::StoreU(s2, d, scores + k + 2 * lanes);
    hn::StoreU(s3, d, scores + k + 3 * lanes);
  }
}

// out = keep * out + sum over [begin, end) of weights[k] * value k, for kVectors vectors of `out`.
// Even and odd keys have sums of their own: twice as many additions are under way.
template <int kVectors>
HWY_INLINE void AddValueVectors(const KeyBlock& block, const float* weights, int64_t begin,
                                int64_t end, float keep, int64_t at, float* out) {
  const Full d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  Vec even[kVectors], odd[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    even[v] = hn::Mul(hn::Set(d, keep), hn::LoadU(d, out + at + v * lanes));
    odd[v] = hn::Zero(d);
  }
  const auto add = [&](int64_t k, Vec* sums) HWY_ATTR {
    const Vec weight = hn::Set(d, weights[k]);
    const float* value = block.values + k * block.stride + at;
    for (int v = 0; v < kVectors; ++v) {
      sums[v] = hn::MulAdd(weight, hn::LoadU(d, value + v * lanes), sums[v]);
    }
  };
  int64_t k = begin;
  for (; k + 2 <= end; k += 2) {
    add(k, even);
    add(k + 1, odd);
  }
  if (k < end) add(k, even);
  for (int v = 0; v < kVectors; ++v) {
    hn::StoreU(hn::Add(even[v], odd[v]), d, out + at + v * lanes);
  }
}

void AddValues(const KeyBlock& block, const float* weights, int64_t begin, int64_t end, float keep,
               int64_t dim, float* out) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(Full()));
  int64_t i = 0;
  for (; i + 4 * lanes <= dim; i += 4 * lanes) {
    AddValueVectors<4>(block, weights, begin, end, keep, i, out);
  }
  for (; i + lanes <= dim; i += lanes) {
    AddValueVectors<1>(block, weights, begin, end, keep, i, out);
  }
  for (; i < dim; ++i) {
    float sum = keep * out[i];
    for (int64_t k = begin; k < end; ++k) sum += weights[k] * block.values[k * block.stride + i];
    out[i] = sum;
  }
}

// The online softmax of one query so far: largest score, sum of e^(score - largest).
struct Running {
  float largest;
  float total;
};

// Turns scores [begin, end) of a block into weights e^(score * scale - largest), all others into 0,
// and returns by how much what was summed before shrinks. NaN and Inf scores make the total NaN:
// the vector Exp alone would hide a NaN.
float Softmax(float scale, int64_t begin, int64_t end, float* scores, Running* running) {
  const Full d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  constexpr float kLowest = std::numeric_limits<float>::lowest();
  const Vec factor = hn::Set(d, scale);
  Vec block_largest = hn::Set(d, kLowest);
  Vec poison = hn::Zero(d);
  std::fill_n(scores, begin, 0.0f);
  std::fill(scores + end, scores + kBlock, 0.0f);
  for (int64_t k = 0; k < kBlock; k += lanes) {
    const Vec score = hn::Mul(hn::LoadU(d, scores + k), factor);
    poison = hn::Add(poison, hn::Sub(score, score));
    hn::StoreU(score, d, scores + k);
  }
  std::fill_n(scores, begin, kLowest);
  std::fill(scores + end, scores + kBlock, kLowest);
  for (int64_t k = 0; k < kBlock; k += lanes) {
    block_largest = hn::Max(block_largest, hn::LoadU(d, scores + k));
  }
  const float largest = std::max(running->largest, hn::GetLane(hn::MaxOfLanes(d, block_largest)));
  const float keep = largest == running->largest ? 1.0f : std::exp(running->largest - largest);
  Vec sum = poison;
  for (int64_t k = 0; k < kBlock; k += lanes) {
    const Vec weight = hn::Exp(d, hn::Sub(hn::LoadU(d, scores + k), hn::Set(d, largest)));
    hn::StoreU(weight, d, scores + k);
    sum = hn::Add(sum, weight);
  }
  *running = {largest, running->total * keep + SumOf(sum)};
  return keep;
}

void AttentionRows(const AttentionShape& shape, const float* q, const KvView& kv, int64_t first,
                   int64_t begin, int64_t end, int64_t total, int64_t kv_head, float* out,
                   float* scratch) {
  const int64_t dim = shape.head_dim;
  const int64_t group = shape.heads / shape.kv_heads;
  const bool transpose = (end - begin) * group >= kTransposeFrom;
  float* scores = scratch + 3 * kBlock * dim;
  auto* running = reinterpret_cast<Running*>(scores + kBlock);
  for (int64_t row = begin; row < end; ++row) {
    std::fill_n(out + (row * shape.heads + kv_head * group) * dim, group * dim, 0.0f);
  }
  std::fill_n(running, (end - begin) * group, Running{std::numeric_limits<float>::lowest(), 0.0f});
  const int64_t oldest = KeysOf(shape, first + begin, total).begin;
  const int64_t newest = KeysOf(shape, first + end - 1, total).end;
  for (int64_t base = oldest / kBlock * kBlock; base < newest; base += kBlock) {
    const int64_t count = std::min(kBlock, total - base);
    const KeyBlock block = LoadBlock(shape, kv, base, count, kv_head, transpose, scratch);
    for (int64_t row = begin; row < end; ++row) {
      const KeyRange keys = KeysOf(shape, first + row, total);
      const int64_t from = std::max(keys.begin - base, int64_t{0});
      const int64_t to = std::min(keys.end - base, count);
      if (from >= to) continue;
      for (int64_t h = 0; h < group; ++h) {
        const int64_t at = (row * shape.heads + kv_head * group + h) * dim;
        Running& state = running[(row - begin) * group + h];
        Scores(block, q + at, dim, scores);
        const float keep = Softmax(shape.scale, from, to, scores, &state);
        AddValues(block, scores, from, to, keep, dim, out + at);
      }
    }
  }
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t h = 0; h < group; ++h) {
      float* result = out + (row * shape.heads + kv_head * group + h) * dim;
      const float factor = 1.0f / running[(row - begin) * group + h].total;
      for (int64_t i = 0; i < dim; ++i) result[i] *= factor;
    }
  }
}

}  // namespace

const LayerKernels* Table() {
  static constexpr LayerKernels kernels = {RmsNormRow,         LayerNormRow,  RopeRow,
                                           GatedActivationRun, ActivationRun, AttentionRows};
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
