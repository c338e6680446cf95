#include "model/kv_cache.h"

#include <fmt/format.h>

#include <cstring>

#include "base/profile.h"

namespace crumb {

Result<KvCache> KvCache::Create(int64_t layers, int64_t capacity, int64_t kv_size, bool half) {
  KvCache cache;
  cache.capacity_ = capacity;
  cache.kv_size_ = kv_size;
  cache.number_bytes_ = half ? 2 : 4;
  // Each factor is below 2^32 (CheckConfig), so the product fits a double exactly enough.
  const double bytes = 2.0 * static_cast<double>(layers) * static_cast<double>(capacity) *
                       static_cast<double>(kv_size) * static_cast<double>(cache.number_bytes_);
  if (bytes < 0x1p46) {
    cache.bytes_ = 2 * layers * capacity * kv_size * cache.number_bytes_;
    cache.memory_.reset(static_cast<std::byte*>(std::calloc(1, static_cast<size_t>(cache.bytes_))));
  }
  if (cache.memory_ == nullptr) {
    return InvalidArgument(
        fmt::format("no memory for a KV cache of {} tokens ({:.1f} GiB); choose a smaller context",
                    capacity, bytes / 0x1p30));
  }
  return cache;
}

std::byte* KvCache::At(int64_t layer, int64_t which, int64_t position) const {
  return memory_.get() + ((layer * 2 + which) * capacity_ + position) * kv_size_ * number_bytes_;
}

void KvCache::Store(int64_t layer, int64_t first, int64_t rows, const float* keys,
                    const float* values, ThreadPool& pool) {
  const ProfileMark mark(WorkKind::kAttention);
  constexpr int64_t kGrain = 4096;  // numbers: below that a hand-over costs more than it saves
  const float* const sources[] = {keys, values};
  pool.ParallelFor(rows * kv_size_, kGrain, [&](int64_t begin, int64_t end, int) {
    for (int64_t which = 0; which < 2; ++which) {
      std::byte* out = At(layer, which, first);
      const float* in = sources[which];
      if (number_bytes_ == 4) {
        std::memcpy(out + begin * 4, in + begin, static_cast<size_t>(end - begin) * 4);
        continue;
      }
      ToHalf(in + begin, end - begin, reinterpret_cast<uint16_t*>(out) + begin);
    }
  });
}

KvView KvCache::View(int64_t layer) const {
  return {.keys = At(layer, 0, 0), .values = At(layer, 1, 0), .half = number_bytes_ == 2};
}

}  // namespace crumb
