// How attention is cut into pieces of work, and how pieces of one query are put together again.
#include "kernels/attention.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

#include "base/check.h"
#include "base/profile.h"
#include "kernels/kernel_table.h"
#include "kernels/key_range.h"

namespace crumb {
namespace {

// Queries (rows times heads of a group) of a piece: so many pay for unpacking a block of keys, and
// what they need stays in the L2 cache.
constexpr int64_t kPieceQueries = 64;
// Parts that the keys of few rows are split into. More would level many threads better, but each
// is merged by one.
constexpr int64_t kMostParts = 8;

const AttentionKernels& Kernels() { return *CurrentKernels().attention; }

// n floats that begin at a cache line; what they held is lost.
float* Aligned(int64_t n, std::vector<float>& memory) {
  constexpr uintptr_t kLine = 64;
  const auto needed = static_cast<size_t>(n) + kLine / sizeof(float);
  if (memory.size() < needed) memory.resize(needed);
  const auto at = reinterpret_cast<uintptr_t>(memory.data());
  return memory.data() + (kLine - at % kLine) % kLine / sizeof(float);
}

// Rows in blocks, keys in parts. One of the two counts is 1.
struct Split {
  int64_t rows_of_block;
  int64_t blocks;
  int64_t parts;
  int64_t first_key;  // a multiple of kKeyBlock
  int64_t keys_of_part;
};

Split Plan(const AttentionShape& shape, int64_t first, int64_t rows, int64_t total) {
  Split split = {};
  split.rows_of_block = std::max(kPieceQueries / (shape.heads / shape.kv_heads), int64_t{1});
  split.blocks = (rows + split.rows_of_block - 1) / split.rows_of_block;
  split.first_key = KeysOf(shape, first, total).begin / kKeyBlock * kKeyBlock;
  const int64_t keys = KeysOf(shape, first + rows - 1, total).end - split.first_key;
  const int64_t key_blocks = (keys + kKeyBlock - 1) / kKeyBlock;
  const int64_t wanted = split.blocks == 1 ? std::min(kMostParts, key_blocks) : 1;
  split.keys_of_part = (key_blocks + wanted - 1) / wanted * kKeyBlock;
  split.parts = (keys + split.keys_of_part - 1) / split.keys_of_part;
  return split;
}

// out = the sums of all parts, each brought to the largest score of all, over their total. Part p
// of the query is at states + p * stride, sums first.
void Merge(const float* states, int64_t stride, int64_t parts, int64_t query, int64_t queries,
           int64_t dim, float* out) {
  const int64_t width = AttentionWidth(dim);
  const auto running = [&](int64_t part) {
    return states + part * stride + queries * width + 2 * query;
  };
  float largest = std::numeric_limits<float>::lowest();
  for (int64_t part = 0; part < parts; ++part) largest = std::max(largest, running(part)[0]);
  float total = 0;
  std::fill_n(out, dim, 0.0f);
  for (int64_t part = 0; part < parts; ++part) {
    const float keep = running(part)[0] == largest ? 1.0f : std::exp(running(part)[0] - largest);
    total += keep * running(part)[1];
    const float* sums = states + part * stride + query * width;
    for (int64_t i = 0; i < dim; ++i) out[i] += keep * sums[i];
  }
  const float factor = 1.0f / total;
  for (int64_t i = 0; i < dim; ++i) out[i] *= factor;
}

}  // namespace

void Attention(const AttentionShape& shape, const float* q, const KvView& kv, int64_t first,
               int64_t rows, int64_t total, float* out, ThreadPool& pool) {
  const ProfileMark mark(WorkKind::kAttention);
  CRUMB_CHECK(shape.kv_heads > 0 && shape.heads % shape.kv_heads == 0);
  CRUMB_CHECK(!shape.causal || first + rows <= total);
  if (rows <= 0) return;
  const Split split = Plan(shape, first, rows, total);
  const int64_t group = shape.heads / shape.kv_heads;
  const int64_t queries = std::min(split.rows_of_block, rows) * group;
  const int64_t state_size = queries * (AttentionWidth(shape.head_dim) + 2);
  const auto merge = [&](int64_t begin, int64_t end, int64_t kv_head, const float* states) {
    for (int64_t i = 0; i < (end - begin) * group; ++i) {
      const int64_t head = kv_head * group + i % group;
      Merge(states, state_size, split.parts, i, (end - begin) * group, shape.head_dim,
            out + ((begin + i / group) * shape.heads + head) * shape.head_dim);
    }
  };
  // States of [kv head][part], where there are parts.
  thread_local std::vector<float> state_memory;
  float* const states =
      split.parts > 1 ? Aligned(shape.kv_heads * split.parts * state_size, state_memory) : nullptr;
  // Workers take the next piece when they are done with one: what is in a piece does not depend on
  // who takes it. Later rows see more keys, so they come first.
  const int64_t pieces = split.blocks * split.parts * shape.kv_heads;
  std::atomic<int64_t> taken = 0;
  const auto work = [&](int) {
    thread_local std::vector<float> memory;
    const int64_t scratch_size = AttentionScratchFloats(shape.head_dim, queries);
    float* scratch = Aligned(scratch_size + state_size, memory);
    for (int64_t next = taken++; next < pieces; next = taken++) {
      const int64_t piece = pieces - 1 - next;
      const int64_t kv_head = piece % shape.kv_heads;
      const int64_t part = piece / shape.kv_heads % split.parts;
      const int64_t block = piece / shape.kv_heads / split.parts;
      const int64_t begin = block * split.rows_of_block;
      const int64_t end = std::min(begin + split.rows_of_block, rows);
      const int64_t key = split.parts > 1 ? split.first_key + part * split.keys_of_part : 0;
      const int64_t last_key = split.parts > 1 ? std::min(key + split.keys_of_part, total) : total;
      float* state = states != nullptr ? states + (kv_head * split.parts + part) * state_size
                                       : scratch + scratch_size;
      Kernels().attend(shape, q, kv, {first, begin, end, total, kv_head, key, last_key}, state,
                       scratch);
      if (states == nullptr) merge(begin, end, kv_head, state);
    }
  };
  pool.Run(work);
  if (states == nullptr) return;
  for (int64_t h = 0; h < shape.kv_heads; ++h) {
    merge(0, rows, h, states + h * split.parts * state_size);
  }
}

void ToHalf(const float* x, int64_t n, uint16_t* out) { Kernels().to_half(x, n, out); }

}  // namespace crumb
