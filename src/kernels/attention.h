// Attention over keys and values that a cache keeps, and the float16 numbers of such a cache.
#ifndef CRUMB_KERNELS_ATTENTION_H_
#define CRUMB_KERNELS_ATTENTION_H_

#include <cstdint>

#include "base/thread_pool.h"

namespace crumb {

// Where keys and values of one layer are kept: position p of kv head h starts at
// data + (p * kv_heads + h) * head_dim numbers. Stored as float32 or float16.
struct KvView {
  const void* keys = nullptr;
  const void* values = nullptr;
  bool half = false;
};

struct AttentionShape {
  int64_t heads = 0;
  int64_t kv_heads = 0;  // heads % kv_heads == 0: grouped queries
  int64_t head_dim = 0;
  float scale = 0;     // of q k^T, usually 1 / sqrt(head_dim)
  int64_t window = 0;  // a query sees the last `window` keys, its own counted; 0: all
  bool causal = true;  // false: every query sees all keys, `window` is ignored
};

// q and out: rows x heads x head_dim. Query row i stands at position first + i and, when causal,
// sees keys 0 .. first + i; otherwise keys 0 .. total - 1. Softmax in one pass over the keys
// (Milakov and Gimelshein 2018); few rows are split along the keys too, and the parts merged as in
// that paper's section 3.1. The split depends on the shape, `first`, `rows` and `total` alone, so
// results do not depend on the threads, bit for bit. The same query among more or fewer rows
// differs by rounding.
void Attention(const AttentionShape& shape, const float* q, const KvView& kv, int64_t first,
               int64_t rows, int64_t total, float* out, ThreadPool& pool);

// out[i] = x[i] as float16, to nearest even; above 65504 infinity, NaN stays NaN. n numbers.
void ToHalf(const float* x, int64_t n, uint16_t* out);

}  // namespace crumb

#endif  // CRUMB_KERNELS_ATTENTION_H_
