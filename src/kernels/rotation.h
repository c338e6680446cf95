// Rotations that spread outliers over all columns (incoherence processing: Chee et al. 2023, QuIP;
// randomized Hadamard transform: Tseng et al. 2024, QuIP#), for any width.
//
// With n = 2^a m, m odd, and the columns as an m x 2^a matrix, column i 2^a + j at (i, j):
//   R = C_m (x) H / sqrt(2^a)     H: Hadamard matrix of Sylvester, C_m: orthonormal DCT-II,
//   C_m[i][k] = sqrt((i == 0 ? 1 : 2) / m) cos(pi (2 k + 1) i / (2 m))
// R is orthogonal. For powers of two it is the Hadamard transform; else each output still mixes all
// inputs, none with a weight above sqrt(2 / n).
#ifndef CRUMB_KERNELS_ROTATION_H_
#define CRUMB_KERNELS_ROTATION_H_

#include <cstdint>
#include <span>

#include "codecs/packed_matrix.h"

namespace crumb {

// Whether n = 2^a m with m <= 255: the cost is a + m operations a number.
bool RotationSupports(int64_t n);

// x <- R D S x for one row of `cols` numbers, in place; nothing for an empty transform.
// `scratch`: cols floats.
void ApplyInputTransform(const InputTransform& transform, std::span<float> x,
                         std::span<float> scratch);

// w <- w R D S: a row of a stored matrix as a row for activations that were not transformed.
void UndoInputTransformOfRow(const InputTransform& transform, std::span<float> w,
                             std::span<float> scratch);

// x <- R x and x <- R^T x alone.
void Rotate(std::span<float> x, std::span<float> scratch);
void RotateBack(std::span<float> x, std::span<float> scratch);

}  // namespace crumb

#endif  // CRUMB_KERNELS_ROTATION_H_
