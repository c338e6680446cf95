// LDLQ on randomly rotated weights (incoherence processing). docs/methods/rotated.md.
#ifndef CRUMB_QUANT_ROTATED_H_
#define CRUMB_QUANT_ROTATED_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quant/quantizer.h"

namespace crumb {

const Quantizer* RotatedQuantizer();

// Random signs of `cols` columns as PackedMatrix::input has them. The same seed and cols give the
// same signs everywhere.
std::vector<std::byte> RandomSigns(int64_t cols, uint64_t seed);

// The rows w of a matrix (rows x cols) as they multiply rotated activations: w D R^T, so that
// (w D R^T) (R D x) = w x.
void RotateRows(std::span<const std::byte> signs, int64_t cols, std::span<float> rows,
                ThreadPool& pool);

// Moments of rotated activations: R D H D R^T, exactly symmetric, and R D mean; mean_abs, which can
// not be had from these, stays empty.
SecondMoments RotateMoments(const SecondMoments& moments, std::span<const std::byte> signs,
                            ThreadPool& pool);

// Float16 numbers, little-endian.
std::vector<std::byte> HalfBytes(std::span<const float> values);

// `matrix` with the input transform of these parts (either may be empty), which it then owns.
PackedMatrix WithInputTransform(PackedMatrix matrix, std::vector<std::byte> signs,
                                std::vector<std::byte> scales);

}  // namespace crumb

#endif  // CRUMB_QUANT_ROTATED_H_
