#include "model/kv_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/profile.h"

namespace crumb {
namespace {

// Attention reads scales in whole blocks of keys.
constexpr int64_t kScaleBlock = 64;

int64_t BytesOf(KvType type) {
  switch (type) {
    case KvType::kFloat32:
      return 4;
    case KvType::kFloat16:
      return 2;
    case KvType::kInt8:
      return 1;
  }
  return 0;
}

struct NamedType {
  std::string_view name;
  KvType type;
};
constexpr NamedType kTypes[] = {
    {"float32", KvType::kFloat32}, {"float16", KvType::kFloat16}, {"int8", KvType::kInt8}};

}  // namespace

std::string_view KvTypeName(KvType type) {
  const auto named = std::ranges::find(kTypes, type, &NamedType::type);
  CRUMB_CHECK(named != std::end(kTypes));
  return named->name;
}

Result<KvType> ParseKvType(std::string_view name) {
  for (const NamedType& named : kTypes) {
    if (named.name == name) return named.type;
  }
  return InvalidArgument(fmt::format("KV cache \"{}\": choose float16, int8 or float32", name));
}

Result<KvCache> KvCache::Create(const KvShape& shape) {
  KvCache cache;
  cache.shape_ = shape;
  cache.head_bytes_ = shape.head_dim * BytesOf(shape.type);
  if (shape.type == KvType::kInt8) {
    cache.scale_stride_ = (shape.capacity + kScaleBlock - 1) / kScaleBlock * kScaleBlock;
  }
  // Each factor is below 2^32 (CheckConfig), so the sum fits a double exactly enough.
  const double blocks = 2.0 * static_cast<double>(shape.sequences * shape.layers);
  const double bytes =
      blocks * static_cast<double>(shape.kv_heads) *
      (static_cast<double>(shape.capacity) * static_cast<double>(cache.head_bytes_) +
       4.0 * static_cast<double>(cache.scale_stride_));
  if (bytes < 0x1p46) {
    const int64_t heads = 2 * shape.sequences * shape.layers * shape.kv_heads;
    cache.scales_at_ = (heads * shape.capacity * cache.head_bytes_ + 63) / 64 * 64;
    cache.bytes_ = cache.scales_at_ + heads * cache.scale_stride_ * 4;
    cache.memory_.reset(static_cast<std::byte*>(std::calloc(1, static_cast<size_t>(cache.bytes_))));
  }
  if (cache.memory_ == nullptr) {
    return InvalidArgument(
        fmt::format("no memory for a KV cache of {} tokens ({:.1f} GiB); choose a smaller context",
                    shape.sequences * shape.capacity, bytes / 0x1p30));
  }
  return cache;
}

std::byte* KvCache::Numbers(int64_t sequence, int64_t layer, int64_t which) const {
  const int64_t block = (sequence * shape_.layers + layer) * 2 + which;
  return memory_.get() + block * shape_.kv_heads * shape_.capacity * head_bytes_;
}

float* KvCache::Scales(int64_t sequence, int64_t layer, int64_t which) const {
  const int64_t block = (sequence * shape_.layers + layer) * 2 + which;
  return reinterpret_cast<float*>(memory_.get() + scales_at_) +
         block * shape_.kv_heads * scale_stride_;
}

void KvCache::StoreRow(int64_t sequence, int64_t layer, int64_t which, int64_t position,
                       const float* in) {
  for (int64_t h = 0; h < shape_.kv_heads; ++h, in += shape_.head_dim) {
    std::byte* out =
        Numbers(sequence, layer, which) + (h * shape_.capacity + position) * head_bytes_;
    switch (shape_.type) {
      case KvType::kFloat32:
        std::memcpy(out, in, static_cast<size_t>(head_bytes_));
        break;
      case KvType::kFloat16:
        ToHalf(in, shape_.head_dim, reinterpret_cast<uint16_t*>(out));
        break;
      case KvType::kInt8:
        Scales(sequence, layer, which)[h * scale_stride_ + position] =
            ToInt8(in, shape_.head_dim, reinterpret_cast<int8_t*>(out));
        break;
    }
  }
}

void KvCache::Store(int64_t layer, std::span<const TokenRun> runs, const float* keys,
                    const float* values, ThreadPool& pool) {
  const ProfileMark mark(WorkKind::kAttention);
  constexpr int64_t kGrain = 4096;  // numbers: below that a hand-over costs more than it saves
  const int64_t size = shape_.kv_heads * shape_.head_dim;
  const int64_t grain = std::max<int64_t>(1, kGrain / size);
  int64_t row = 0;
  for (const TokenRun& run : runs) {
    pool.ParallelFor(run.rows, grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        StoreRow(run.sequence, layer, 0, run.first + i, keys + (row + i) * size);
        StoreRow(run.sequence, layer, 1, run.first + i, values + (row + i) * size);
      }
    });
    row += run.rows;
  }
}

KvView KvCache::View(int64_t layer, int64_t sequence) const {
  KvView view = {.keys = Numbers(sequence, layer, 0),
                 .values = Numbers(sequence, layer, 1),
                 .position_stride = shape_.head_dim,
                 .head_stride = shape_.capacity * shape_.head_dim,
                 .type = shape_.type};
  if (shape_.type == KvType::kInt8) {
    view.key_scales = Scales(sequence, layer, 0);
    view.value_scales = Scales(sequence, layer, 1);
    view.scale_stride = scale_stride_;
  }
  return view;
}

void KvCache::Copy(int64_t from, int64_t to, int64_t count) {
  if (from == to) return;
  for (int64_t layer = 0; layer < shape_.layers; ++layer) {
    for (int64_t which = 0; which < 2; ++which) {
      for (int64_t h = 0; h < shape_.kv_heads; ++h) {
        const int64_t head = h * shape_.capacity * head_bytes_;
        std::memcpy(Numbers(to, layer, which) + head, Numbers(from, layer, which) + head,
                    static_cast<size_t>(count * head_bytes_));
        if (shape_.type != KvType::kInt8) continue;
        std::copy_n(Scales(from, layer, which) + h * scale_stride_, count,
                    Scales(to, layer, which) + h * scale_stride_);
      }
    }
  }
}

}  // namespace crumb
