// Keys and values of all layers, in one block of memory that the system fills in as it is touched.
#ifndef CRUMB_MODEL_KV_CACHE_H_
#define CRUMB_MODEL_KV_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "base/status.h"
#include "base/thread_pool.h"
#include "kernels/attention.h"

namespace crumb {

class KvCache {
 public:
  // Room for `capacity` positions of `kv_size` numbers (kv_heads * head_dim) each in every layer.
  // kInvalidArgument when memory for it can not be had; the message carries the size.
  static Result<KvCache> Create(int64_t layers, int64_t capacity, int64_t kv_size, bool half);

  int64_t capacity() const { return capacity_; }
  int64_t bytes() const { return bytes_; }

  // Writes rows of keys and values (rows x kv_size) at positions first .. first + rows - 1.
  void Store(int64_t layer, int64_t first, int64_t rows, const float* keys, const float* values,
             ThreadPool& pool);
  KvView View(int64_t layer) const;

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::byte* At(int64_t layer, int64_t which, int64_t position) const;

  int64_t capacity_ = 0;
  int64_t kv_size_ = 0;
  int64_t number_bytes_ = 0;
  int64_t bytes_ = 0;
  std::unique_ptr<std::byte, Free> memory_;  // [layer][keys, values][position][kv_size]
};

}  // namespace crumb

#endif  // CRUMB_MODEL_KV_CACHE_H_
