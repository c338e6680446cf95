// Attention over keys and values that a cache keeps, and the float16 numbers of such a cache.
#ifndef CRUMB_KERNELS_ATTENTION_H_
#define CRUMB_KERNELS_ATTENTION_H_

#include <cstdint>
#include <span>

#include "base/thread_pool.h"

namespace crumb {

enum class KvType { kFloat32, kFloat16, kInt8 };

// Where keys and values of one layer of one sequence are kept: position p of kv head h starts at
// number p * position_stride + h * head_stride.
struct KvView {
  const void* keys = nullptr;
  const void* values = nullptr;
  int64_t position_stride = 0;
  int64_t head_stride = 0;
  KvType type = KvType::kFloat32;
  // kInt8 only: numbers are code * scale, and the scale of position p and head h is at
  // h * scale_stride + p. They can be read up to a multiple of 64 behind the last position.
  const float* key_scales = nullptr;
  const float* value_scales = nullptr;
  int64_t scale_stride = 0;
};

struct AttentionShape {
  int64_t heads = 0;
  int64_t kv_heads = 0;  // heads % kv_heads == 0: grouped queries
  int64_t head_dim = 0;
  float scale = 0;     // of q k^T, usually 1 / sqrt(head_dim)
  int64_t window = 0;  // a query sees the last `window` keys, its own counted; 0: all
  bool causal = true;  // false: every query sees all keys, `window` is ignored
};

// Rows of queries that follow one another in q and in one sequence: row i of the run stands at
// position first + i and, when causal, sees keys 0 .. first + i; otherwise keys 0 .. total - 1.
struct QueryRun {
  KvView kv;
  int64_t first = 0;
  int64_t rows = 0;
  int64_t total = 0;
};

// q and out: the rows of all runs, each heads x head_dim. Softmax in one pass over the keys
// (Milakov and Gimelshein 2018); few rows are split along the keys too, and the parts merged as in
// that paper's section 3.1. The split depends on the shape and the run alone, so results depend
// neither on the threads nor on the other runs, bit for bit. The same query in a run of more or
// fewer rows differs by rounding.
void Attention(const AttentionShape& shape, const float* q, std::span<const QueryRun> runs,
               float* out, ThreadPool& pool);

// One run.
inline void Attention(const AttentionShape& shape, const float* q, const KvView& kv, int64_t first,
                      int64_t rows, int64_t total, float* out, ThreadPool& pool) {
  const QueryRun run = {kv, first, rows, total};
  Attention(shape, q, std::span<const QueryRun>(&run, 1), out, pool);
}

// out[i] = x[i] as float16, to nearest even; above 65504 infinity, NaN stays NaN. n numbers.
void ToHalf(const float* x, int64_t n, uint16_t* out);

// The n numbers of one head as codes, and their scale amax / 127: code = round(x / scale) to
// nearest even. With a NaN or infinity among them the scale is NaN and the codes are 0.
float ToInt8(const float* x, int64_t n, int8_t* codes);

}  // namespace crumb

#endif  // CRUMB_KERNELS_ATTENTION_H_
