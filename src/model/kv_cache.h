// Keys and values of all layers of one or several sequences, in one block of memory that the system
// fills in as it is touched.
#ifndef CRUMB_MODEL_KV_CACHE_H_
#define CRUMB_MODEL_KV_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>

#include "base/status.h"
#include "base/thread_pool.h"
#include "kernels/attention.h"
#include "model/config.h"

namespace crumb {

// "float32", "float16", "int8": in options and reports.
std::string_view KvTypeName(KvType type);
// kInvalidArgument for any other name.
Result<KvType> ParseKvType(std::string_view name);

// Rows of a pass that follow one another in one sequence, the first at position `first`.
struct TokenRun {
  int64_t sequence = 0;
  int64_t first = 0;
  int64_t rows = 0;
};

struct KvShape {
  int64_t layers = 0;
  int64_t capacity = 0;  // positions of a sequence
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  KvType type = KvType::kFloat16;  // kInt8: a float32 scale for each head of each position
  int64_t sequences = 1;

  // One sequence of a model without rounding.
  static KvShape Exact(const ModelConfig& config, int64_t layers, int64_t capacity) {
    return {layers, capacity, config.kv_heads, config.head_dim, KvType::kFloat32, 1};
  }
};

class KvCache {
 public:
  // kInvalidArgument when memory for it can not be had; the message carries the size.
  static Result<KvCache> Create(const KvShape& shape);

  int64_t capacity() const { return shape_.capacity; }
  int64_t sequences() const { return shape_.sequences; }
  int64_t bytes() const { return bytes_; }

  // Writes the rows of all runs, keys and values of kv_heads * head_dim numbers each.
  void Store(int64_t layer, std::span<const TokenRun> runs, const float* keys, const float* values,
             ThreadPool& pool);
  KvView View(int64_t layer, int64_t sequence) const;
  // Makes positions 0 .. count - 1 of sequence `to` those of `from`.
  void Copy(int64_t from, int64_t to, int64_t count);

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  // `which`: 0 keys, 1 values.
  std::byte* Numbers(int64_t sequence, int64_t layer, int64_t which) const;
  float* Scales(int64_t sequence, int64_t layer, int64_t which) const;
  void StoreRow(int64_t sequence, int64_t layer, int64_t which, int64_t position, const float* in);

  KvShape shape_;
  int64_t head_bytes_ = 0;    // of a head at one position
  int64_t scale_stride_ = 0;  // floats of a head
  int64_t bytes_ = 0;
  int64_t scales_at_ = 0;  // bytes before the scales
  // [sequence][layer][keys, values][kv_head][position][head_dim], so that a head is read from one
  // end to the other, then for int8 [sequence][layer][keys, values][kv_head][position] scales.
  std::unique_ptr<std::byte, Free> memory_;
};

}  // namespace crumb

#endif  // CRUMB_MODEL_KV_CACHE_H_
