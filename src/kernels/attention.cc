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

// A run with where its pieces, rows and states are among those of all runs.
struct PlannedRun {
  const QueryRun* run;
  Split split;
  int64_t first_row;
  int64_t queries;     // of a piece, at most
  int64_t state_size;  // floats of a piece
  int64_t pieces_end;
  int64_t states;  // where its states begin
  int64_t states_end;
};

std::span<const PlannedRun> PlanRuns(const AttentionShape& shape, std::span<const QueryRun> runs,
                                     std::vector<PlannedRun>& plan) {
  plan.clear();
  int64_t row = 0, pieces = 0, states = 0;
  for (const QueryRun& run : runs) {
    CRUMB_CHECK(!shape.causal || run.first + run.rows <= run.total);
    if (run.rows <= 0) continue;
    PlannedRun one = {};
    one.run = &run;
    one.split = Plan(shape, run.first, run.rows, run.total);
    one.first_row = row;
    one.queries = std::min(one.split.rows_of_block, run.rows) * (shape.heads / shape.kv_heads);
    // Rounded up, so that every state begins at a cache line.
    one.state_size = AttentionWidth(one.queries * (AttentionWidth(shape.head_dim) + 2));
    pieces += one.split.blocks * one.split.parts * shape.kv_heads;
    one.pieces_end = pieces;
    one.states = states;
    if (one.split.parts > 1) states += shape.kv_heads * one.split.parts * one.state_size;
    one.states_end = states;
    row += run.rows;
    plan.push_back(one);
  }
  return plan;
}

// The work of one call; Compute may be called for different pieces at the same time.
struct Pieces {
  const AttentionShape& shape;
  const float* q;
  float* out;
  std::span<const PlannedRun> plan;
  float* states;
  std::span<int32_t> done;  // of [run][kv head]

  void Compute(int64_t piece, std::vector<float>& memory) const;
  void MergeRows(const PlannedRun& planned, int64_t begin, int64_t end, int64_t kv_head,
                 const float* states_of_head) const;
};

void Pieces::MergeRows(const PlannedRun& planned, int64_t begin, int64_t end, int64_t kv_head,
                       const float* states_of_head) const {
  const int64_t group = shape.heads / shape.kv_heads;
  for (int64_t i = 0; i < (end - begin) * group; ++i) {
    const int64_t head = kv_head * group + i % group;
    const int64_t row = planned.first_row + begin + i / group;
    Merge(states_of_head, planned.state_size, planned.split.parts, i, (end - begin) * group,
          shape.head_dim, out + (row * shape.heads + head) * shape.head_dim);
  }
}

void Pieces::Compute(int64_t piece, std::vector<float>& memory) const {
  const auto planned = std::ranges::upper_bound(plan, piece, {}, &PlannedRun::pieces_end);
  const QueryRun& run = *planned->run;
  const Split& split = planned->split;
  const int64_t in_run =
      piece - (planned->pieces_end - split.blocks * split.parts * shape.kv_heads);
  const int64_t kv_head = in_run % shape.kv_heads;
  const int64_t part = in_run / shape.kv_heads % split.parts;
  const int64_t block = in_run / shape.kv_heads / split.parts;
  const int64_t begin = block * split.rows_of_block;
  const int64_t end = std::min(begin + split.rows_of_block, run.rows);
  const bool parts = split.parts > 1;
  const int64_t key = parts ? split.first_key + part * split.keys_of_part : 0;
  const int64_t last_key = parts ? std::min(key + split.keys_of_part, run.total) : run.total;

  const int64_t scratch_size =
      AttentionWidth(AttentionScratchFloats(shape.head_dim, planned->queries));
  float* scratch = Aligned(scratch_size + planned->state_size, memory);
  float* of_head = states + planned->states + kv_head * split.parts * planned->state_size;
  float* state = parts ? of_head + part * planned->state_size : scratch + scratch_size;
  const float* rows = q + planned->first_row * shape.heads * shape.head_dim;
  Kernels().attend(shape, rows, run.kv, {run.first, begin, end, run.total, kv_head, key, last_key},
                   state, scratch);
  if (!parts) return MergeRows(*planned, begin, end, kv_head, state);
  const auto counter = static_cast<size_t>((planned - plan.begin()) * shape.kv_heads + kv_head);
  std::atomic_ref<int32_t> finished(done[counter]);
  if (finished.fetch_add(1, std::memory_order_acq_rel) + 1 == split.parts) {
    MergeRows(*planned, begin, end, kv_head, of_head);
  }
}

}  // namespace

void Attention(const AttentionShape& shape, const float* q, std::span<const QueryRun> runs,
               float* out, ThreadPool& pool) {
  const ProfileMark mark(WorkKind::kAttention);
  CRUMB_CHECK(shape.kv_heads > 0 && shape.heads % shape.kv_heads == 0);
  thread_local std::vector<PlannedRun> plan_memory;
  const std::span<const PlannedRun> plan = PlanRuns(shape, runs, plan_memory);
  if (plan.empty()) return;
  // States of [run][kv head][part], where there are parts, and how many of the parts of a head are
  // done: whoever does the last one merges them, in their order.
  thread_local std::vector<float> state_memory;
  thread_local std::vector<int32_t> done_memory;
  done_memory.assign(plan.size() * static_cast<size_t>(shape.kv_heads), 0);
  const Pieces pieces = {.shape = shape,
                         .q = q,
                         .out = out,
                         .plan = plan,
                         .states = Aligned(plan.back().states_end, state_memory),
                         .done = done_memory};
  // Workers take the next piece when they are done with one: what is in a piece does not depend on
  // who takes it. Later rows see more keys, so they come first.
  const int64_t count = plan.back().pieces_end;
  std::atomic<int64_t> taken = 0;
  pool.Run([&](int) {
    thread_local std::vector<float> memory;
    for (int64_t next = taken++; next < count; next = taken++) {
      pieces.Compute(count - 1 - next, memory);
    }
  });
}

void ToHalf(const float* x, int64_t n, uint16_t* out) { Kernels().to_half(x, n, out); }

float ToInt8(const float* x, int64_t n, int8_t* codes) { return Kernels().to_int8(x, n, codes); }

}  // namespace crumb
