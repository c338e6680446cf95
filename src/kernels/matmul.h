// Matrix products with packed weights: y = x W^T for one or many rows of activations.
//
// Activations are prepared once and used for several matrices (query, key and value share theirs):
// the input transform of these matrices first, then the rounding.
//   kFloat32    kept as they are
//   kInt8       each group of 64 as int8 with a float scale amax / 127 (rounding to nearest even)
//               and the integer sum of the codes
//   kInt8Token  the same with one scale for the whole row (token)
// Float weights (f32, f16, bf16) and codecs without an integer kernel always use the floats.
//
// Results do not depend on the number of threads, nor on the other rows of the batch.
#ifndef CRUMB_KERNELS_MATMUL_H_
#define CRUMB_KERNELS_MATMUL_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "codecs/packed_matrix.h"

namespace crumb {

class TiledCodec;

enum class ActivationType { kFloat32, kInt8, kInt8Token };

// "float32", "int8", "int8-token": in options, evidence and reports.
std::string_view ActivationName(ActivationType type);
// kInvalidArgument for any other name.
Result<ActivationType> ParseActivationType(std::string_view name);

class Activations {
 public:
  // Takes `batch` rows of `cols` floats, row b at x + b * stride, and puts each through
  // `transform`. Buffers are kept between calls.
  void Set(const float* x, int64_t batch, int64_t cols, int64_t stride, ActivationType type,
           ThreadPool& pool, const InputTransform& transform = {});
  // The same for rows one behind the other that stay as they are for as long as these activations
  // are used. If floats() would be equal to them bit for bit, it points to them: without a
  // transform, cols a multiple of 64, x aligned to 64 bytes.
  void Borrow(const float* x, int64_t batch, int64_t cols, ActivationType type, ThreadPool& pool,
              const InputTransform& transform = {});

  int64_t batch() const { return batch_; }
  int64_t cols() const { return cols_; }
  int64_t groups() const { return groups_; }  // ceil(cols / 64)
  ActivationType type() const { return type_; }
  bool int8() const { return type_ != ActivationType::kFloat32; }
  // What the rows went through.
  InputTransform transform() const { return {signs_, transform_scales_}; }

  // Row b (transformed) as groups() * 64 floats, padded with zeros, 64-byte aligned.
  const float* floats(int64_t b) const {
    const float* first = borrowed_ != nullptr ? borrowed_ : floats_.data() + floats_offset_;
    return first + b * groups_ * 64;
  }
  // Only with int8(): codes (groups() * 64), scale and sum of codes of each group.
  const int8_t* codes(int64_t b) const { return codes_.data() + codes_offset_ + b * groups_ * 64; }
  const float* scales(int64_t b) const { return scales_.data() + b * groups_; }
  const int32_t* sums(int64_t b) const { return sums_.data() + b * groups_; }

  // Bytes held.
  int64_t bytes() const;

 private:
  void Describe(int64_t batch, int64_t cols, ActivationType type, const InputTransform& transform);
  // Rows x, as far as they are not borrowed, and their codes.
  void Prepare(const float* x, int64_t stride, ThreadPool& pool);

  int64_t batch_ = 0;
  int64_t cols_ = 0;
  int64_t groups_ = 0;
  int64_t floats_offset_ = 0;  // to the next multiple of 64 bytes
  int64_t codes_offset_ = 0;
  ActivationType type_ = ActivationType::kFloat32;
  const float* borrowed_ = nullptr;  // not ours; nullptr: rows are in floats_
  std::vector<float> floats_;
  std::vector<int8_t> codes_;
  std::vector<float> scales_;
  std::vector<int32_t> sums_;
  std::vector<std::byte> signs_;  // copies of the transform's parts
  std::vector<std::byte> transform_scales_;
};

// One product of a MatMul call: y[b * y_stride + r] for every activation row b and weight row r.
struct Product {
  const PackedMatrix* weights;
  float* y;
  int64_t y_stride;
};

// All products with the same activations, in one parallel pass.
// REQUIRES: every weights->cols == x.cols(), every weights->input == x.transform(), and every
// matrix passed ValidateMatrix.
void MatMul(std::span<const Product> products, const Activations& x, ThreadPool& pool);

inline void MatMul(const PackedMatrix& weights, const Activations& x, float* y, int64_t y_stride,
                   ThreadPool& pool) {
  const Product product{&weights, y, y_stride};
  MatMul(std::span<const Product>(&product, 1), x, pool);
}

// The form of matrices of this codec and so many columns that the current kernel set multiplies
// fastest, for who copies weights anyway; nullptr: as they are. Other sets multiply it too, as
// slowly as any codec that has no kernel.
const TiledCodec* FasterForm(const Codec* codec, int64_t cols);

// out[i * cols + c] = weight (rows[i], c) for activations that were not transformed: the look-up of
// an embedding table.
void GatherRows(const PackedMatrix& table, std::span<const int32_t> rows, float* out);

}  // namespace crumb

#endif  // CRUMB_KERNELS_MATMUL_H_
