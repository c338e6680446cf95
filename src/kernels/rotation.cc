#include "kernels/rotation.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <mutex>
#include <numbers>
#include <vector>

#include "base/check.h"
#include "base/float16.h"
#include "kernels/kernel_table.h"

namespace crumb {
namespace {

constexpr int64_t kLargestOddPart = 255;

int64_t PowerPart(int64_t n) { return int64_t{1} << std::countr_zero(static_cast<uint64_t>(n)); }

// C_m and its transpose, row-major.
struct Mixing {
  std::vector<float> forward, back;
};

Mixing MakeMixing(int64_t odd) {
  Mixing mixing;
  mixing.forward.resize(static_cast<size_t>(odd * odd));
  mixing.back.resize(static_cast<size_t>(odd * odd));
  for (int64_t i = 0; i < odd; ++i) {
    const double factor = std::sqrt((i == 0 ? 1.0 : 2.0) / static_cast<double>(odd));
    for (int64_t k = 0; k < odd; ++k) {
      const double angle =
          std::numbers::pi * static_cast<double>((2 * k + 1) * i) / static_cast<double>(2 * odd);
      const auto entry = static_cast<float>(factor * std::cos(angle));
      mixing.forward[static_cast<size_t>(i * odd + k)] = entry;
      mixing.back[static_cast<size_t>(k * odd + i)] = entry;
    }
  }
  return mixing;
}

// Made once for each odd part and kept.
const Mixing& MixingFor(int64_t odd) {
  struct Slot {
    std::once_flag once;
    Mixing mixing;
  };
  static std::array<Slot, kLargestOddPart / 2 + 1> slots;
  Slot& slot = slots[static_cast<size_t>(odd / 2)];
  std::call_once(slot.once, [&] { slot.mixing = MakeMixing(odd); });
  return slot.mixing;
}

void Rotate(bool back, std::span<float> x, std::span<float> scratch) {
  const auto n = static_cast<int64_t>(x.size());
  CRUMB_CHECK(RotationSupports(n) && scratch.size() >= x.size());
  const int64_t power = PowerPart(n);
  const Mixing& mixing = MixingFor(n / power);
  // Vector code takes whole vectors of the Hadamard part.
  const MatmulKernels& kernels = power < kWidestVector ? ScalarMatmul() : *CurrentKernels().matmul;
  const float factor = 1.0f / std::sqrt(static_cast<float>(power));
  kernels.rotate((back ? mixing.back : mixing.forward).data(), factor, n / power, power, x.data(),
                 scratch.data());
}

// The sign bits of eight numbers, for every byte of signs: a table, so that the compiler can take
// whole vectors.
using SignsOfByte = std::array<uint32_t, 8>;
constexpr std::array<SignsOfByte, 256> MakeSignsOfBytes() {
  std::array<SignsOfByte, 256> table = {};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    for (uint32_t i = 0; i < 8; ++i) table[byte][i] = (byte >> i & 1) << 31;
  }
  return table;
}
constexpr std::array<SignsOfByte, 256> kSignsOfBytes = MakeSignsOfBytes();

void Negate(std::span<const std::byte> signs, std::span<float> x) {
  CRUMB_CHECK(signs.size() == (x.size() + 7) / 8);
  const auto flip = [](uint32_t sign_bit, float& value) {
    value = std::bit_cast<float>(std::bit_cast<uint32_t>(value) ^ sign_bit);
  };
  const size_t whole = x.size() / 8;
  for (size_t b = 0; b < whole; ++b) {
    const SignsOfByte& of_byte = kSignsOfBytes[std::to_integer<size_t>(signs[b])];
    for (size_t i = 0; i < 8; ++i) flip(of_byte[i], x[8 * b + i]);
  }
  for (size_t c = 8 * whole; c < x.size(); ++c) {
    flip(kSignsOfBytes[std::to_integer<size_t>(signs[whole])][c % 8], x[c]);
  }
}

void Scale(std::span<const std::byte> scales, std::span<float> x) {
  CRUMB_CHECK(scales.size() == 2 * x.size());
  for (size_t c = 0; c < x.size(); ++c) {
    uint16_t half;
    std::memcpy(&half, scales.data() + 2 * c, sizeof(half));
    x[c] *= HalfToFloat(half);
  }
}

}  // namespace

bool RotationSupports(int64_t n) { return n > 0 && n / PowerPart(n) <= kLargestOddPart; }

void Rotate(std::span<float> x, std::span<float> scratch) { Rotate(false, x, scratch); }
void RotateBack(std::span<float> x, std::span<float> scratch) { Rotate(true, x, scratch); }

void ApplyInputTransform(const InputTransform& transform, std::span<float> x,
                         std::span<float> scratch) {
  if (!transform.scales.empty()) Scale(transform.scales, x);
  if (transform.signs.empty()) return;
  Negate(transform.signs, x);
  Rotate(x, scratch);
}

void UndoInputTransformOfRow(const InputTransform& transform, std::span<float> w,
                             std::span<float> scratch) {
  if (!transform.signs.empty()) {
    RotateBack(w, scratch);
    Negate(transform.signs, w);
  }
  if (!transform.scales.empty()) Scale(transform.scales, w);
}

}  // namespace crumb
