#include "kernels/matmul.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/profile.h"
#include "codecs/binary_row.h"
#include "codecs/codec.h"
#include "codecs/float_codecs.h"
#include "codecs/group_int.h"
#include "codecs/tiled_codec.h"
#include "codecs/trellis.h"
#include "kernels/kernel_table.h"
#include "kernels/product_rows.h"
#include "kernels/rotation.h"

namespace crumb {
namespace {

constexpr int64_t kAlignment = 64;

// Elements to skip so that `data` is aligned.
template <typename T>
int64_t OffsetToAlignment(const T* data) {
  const auto address = reinterpret_cast<uintptr_t>(data);
  const uintptr_t aligned = (address + kAlignment - 1) / kAlignment * kAlignment;
  return static_cast<int64_t>((aligned - address) / sizeof(T));
}

// Makes room for n aligned elements and returns where they start.
template <typename T>
int64_t ResizeAligned(int64_t n, std::vector<T>& buffer) {
  const auto size = static_cast<size_t>(n + kAlignment);
  if (buffer.size() < size) buffer.resize(size);
  return OffsetToAlignment(buffer.data());
}

// The scratch of this thread, at least `bytes`, aligned to 64.
void* Scratch(int64_t bytes) {
  thread_local std::vector<std::byte> buffer;
  const int64_t offset = ResizeAligned(bytes, buffer);
  return buffer.data() + offset;
}

std::span<float> FloatScratch(size_t n) {
  return {static_cast<float*>(Scratch(static_cast<int64_t>(n * sizeof(float)))), n};
}

const uint8_t* Bytes(std::span<const std::byte> part) {
  return reinterpret_cast<const uint8_t*>(part.data());
}

WeightFormat GroupFormat(int levels) {
  switch (levels) {
    case 256:
      return WeightFormat::kInt8;
    case 16:
      return WeightFormat::kInt4;
    case 8:
      return WeightFormat::kInt3;
    case 4:
      return WeightFormat::kInt2;
    case 3:
      return WeightFormat::kTernary;
    default:
      CRUMB_CHECK(levels == 2);
      return WeightFormat::kInt1;
  }
}

WeightFormat TrellisFormat(int bits) {
  constexpr WeightFormat kFormats[] = {WeightFormat::kTrellis1, WeightFormat::kTrellis2,
                                       WeightFormat::kTrellis3, WeightFormat::kTrellis4};
  CRUMB_CHECK(bits >= 1 && bits <= 4);
  return kFormats[bits - 1];
}

// In tiles; of which format `original` is otherwise.
WeightFormat TiledFormat(const Codec* original) {
  if (original == Float16Codec()) return WeightFormat::kTiledFloat16;
  if (original == Bfloat16Codec()) return WeightFormat::kTiledBfloat16;
  const GroupIntCodec* grid = AsGroupInt(original);
  const TrellisCodec* trellis = AsTrellis(original);
  const WeightFormat format = grid != nullptr      ? GroupFormat(grid->levels())
                              : trellis != nullptr ? TrellisFormat(trellis->bits())
                                                   : WeightFormat::kBinaryRow;
  switch (format) {
    case WeightFormat::kTrellis1:
      return WeightFormat::kTiledTrellis1;
    case WeightFormat::kTrellis2:
      return WeightFormat::kTiledTrellis2;
    case WeightFormat::kTrellis3:
      return WeightFormat::kTiledTrellis3;
    case WeightFormat::kTrellis4:
      return WeightFormat::kTiledTrellis4;
    case WeightFormat::kInt8:
      return WeightFormat::kTiledInt8;
    case WeightFormat::kInt4:
      return WeightFormat::kTiledInt4;
    case WeightFormat::kInt3:
      return WeightFormat::kTiledInt3;
    case WeightFormat::kInt2:
      return WeightFormat::kTiledInt2;
    case WeightFormat::kInt1:
      return WeightFormat::kTiledInt1;
    case WeightFormat::kTernary:
      return WeightFormat::kTiledTernary;
    default:
      CRUMB_CHECK(original == BinaryRowCodec());
      return WeightFormat::kTiledBinaryRow;
  }
}

// Whether the current set multiplies `original` in tiles.
bool TakesTiles(const Codec* original) {
  const MatmulKernels& kernels = *CurrentKernels().matmul;
  if (IsFloat(original)) return kernels.float_tiles;
  return AsTrellis(original) != nullptr ? kernels.trellis_tiles : kernels.grid_tiles;
}

// What MatMul knows of one matrix. Without a kernel for its codec, rows are decoded by the codec.
struct Operand {
  WeightView view;
  bool has_kernel;
};

Operand Describe(const PackedMatrix& m) {
  Operand operand{};
  operand.has_kernel = true;
  WeightView& view = operand.view;
  view.codec = m.codec;
  view.cols = m.cols;
  view.groups = (m.cols + kGroupSize - 1) / kGroupSize;
  view.codes = Bytes(m.codes);
  view.scales = Bytes(m.scales);
  if (const GroupIntCodec* codec = AsGroupInt(m.codec)) {
    view.format = GroupFormat(codec->levels());
    view.group_bytes = codec->group_bytes();
    view.zeros = codec->has_zero_point() ? Bytes(m.zeros) : nullptr;
  } else if (const TrellisCodec* trellis = AsTrellis(m.codec)) {
    view.format = TrellisFormat(trellis->bits());
    view.group_bytes = int64_t{8} * trellis->bits();
    view.table = Bytes(m.table);
  } else if (const TiledCodec* tiled = AsTiled(m.codec);
             tiled != nullptr && TakesTiles(tiled->original())) {
    view.format = TiledFormat(tiled->original());
    view.table = Bytes(m.table);
  } else if (m.codec == BinaryRowCodec()) {
    view.format = WeightFormat::kBinaryRow;
    view.group_bytes = 8;
  } else if (m.codec == Float16Codec()) {
    view.format = WeightFormat::kFloat16;
  } else if (m.codec == Bfloat16Codec()) {
    view.format = WeightFormat::kBfloat16;
  } else {
    view.format = WeightFormat::kFloat32;
    operand.has_kernel = m.codec == Float32Codec();
  }
  return operand;
}

// Rows [begin, end) of a matrix that only its codec can read: decoded a tile at a time to float32.
void DecodedRows(const PackedMatrix& m, WeightView view, const ActivationView& x, int64_t begin,
                 int64_t end, float* y, int64_t y_stride) {
  const int64_t tile_bytes = kTileRows * m.cols * static_cast<int64_t>(sizeof(float));
  auto* scratch =
      static_cast<std::byte*>(Scratch(ScratchBytes(view.groups, x.batch) +
                                      (tile_bytes + kAlignment - 1) / kAlignment * kAlignment));
  auto* tile = reinterpret_cast<float*>(scratch + ScratchBytes(view.groups, x.batch));
  view.codes = reinterpret_cast<const uint8_t*>(tile);
  for (int64_t row = begin; row < end; row += kTileRows) {
    const int64_t rows = std::min(kTileRows, end - row);
    for (int64_t r = 0; r < rows; ++r) {
      m.codec->DecodeRow(m, row + r, {tile + r * m.cols, static_cast<size_t>(m.cols)});
    }
    CurrentKernels().matmul->rows(view, x, 0, rows, y + row, y_stride, scratch);
  }
}

struct NamedType {
  std::string_view name;
  ActivationType type;
};
constexpr NamedType kActivationTypes[] = {{"float32", ActivationType::kFloat32},
                                          {"int8", ActivationType::kInt8},
                                          {"int8-token", ActivationType::kInt8Token}};

}  // namespace

ActivationView ViewOf(const Activations& x) {
  const bool int8 = x.int8();
  return {x.batch(),
          x.groups(),
          int8,
          x.floats(0),
          int8 ? x.codes(0) : nullptr,
          int8 ? x.scales(0) : nullptr,
          int8 ? x.sums(0) : nullptr,
          nullptr};
}

int64_t RowsAtOnce(const PackedMatrix& weights) {
  const TiledCodec* tiled = AsTiled(weights.codec);
  return tiled != nullptr ? tiled->tile_rows() : kTileRows;
}

void ProductRows(const Product& product, const ActivationView& x, int64_t begin, int64_t end) {
  const MatrixUnit* unit = CurrentKernels().matmul->unit;
  if (x.unit == nullptr && unit != nullptr && x.int8 && x.batch >= unit->batch) {
    ActivationView with_unit = x;
    with_unit.unit = unit;
    unit->prepare();
    ProductRows(product, with_unit, begin, end);
    return unit->release();
  }
  const Operand operand = Describe(*product.weights);
  if (operand.has_kernel) {
    CurrentKernels().matmul->rows(operand.view, x, begin, end, product.y, product.y_stride,
                                  Scratch(ScratchBytes(operand.view.groups, x.batch)));
  } else {
    DecodedRows(*product.weights, operand.view, x, begin, end, product.y, product.y_stride);
  }
}

std::string_view ActivationName(ActivationType type) {
  const auto named = std::ranges::find(kActivationTypes, type, &NamedType::type);
  CRUMB_CHECK(named != std::end(kActivationTypes));
  return named->name;
}

Result<ActivationType> ParseActivationType(std::string_view name) {
  for (const NamedType& named : kActivationTypes) {
    if (named.name == name) return named.type;
  }
  return InvalidArgument(
      fmt::format("activations \"{}\": choose float32, int8 (a scale for each 64) or int8-token (a "
                  "scale for each token)",
                  name));
}

void Activations::Set(const float* x, int64_t batch, int64_t cols, int64_t stride,
                      ActivationType type, ThreadPool& pool, const InputTransform& transform) {
  Describe(batch, cols, type, transform);
  borrowed_ = nullptr;
  Prepare(x, stride, pool);
}

void Activations::Borrow(const float* x, int64_t batch, int64_t cols, ActivationType type,
                         ThreadPool& pool, const InputTransform& transform) {
  Describe(batch, cols, type, transform);
  const bool as_they_are = transform.empty() && cols % kGroupSize == 0 && OffsetToAlignment(x) == 0;
  borrowed_ = as_they_are ? x : nullptr;
  Prepare(x, cols, pool);
}

void Activations::Describe(int64_t batch, int64_t cols, ActivationType type,
                           const InputTransform& transform) {
  batch_ = batch;
  cols_ = cols;
  groups_ = (cols + kGroupSize - 1) / kGroupSize;
  type_ = type;
  signs_.assign(transform.signs.begin(), transform.signs.end());
  transform_scales_.assign(transform.scales.begin(), transform.scales.end());
}

void Activations::Prepare(const float* x, int64_t stride, ThreadPool& pool) {
  if (borrowed_ != nullptr && !int8()) return;
  const ProfileMark mark(WorkKind::kRounding);
  const int64_t padded = groups_ * kGroupSize;
  if (borrowed_ == nullptr) floats_offset_ = ResizeAligned(batch_ * padded, floats_);
  if (int8()) {
    codes_offset_ = ResizeAligned(batch_ * padded, codes_);
    scales_.resize(static_cast<size_t>(batch_ * groups_));
    sums_.resize(static_cast<size_t>(batch_ * groups_));
  }
  const InputTransform through = transform();
  pool.ParallelFor(batch_, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t b = begin; b < end; ++b) {
      if (borrowed_ == nullptr) {
        float* row = floats_.data() + floats_offset_ + b * padded;
        std::copy_n(x + b * stride, cols_, row);
        std::fill(row + cols_, row + padded, 0.0f);
        if (!through.empty()) {
          const ProfileMark rotating(WorkKind::kRotations);
          const std::span<float> values(row, static_cast<size_t>(cols_));
          ApplyInputTransform(through, values, FloatScratch(values.size()));
        }
      }
      if (!int8()) continue;
      const int64_t groups_of_a_scale = type_ == ActivationType::kInt8 ? 1 : groups_;
      CurrentKernels().matmul->quantize(floats(b), groups_, groups_of_a_scale,
                                        codes_.data() + codes_offset_ + b * padded,
                                        scales_.data() + b * groups_, sums_.data() + b * groups_);
    }
  });
}

int64_t Activations::bytes() const {
  return static_cast<int64_t>(floats_.size() * sizeof(float) + codes_.size() +
                              scales_.size() * sizeof(float) + sums_.size() * sizeof(int32_t) +
                              signs_.size() + transform_scales_.size());
}

void MatMul(std::span<const Product> products, const Activations& x, ThreadPool& pool) {
  if (x.batch() == 0) return;
  const ProfileMark mark(WorkKind::kMatrices);
  const ActivationView view = ViewOf(x);
  // All rows of all products one after another, each product rounded up to whole blocks.
  constexpr int64_t kBlock = kTileRows;
  const auto blocks_of = [](const Product& p) { return (p.weights->rows + kBlock - 1) / kBlock; };
  int64_t blocks = 0;
  for (const Product& product : products) {
    CRUMB_CHECK(product.weights->cols == x.cols());
    CRUMB_CHECK(product.weights->input == x.transform());
    blocks += blocks_of(product);
  }
  pool.ParallelFor(blocks, 1, [&](int64_t begin, int64_t end, int) {
    int64_t first = 0;  // block at which the product starts
    for (const Product& product : products) {
      // A run that ends inside of a tile of rows leaves it to the next one.
      const int64_t rows = product.weights->rows, at_once = RowsAtOnce(*product.weights);
      const auto row_of = [&](int64_t block) {
        const int64_t row = std::max<int64_t>(block - first, 0) * kBlock;
        return row >= rows ? rows : row / at_once * at_once;
      };
      const int64_t from = row_of(begin), to = row_of(end);
      if (from < to) ProductRows(product, view, from, to);
      first += blocks_of(product);
    }
  });
}

const TiledCodec* FasterForm(const Codec* codec, int64_t cols) {
  // Short rows of floats are read one after another as fast as tiles.
  if (IsFloat(codec) && cols <= kShortFloatRow) return nullptr;
  return TakesTiles(codec) ? FormInTiles(codec) : nullptr;
}

void GatherRows(const PackedMatrix& table, std::span<const int32_t> rows, float* out) {
  for (const int32_t row : rows) {
    CRUMB_CHECK(row >= 0 && row < table.rows);
    const std::span<float> values(out, static_cast<size_t>(table.cols));
    table.codec->DecodeRow(table, row, values);
    if (!table.input.empty()) {
      UndoInputTransformOfRow(table.input, values, FloatScratch(values.size()));
    }
    out += table.cols;
  }
}

}  // namespace crumb
