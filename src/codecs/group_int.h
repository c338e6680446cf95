// Integers of 8, 4, 3, 2 or 1 bits and ternary, in groups of 64 weights along a row, each group
// with a float16 scale and (but for 1 bit and ternary) a one-byte zero point.
//
//   int8, int4, int3, int2:  w = scale * (q - zero),  zero = z * (2^b - 1) / 255,  0 <= q < 2^b
//   int1:                    w = scale * (2 q - 1),   q in {0, 1}
//   ternary:                 w = scale * (q - 1),     q in {0, 1, 2}
//
// z, the stored byte, is the place of zero inside the range of the group: 0 at the lowest level,
// 255 at the highest. At 8 bits it is the level itself. Arithmetic is in float32 in the order
// written.
//
// Parts (G = ceil(cols / 64) groups a row; rows follow one another; last group padded with the
// level that is nearest to zero):
//   scales: rows * G float16, little-endian        zeros: rows * G bytes
//   codes:  rows * G * B bytes, where a group w0..w63 of b bits is
//     int8 (B = 64)  byte j = q[j]
//     int4 (B = 32)  byte j = q[j] | q[j+32] << 4
//     int2 (B = 16)  byte j = q[j] | q[j+16] << 2 | q[j+32] << 4 | q[j+48] << 6
//     int1 (B = 8)   bit i of the little-endian 64-bit word = q[i]
//     int3 (B = 24)  the low two bits as int2 (16 bytes), then the high bits as int1 (8 bytes)
//     ternary (B = 13)  byte j = ceil(256 v / 243), v = sum over k = 0..4 of q[j + 13 k] * 3^(4-k)
//                    (a place j + 13 k >= 64 counts as q = 0). Digit k of a byte is read with
//                    u = byte * 3^k mod 256, q = (3 u) >> 8.
#ifndef CRUMB_CODECS_GROUP_INT_H_
#define CRUMB_CODECS_GROUP_INT_H_

#include <cstdint>
#include <span>

#include "codecs/codec.h"

namespace crumb {

inline constexpr int64_t kGroupSize = 64;

class GroupIntCodec : public Codec {
 public:
  // Number of levels: 2^bits, or 3 for ternary. Levels are 0 .. levels() - 1.
  virtual int levels() const = 0;
  // Whether the zeros part is used.
  virtual bool has_zero_point() const = 0;
  // Bytes of one packed group (B above).
  virtual int64_t group_bytes() const = 0;

  // One group. `levels_in` has 64 entries below levels(); `out` has group_bytes().
  virtual void PackGroup(std::span<const uint8_t, kGroupSize> levels_in,
                         std::span<std::byte> out) const = 0;
  virtual void UnpackGroup(std::span<const std::byte> in,
                           std::span<uint8_t, kGroupSize> levels_out) const = 0;

  // The weight that a level stands for: the formulas above. `zero` is ignored without zero point.
  virtual float Value(int level, float scale, uint8_t zero) const = 0;
};

// nullptr when `codec` is not one of these.
const GroupIntCodec* AsGroupInt(const Codec* codec);

}  // namespace crumb

#endif  // CRUMB_CODECS_GROUP_INT_H_
