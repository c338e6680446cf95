// Inside of attention_highway.cc: the loops over numbers, for one vector target at a time. A tile
// is up to six queries whose sums stay in registers.
#if defined(CRUMB_KERNELS_ATTENTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CRUMB_KERNELS_ATTENTION_INL_H_
#undef CRUMB_KERNELS_ATTENTION_INL_H_
#else
#define CRUMB_KERNELS_ATTENTION_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/kernel_table.h"
#include "kernels/key_range.h"

HWY_BEFORE_NAMESPACE();
namespace crumb {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Full = hn::ScalableTag<float>;
using Vec = hn::Vec<Full>;

// Blocks start at multiples of kKeyBlock.
constexpr int64_t kBlock = kKeyBlock;
constexpr float kLowest = std::numeric_limits<float>::lowest();

HWY_INLINE int64_t Lanes() { return static_cast<int64_t>(hn::Lanes(Full())); }

HWY_INLINE Vec Load(const float* p) { return hn::LoadU(Full(), p); }
HWY_INLINE Vec Load(const uint16_t* p) {
  const hn::Rebind<hwy::float16_t, Full> half;
  return hn::PromoteTo(Full(), hn::LoadU(half, reinterpret_cast<const hwy::float16_t*>(p)));
}

HWY_INLINE Vec Load(const int8_t* p) {
  const hn::Rebind<int8_t, Full> bytes;
  return hn::ConvertTo(Full(), hn::PromoteTo(hn::RebindToSigned<Full>(), hn::LoadU(bytes, p)));
}

// One number.
HWY_INLINE float LoadOne(const float* p) { return *p; }
HWY_INLINE float LoadOne(const int8_t* p) { return static_cast<float>(*p); }
HWY_INLINE float LoadOne(const uint16_t* p) {
  const hn::CappedTag<float, 1> one;
  const hn::Rebind<hwy::float16_t, decltype(one)> half;
  const auto* number = reinterpret_cast<const hwy::float16_t*>(p);
  return hn::GetLane(hn::PromoteTo(one, hn::LoadU(half, number)));
}

// Numbers of one head for the keys of a block: key k at data + k * stride.
template <typename T>
struct Rows {
  const T* data;
  int64_t stride;
};

// ---- scores ------------------------------------------------------------------------------------

#if HWY_TARGET != HWY_SCALAR
// out[i] = the sum of number i of each 128-bit block.
template <class D>
HWY_INLINE void StoreSumOfBlocks(D d, hn::Vec<D> v, float* out) {
  if constexpr (hn::MaxLanes(D()) > 4) {
    const hn::Half<D> half;
    StoreSumOfBlocks(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)), out);
  } else {
    hn::StoreU(v, d, out);
  }
}
#endif

// out[i] = the sum of the lanes of v[i], i < 4.
HWY_INLINE void StoreFourSums(const Vec* v, float* out) {
#if HWY_TARGET == HWY_SCALAR
  for (int i = 0; i < 4; ++i) out[i] = hn::GetLane(v[i]);
#else
  const Full d;
  const Vec even = hn::Add(hn::InterleaveLower(d, v[0], v[2]), hn::InterleaveUpper(d, v[0], v[2]));
  const Vec odd = hn::Add(hn::InterleaveLower(d, v[1], v[3]), hn::InterleaveUpper(d, v[1], v[3]));
  StoreSumOfBlocks(d, hn::Add(hn::InterleaveLower(d, even, odd), hn::InterleaveUpper(d, even, odd)),
                   out);
#endif
}

// Asks for the cache lines of n numbers. Keys of one head lie in pieces of one or two lines, which
// the CPU's own prefetchers do not follow well.
template <typename T>
HWY_INLINE void FetchAhead(const T* p, int64_t n) {
  constexpr int64_t kLine = 64 / sizeof(T);
  for (int64_t i = 0; i < n; i += kLine) __builtin_prefetch(p + i);
}

// scores[r * kBlock + k] = q[r] . key k for kQ queries and keys [begin, end). Fetches the same rows
// of `ahead` unless that is nullptr.
template <int kQ, typename T>
HWY_INLINE void DotTile(const Rows<T>& keys, const float* q, int64_t width, int64_t used,
                        int64_t begin, int64_t end, const T* ahead, float* scores) {
  const Full d;
  const int64_t lanes = Lanes();
  int64_t k = begin;
  for (; k + 4 <= end; k += 4) {
    Vec sums[kQ][4];
    for (int r = 0; r < kQ; ++r) {
      for (int j = 0; j < 4; ++j) sums[r][j] = hn::Zero(d);
    }
    const T* key = keys.data + k * keys.stride;
    if (ahead != nullptr) {
      for (int64_t j = k; j < k + 4; ++j) FetchAhead(ahead + j * keys.stride, used);
    }
    for (int64_t i = 0; i < used; i += lanes) {
      Vec query[kQ];
      for (int r = 0; r < kQ; ++r) query[r] = hn::LoadU(d, q + r * width + i);
      for (int j = 0; j < 4; ++j) {
        const Vec numbers = Load(key + j * keys.stride + i);
        for (int r = 0; r < kQ; ++r) sums[r][j] = hn::MulAdd(query[r], numbers, sums[r][j]);
      }
    }
    for (int r = 0; r < kQ; ++r) StoreFourSums(sums[r], scores + r * kBlock + k);
  }
  for (; k < end; ++k) {
    Vec sums[kQ];
    for (int r = 0; r < kQ; ++r) sums[r] = hn::Zero(d);
    for (int64_t i = 0; i < used; i += lanes) {
      const Vec numbers = Load(keys.data + k * keys.stride + i);
      for (int r = 0; r < kQ; ++r) {
        sums[r] = hn::MulAdd(hn::LoadU(d, q + r * width + i), numbers, sums[r]);
      }
    }
    for (int r = 0; r < kQ; ++r) {
      scores[r * kBlock + k] = hn::GetLane(hn::SumOfLanes(d, sums[r]));
    }
  }
}

// Vectors of a tile of many queries: with 32 registers 24 sums, which take ten loads a step; with
// 16 registers half as many.
constexpr int kWide = HWY_TARGET == HWY_AVX3 ? 4 : 2;

// The same for keys transposed (number i of key k at transposed[i * kBlock + k]) and keys [0, end),
// `end` rounded up to kWide vectors.
template <int kQ>
HWY_INLINE void ColumnTile(const float* transposed, const float* q, int64_t width, int64_t dim,
                           int64_t end, float* scores) {
  const Full d;
  const int64_t lanes = Lanes();
  for (int64_t k = 0; k < end; k += kWide * lanes) {
    Vec sums[kQ][kWide];
    for (int r = 0; r < kQ; ++r) {
      for (int v = 0; v < kWide; ++v) sums[r][v] = hn::Zero(d);
    }
    for (int64_t i = 0; i < dim; ++i) {
      Vec keys[kWide];
      for (int v = 0; v < kWide; ++v) {
        keys[v] = hn::LoadU(d, transposed + i * kBlock + k + v * lanes);
      }
      for (int r = 0; r < kQ; ++r) {
        const Vec number = hn::Set(d, q[r * width + i]);
        for (int v = 0; v < kWide; ++v) sums[r][v] = hn::MulAdd(number, keys[v], sums[r][v]);
      }
    }
    for (int r = 0; r < kQ; ++r) {
      for (int v = 0; v < kWide; ++v)
        hn::StoreU(sums[r][v], d, scores + r * kBlock + k + v * lanes);
    }
  }
}

// ---- softmax -----------------------------------------------------------------------------------

// e^x for x <= 0; below -87, where the result leaves the normal floats, 0. With n = round(x / ln 2)
// and r = x - n ln 2 in two steps (Cody and Waite 1980), e^x = 2^n e^r, e^r by its Taylor
// polynomial of degree 7: |r| <= 0.3466, so what is left out is below 0.3466^8 / 8! = 5.2e-9.
HWY_INLINE Vec ExpOfNegative(Vec x) {
  const Full d;
  const hn::RebindToSigned<Full> di;
  const auto in_range = hn::Ge(x, hn::Set(d, -87.0f));
  const Vec bounded = hn::IfThenElse(in_range, x, hn::Set(d, -87.0f));
  const Vec n = hn::Round(hn::Mul(bounded, hn::Set(d, 1.44269504f)));
  Vec r = hn::NegMulAdd(n, hn::Set(d, 0.693145751953125f), bounded);
  r = hn::NegMulAdd(n, hn::Set(d, 1.428606820309417e-6f), r);
  Vec p = hn::MulAdd(hn::Set(d, 1.0f / 5040), r, hn::Set(d, 1.0f / 720));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 120));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 24));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 6));
  p = hn::MulAdd(p, r, hn::Set(d, 0.5f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f));
  const auto power = hn::ShiftLeft<23>(hn::ConvertTo(di, n));
  return hn::IfThenElseZero(in_range, hn::BitCast(d, hn::Add(hn::BitCast(di, p), power)));
}

// ---- values ------------------------------------------------------------------------------------

// sums[r] = keep[r] * sums[r] + sum over [begin, end) of weights[r * kBlock + k] * value k, for kQ
// queries and kVectors vectors of a value. Fetches the same numbers of `ahead` unless that is
// nullptr.
template <int kQ, int kVectors, typename T>
HWY_INLINE void ValueTile(const T* values, int64_t stride, const float* weights, KeyRange range,
                          const T* ahead, const float* keep, int64_t width, float* sums) {
  const Full d;
  const int64_t lanes = Lanes();
  Vec tile[kQ][kVectors];
  for (int r = 0; r < kQ; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      tile[r][v] = hn::Mul(hn::Set(d, keep[r]), hn::LoadU(d, sums + r * width + v * lanes));
    }
  }
  for (int64_t k = range.begin; k < range.end; ++k) {
    const T* value = values + k * stride;
    if (ahead != nullptr) FetchAhead(ahead + k * stride, kVectors * lanes);
    // The smaller side of the tile waits in registers for the other, so that 16 are enough.
    if constexpr (kQ <= kVectors) {
      Vec weight[kQ];
      for (int r = 0; r < kQ; ++r) weight[r] = hn::Set(d, weights[r * kBlock + k]);
      for (int v = 0; v < kVectors; ++v) {
        const Vec numbers = Load(value + v * lanes);
        for (int r = 0; r < kQ; ++r) tile[r][v] = hn::MulAdd(weight[r], numbers, tile[r][v]);
      }
    } else {
      Vec numbers[kVectors];
      for (int v = 0; v < kVectors; ++v) numbers[v] = Load(value + v * lanes);
      for (int r = 0; r < kQ; ++r) {
        const Vec weight = hn::Set(d, weights[r * kBlock + k]);
        for (int v = 0; v < kVectors; ++v) {
          tile[r][v] = hn::MulAdd(weight, numbers[v], tile[r][v]);
        }
      }
    }
  }
  for (int r = 0; r < kQ; ++r) {
    for (int v = 0; v < kVectors; ++v) hn::StoreU(tile[r][v], d, sums + r * width + v * lanes);
  }
}

// Values of a head for kQ queries that take keys of one range.
template <int kQ, typename T>
HWY_INLINE void AddValues(const Rows<T>& values, const float* weights, KeyRange range,
                          const T* ahead, const float* keep, int64_t width, int64_t used,
                          float* sums) {
  // 8 sums under way or more; with 16 lanes, a head of 64 numbers is four vectors.
  constexpr int kOfOne = hn::MaxLanes(Full()) >= 16 ? 4 : 8;
  constexpr int kVectors = kQ == 1 ? kOfOne : kQ <= 3 ? 4 : kWide;
  const int64_t lanes = Lanes();
  const auto from = [&](int64_t i) { return ahead != nullptr ? ahead + i : nullptr; };
  int64_t i = 0;
  for (; i + kVectors * lanes <= used; i += kVectors * lanes) {
    ValueTile<kQ, kVectors>(values.data + i, values.stride, weights, range, from(i), keep, width,
                            sums + i);
  }
  for (; i < used; i += lanes) {
    ValueTile<kQ, 1>(values.data + i, values.stride, weights, range, from(i), keep, width,
                     sums + i);
  }
}

// ---- blocks ------------------------------------------------------------------------------------

// count rows of dim numbers as floats, `width` apart, zeros behind them; times a scale of each row
// unless `scales` is nullptr.
template <typename T>
void Unpack(const Rows<T>& rows, const float* scales, int64_t count, int64_t dim, int64_t width,
            float* out) {
  const Full d;
  const int64_t lanes = Lanes();
  for (int64_t k = 0; k < count; ++k, out += width) {
    const T* row = rows.data + k * rows.stride;
    const float scale = scales != nullptr ? scales[k] : 1.0f;
    int64_t i = 0;
    for (; i + lanes <= dim; i += lanes) {
      hn::StoreU(hn::Mul(Load(row + i), hn::Set(d, scale)), d, out + i);
    }
    if (i == dim && dim == width) continue;
    std::fill(out + i, out + width, 0.0f);
    for (; i < dim; ++i) out[i] = LoadOne(row + i) * scale;
  }
}

// out[i * kBlock + k] = keys[k * width + i], in squares of four by four; columns from `count` up to
// a multiple of four, and beyond, hold anything.
void Transpose(const float* keys, int64_t width, int64_t count, int64_t dim, float* out) {
#if HWY_TARGET == HWY_SCALAR
  for (int64_t k = 0; k < count; ++k) {
    for (int64_t i = 0; i < dim; ++i) out[i * kBlock + k] = keys[k * width + i];
  }
#else
  const hn::FixedTag<float, 4> d4;
  for (int64_t k = 0; k < count; k += 4) {
    const float* in = keys + k * width;
    for (int64_t i = 0; i < dim; i += 4) {
      const auto r0 = hn::LoadU(d4, in + i);
      const auto r1 = hn::LoadU(d4, in + width + i);
      const auto r2 = hn::LoadU(d4, in + 2 * width + i);
      const auto r3 = hn::LoadU(d4, in + 3 * width + i);
      const auto low02 = hn::InterleaveLower(d4, r0, r2), high02 = hn::InterleaveUpper(d4, r0, r2);
      const auto low13 = hn::InterleaveLower(d4, r1, r3), high13 = hn::InterleaveUpper(d4, r1, r3);
      float* to = out + i * kBlock + k;
      hn::StoreU(hn::InterleaveLower(d4, low02, low13), d4, to);
      hn::StoreU(hn::InterleaveUpper(d4, low02, low13), d4, to + kBlock);
      hn::StoreU(hn::InterleaveLower(d4, high02, high13), d4, to + 2 * kBlock);
      hn::StoreU(hn::InterleaveUpper(d4, high02, high13), d4, to + 3 * kBlock);
    }
  }
#endif
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace crumb
HWY_AFTER_NAMESPACE();

#endif
