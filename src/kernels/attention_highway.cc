// Attention with Highway, compiled once for each vector target below; kernel_set.cc asks for the
// target that goes with its set. Formulas are those of attention_scalar.cc.
//
// All queries of a piece, rows and heads of the group alike, go through the keys together: a block
// of 64 keys is scored for all of them, then the scores become weights, then the values are summed.
//   few queries   keys and values are read where they lie, float16 or not; lanes are numbers of a
//                 head, and four sums are added across lanes at a time
//   many queries  the block is unpacked to floats once, keys transposed, so that lanes are keys
// Either way a tile of up to six queries stays in registers, so that one load serves several of
// them. Rows in scratch are AttentionWidth numbers, zeros at the end, so that no loop has a rest.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/attention.h"
#include "kernels/kernel_table.h"
#include "kernels/key_range.h"

// Left: AVX3, AVX2, NEON, and the portable one that Highway always adds.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention_highway.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include "kernels/attention-inl.h"

HWY_BEFORE_NAMESPACE();
namespace crumb {
namespace HWY_NAMESPACE {
namespace {

// From so many queries on, unpacking a block once costs less than reading it again for each tile.
constexpr int64_t kUnpackFrom = 16;
// Queries of a tile of scores, with four sums each: what 32 or 16 registers hold.
constexpr int kScoreTile = HWY_TARGET == HWY_AVX3 ? 6 : 3;

// The queries of a piece and where their state and scratch are. Query i is head i % group of row
// begin + i / group.
struct Queries {
  int64_t count;
  int64_t group;
  int64_t width;   // AttentionWidth
  float* q;        // count x width, times the scale
  float* scores;   // count x kBlock: then weights
  float* keep;     // count: by how much what was summed before shrinks
  KeyRange* seen;  // count: keys of the block that the query sees
  float* sums;     // count x width
  float* running;  // count x 2: largest score so far, sum of e^(score - largest)
};

// body(tile) for `count` queries in tiles of at most kMost, as even as can be: body takes the first
// query and a std::integral_constant with how many.
template <int kMost, typename Body>
HWY_INLINE void ForEachTile(int64_t count, Body body) {
  int64_t at = 0;
  for (int64_t tiles = (count + kMost - 1) / kMost; tiles > 0; --tiles) {
    const int64_t size = (count - at + tiles - 1) / tiles;
    switch (size) {
      case 1:
        body(at, std::integral_constant<int, 1>());
        break;
      case 2:
        body(at, std::integral_constant<int, 2>());
        break;
      case 3:
        body(at, std::integral_constant<int, 3>());
        break;
      case 4:
        body(at, std::integral_constant<int, std::min(4, kMost)>());
        break;
      case 5:
        body(at, std::integral_constant<int, std::min(5, kMost)>());
        break;
      default:
        body(at, std::integral_constant<int, std::min(6, kMost)>());
        break;
    }
    at += size;
  }
}

// ---- one block
// -----------------------------------------------------------------------------------

// Turns the scores that a query sees into weights e^(score - largest), all others into 0, and
// returns by how much what was summed before shrinks. NaN and Inf scores make the total NaN:
// comparisons alone would hide a NaN.
float Softmax(KeyRange seen, float* scores, float* running) {
  const Full d;
  const int64_t lanes = Lanes();
  std::fill_n(scores, seen.begin, kLowest);
  std::fill(scores + seen.end, scores + kBlock, kLowest);
  Vec most = hn::Set(d, kLowest);
  Vec poison = hn::Zero(d);
  for (int64_t k = 0; k < kBlock; k += lanes) {
    const Vec score = hn::LoadU(d, scores + k);
    poison = hn::Add(poison, hn::Sub(score, score));
    most = hn::Max(most, score);
  }
  const float largest = std::max(running[0], hn::GetLane(hn::MaxOfLanes(d, most)));
  const float keep = largest == running[0] ? 1.0f : std::exp(running[0] - largest);
  const Vec shift = hn::Set(d, largest);
  Vec sum = poison;
  for (int64_t k = 0; k < kBlock; k += lanes) {
    const Vec weight = ExpOfNegative(hn::Sub(hn::LoadU(d, scores + k), shift));
    hn::StoreU(weight, d, scores + k);
    sum = hn::Add(sum, weight);
  }
  running[0] = largest;
  running[1] = running[1] * keep + hn::GetLane(hn::SumOfLanes(d, sum));
  return keep;
}

template <typename T>
bool AllFinite(const Rows<T>& values, KeyRange range, int64_t used) {
  const Full d;
  Vec poison = hn::Zero(d);
  for (int64_t k = range.begin; k < range.end; ++k) {
    for (int64_t i = 0; i < used; i += Lanes()) {
      const Vec v = Load(values.data + k * values.stride + i);
      poison = hn::Add(poison, hn::Sub(v, v));
    }
  }
  return hn::GetLane(hn::SumOfLanes(d, poison)) == 0;
}

// A weight of 0 keeps out every value but NaN and Inf. So queries that see different keys share a
// tile if there are none of those; else queries that see the same keys go together.
template <typename T>
void SumValues(const Queries& s, const Rows<T>& values, int64_t used, const T* ahead) {
  KeyRange all = s.seen[0];
  bool same = true;
  for (int64_t i = 1; i < s.count; ++i) {
    same = same && s.seen[i].begin == s.seen[0].begin && s.seen[i].end == s.seen[0].end;
    all = {std::min(all.begin, s.seen[i].begin), std::max(all.end, s.seen[i].end)};
  }
  const bool together = same || AllFinite(values, all, used);
  const int64_t step = together ? s.count : s.group;
  for (int64_t first = 0; first < s.count; first += step) {
    const KeyRange range = together ? all : s.seen[first];
    ForEachTile<6>(step, [&](int64_t at, auto size) HWY_ATTR {
      const int64_t i = first + at;
      AddValues<decltype(size)::value>(values, s.scores + i * kBlock, range,
                                       i == 0 ? ahead : nullptr, s.keep + i, s.width, used,
                                       s.sums + i * s.width);
    });
  }
}

template <typename T>
struct Block {
  Rows<T> keys;
  Rows<T> values;
  const float* key_scales;  // of each key, nullptr: none
  const float* value_scales;
  int64_t count;
  const T* next;  // keys of the next block, or nullptr
};

// numbers[k] *= scales[k] for the keys of `seen`; others may have any scale and keep their number.
void ScaleSeen(KeyRange seen, const float* scales, float* numbers) {
  const Full d;
  alignas(64) float factors[kBlock];
  std::fill_n(factors, kBlock, 1.0f);
  std::copy(scales + seen.begin, scales + seen.end, factors + seen.begin);
  for (int64_t k = 0; k < kBlock; k += Lanes()) {
    hn::StoreU(hn::Mul(hn::LoadU(d, numbers + k), hn::Load(d, factors + k)), d, numbers + k);
  }
}

// Few queries: keys where they are. Scales of int8 go to the scores and to the weights.
template <typename T>
void AttendFew(const Queries& s, const Block<T>& block, int64_t used) {
  KeyRange all = s.seen[0];
  for (int64_t i = 1; i < s.count; ++i) {
    all = {std::min(all.begin, s.seen[i].begin), std::max(all.end, s.seen[i].end)};
  }
  ForEachTile<kScoreTile>(s.count, [&](int64_t at, auto size) HWY_ATTR {
    DotTile<decltype(size)::value>(block.keys, s.q + at * s.width, s.width, used, all.begin,
                                   all.end, at == 0 ? block.values.data : nullptr,
                                   s.scores + at * kBlock);
  });
  for (int64_t i = 0; i < s.count; ++i) {
    float* scores = s.scores + i * kBlock;
    if (block.key_scales != nullptr) ScaleSeen(s.seen[i], block.key_scales, scores);
    s.keep[i] = Softmax(s.seen[i], scores, s.running + 2 * i);
    if (block.value_scales != nullptr) ScaleSeen(s.seen[i], block.value_scales, scores);
  }
  SumValues(s, block.values, used, block.next);
}

// Many queries: keys and values as floats, keys transposed.
template <typename T>
void AttendMany(const Queries& s, const Block<T>& block, int64_t dim, float* scratch) {
  float* keys = scratch;
  float* transposed = keys + kBlock * s.width;
  float* values = transposed + kBlock * s.width;
  Unpack(block.keys, block.key_scales, block.count, dim, s.width, keys);
  Unpack(block.values, block.value_scales, block.count, dim, s.width, values);
  Transpose(keys, s.width, block.count, dim, transposed);
  const int64_t step = kWide * Lanes();
  ForEachTile<6>(s.count, [&](int64_t at, auto size) HWY_ATTR {
    constexpr int kQ = decltype(size)::value;
    int64_t end = 0;
    for (int i = 0; i < kQ; ++i) end = std::max(end, s.seen[at + i].end);
    end = (end + step - 1) / step * step;
    ColumnTile<kQ>(transposed, s.q + at * s.width, s.width, dim, end, s.scores + at * kBlock);
  });
  for (int64_t i = 0; i < s.count; ++i) {
    s.keep[i] = Softmax(s.seen[i], s.scores + i * kBlock, s.running + 2 * i);
  }
  SumValues<float>(s, {values, s.width}, (dim + Lanes() - 1) / Lanes() * Lanes(), nullptr);
}

template <typename T>
void AttendStored(const AttentionShape& shape, const KvView& kv, const AttentionPiece& piece,
                  const Queries& s, float* scratch) {
  const int64_t dim = shape.head_dim;
  const int64_t stride = kv.position_stride;
  const int64_t oldest = KeysOf(shape, piece.first + piece.begin, piece.total).begin;
  const int64_t newest = KeysOf(shape, piece.first + piece.end - 1, piece.total).end;
  const int64_t end = std::min(newest, piece.key_end);
  int64_t base = std::max(oldest / kBlock * kBlock, piece.key_begin);
  for (; base < end; base += kBlock) {
    const int64_t count = std::min(kBlock, piece.total - base);
    for (int64_t i = 0; i < s.count; ++i) {
      const int64_t position = piece.first + piece.begin + i / s.group;
      const KeyRange keys = KeysOf(shape, position, piece.total);
      const int64_t from = std::clamp(keys.begin - base, int64_t{0}, count);
      s.seen[i] = {from, std::clamp(keys.end - base, from, count)};
    }
    const int64_t at = base * stride + piece.kv_head * kv.head_stride;
    const T* keys_at = static_cast<const T*>(kv.keys) + at;
    const bool scaled = kv.type == KvType::kInt8;
    const int64_t scale_at = piece.kv_head * kv.scale_stride + base;
    const Block<T> block = {{keys_at, stride},
                            {static_cast<const T*>(kv.values) + at, stride},
                            scaled ? kv.key_scales + scale_at : nullptr,
                            scaled ? kv.value_scales + scale_at : nullptr,
                            count,
                            base + kBlock < end ? keys_at + kBlock * stride : nullptr};
    if (s.count >= kUnpackFrom) {
      AttendMany(s, block, dim, scratch);
    } else if (dim % Lanes() == 0) {
      AttendFew(s, block, dim);
    } else {
      float* keys = scratch;
      float* values = keys + kBlock * s.width;
      Unpack(block.keys, block.key_scales, count, dim, s.width, keys);
      Unpack(block.values, block.value_scales, count, dim, s.width, values);
      AttendFew<float>(s, {{keys, s.width}, {values, s.width}, nullptr, nullptr, count, nullptr},
                       (dim + Lanes() - 1) / Lanes() * Lanes());
    }
  }
}

void Attend(const AttentionShape& shape, const float* q, const KvView& kv,
            const AttentionPiece& piece, float* state, float* scratch) {
  Queries s = {};
  s.group = shape.heads / shape.kv_heads;
  s.count = (piece.end - piece.begin) * s.group;
  s.width = AttentionWidth(shape.head_dim);
  s.sums = state;
  s.running = s.sums + s.count * s.width;
  s.q = scratch;
  s.scores = s.q + s.count * s.width;
  s.keep = s.scores + s.count * kBlock;
  s.seen = reinterpret_cast<KeyRange*>(s.keep + (s.count + 3) / 4 * 4);
  float* blocks = reinterpret_cast<float*>(s.seen + s.count);
  for (int64_t i = 0; i < s.count; ++i) {
    const int64_t row = piece.begin + i / s.group;
    const int64_t head = piece.kv_head * s.group + i % s.group;
    const float* in = q + (row * shape.heads + head) * shape.head_dim;
    float* out = s.q + i * s.width;
    for (int64_t j = 0; j < shape.head_dim; ++j) out[j] = in[j] * shape.scale;
    std::fill(out + shape.head_dim, out + s.width, 0.0f);
    s.running[2 * i] = kLowest;
    s.running[2 * i + 1] = 0;
  }
  std::fill_n(s.sums, s.count * s.width, 0.0f);
  switch (kv.type) {
    case KvType::kFloat32:
      return AttendStored<float>(shape, kv, piece, s, blocks);
    case KvType::kFloat16:
      return AttendStored<uint16_t>(shape, kv, piece, s, blocks);
    case KvType::kInt8:
      return AttendStored<int8_t>(shape, kv, piece, s, blocks);
  }
}

void ToHalfRun(const float* x, int64_t n, uint16_t* out) {
  const Full d;
  const hn::Rebind<hwy::float16_t, Full> half;
  auto* halves = reinterpret_cast<hwy::float16_t*>(out);
  const int64_t lanes = Lanes();
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(hn::DemoteTo(half, hn::LoadU(d, x + i)), half, halves + i);
  }
  const hn::CappedTag<float, 1> one;
  const hn::Rebind<hwy::float16_t, decltype(one)> one_half;
  for (; i < n; ++i) {
    hn::StoreU(hn::DemoteTo(one_half, hn::LoadU(one, x + i)), one_half, halves + i);
  }
}

float ToInt8Run(const float* x, int64_t n, int8_t* codes) {
  const Full d;
  const hn::CappedTag<float, 1> one;
  const int64_t lanes = Lanes();
  Vec most = hn::Zero(d), poison = hn::Zero(d);
  float largest = 0, rest = 0;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const Vec v = hn::LoadU(d, x + i);
    most = hn::Max(most, hn::Abs(v));
    poison = hn::MulAdd(v, hn::Zero(d), poison);  // NaN when an x is NaN or Inf
  }
  for (; i < n; ++i) {
    largest = std::max(largest, std::abs(x[i]));
    rest += x[i] * 0;
  }
  rest += hn::GetLane(hn::SumOfLanes(d, poison));
  const float scale =
      rest == 0 ? std::max(largest, hn::GetLane(hn::MaxOfLanes(d, most))) / 127 : rest;
  if (!(scale > 0)) {  // also NaN
    std::fill_n(codes, n, int8_t{0});
    return scale;
  }
  // Of a subnormal scale the quotient may be above 127.
  const auto store = [scale, codes](auto tag, auto v, int64_t at) HWY_ATTR {
    const auto quotient = hn::Round(hn::Div(v, hn::Set(tag, scale)));
    const auto code = hn::Clamp(quotient, hn::Set(tag, -127.0f), hn::Set(tag, 127.0f));
    const hn::RebindToSigned<decltype(tag)> di;
    const hn::Rebind<int8_t, decltype(tag)> bytes;
    hn::StoreU(hn::DemoteTo(bytes, hn::ConvertTo(di, code)), bytes, codes + at);
  };
  i = 0;
  for (; i + lanes <= n; i += lanes) store(d, hn::LoadU(d, x + i), i);
  for (; i < n; ++i) store(one, hn::LoadU(one, x + i), i);
  return scale;
}

}  // namespace

const AttentionKernels* AttentionTable() {
  static constexpr AttentionKernels kernels = {Attend, ToHalfRun, ToInt8Run};
  return &kernels;
}

}  // namespace HWY_NAMESPACE
}  // namespace crumb
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace crumb {
namespace {

HWY_EXPORT(AttentionTable);

// The table of one Highway target, which this CPU must have.
const AttentionKernels& TableOf(int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  const AttentionKernels* table = HWY_DYNAMIC_DISPATCH(AttentionTable)();
  hwy::SetSupportedTargetsForTest(0);
  return *table;
}

}  // namespace

const AttentionKernels& Avx2Attention() { return TableOf(HWY_AVX2); }
const AttentionKernels& Avx512Attention() { return TableOf(HWY_AVX3); }
const AttentionKernels& NeonAttention() { return TableOf(HWY_NEON); }

}  // namespace crumb
#endif  // HWY_ONCE
