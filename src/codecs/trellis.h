// Trellis codes of 1, 2, 3 and 4 bits a weight: a weight depends on its own code bits and on those
// of the rows above it, so that few bits choose among many values (trellis coded quantization,
// Marcellin and Fischer 1990; bit-shift trellis: Tseng et al. 2024, QTIP). The sequence runs down
// the rows of each column, so a quantizer that feeds errors from column to column can finish one
// column before the next; and it is a sliding window, so decoding can begin at any row.
//
// A code of k bits stores k bit planes: P_p(r, c) for 0 <= p < k; rows above row 0 count as zeros.
// A window of plane p at row r reads its newest bits, the newest lowest:
//   k >= 2   window_p(r) = sum_{j < m} P_p(r - j) 2^j,          one table for each plane
//   k == 1   window_0(r) = sum_{j < m} P_0(r - 2 j) 2^j,        two tables for one plane: the rows
//   of
//            window_1(r) = sum_{j < m} P_0(r - 1 - 2 j) 2^j     r's own parity and of the other one
// with m = window_bits(). The weight is
//   w(r, c) = scale_r * (sum_t table_t[window_t(r, c)] - 128)
// in float32, the sum (0 .. 255) exact in integers. (Sums of tables: as free tables of 2^12 values
// within 4 % of the error, but 64 entries fit one byte shuffle.)
//
// Parts (G = ceil(cols / 64) groups a row; columns behind the last one have zero bits):
//   codes:  rows * G * k words of 64 bits, little-endian, in the order row, group, plane; bit i of
//   a
//           word is column 64 g + i
//   scales: rows float16
//   table:  tables() * 64 bytes, table t at 64 t; where m < 6 it is repeated to 64 entries, so that
//           a decoder need not mask the bits above the window; the largest entries of all tables
//           add up to at most 255 (Validate checks both); no table where there are no rows
//   zeros:  none
// Rows are decoded with up to history_rows() rows above them.
#ifndef CRUMB_CODECS_TRELLIS_H_
#define CRUMB_CODECS_TRELLIS_H_

#include <cstdint>
#include <span>

#include "codecs/codec.h"

namespace crumb {

inline constexpr int64_t kTrellisTableSize = 64;
inline constexpr int kTrellisBias = 128;

class TrellisCodec : public Codec {
 public:
  virtual int bits() const = 0;         // k
  virtual int tables() const = 0;       // 2, 2, 3, 4 for k = 1, 2, 3, 4
  virtual int window_bits() const = 0;  // m
  // Rows above a row that its weights depend on: m - 1, and 2 m - 1 for k = 1.
  virtual int history_rows() const = 0;
  // The trained tables, tables() * 64 bytes, as new matrices store them, and what a weight's code
  // value (sum - 128) means: Gaussian weights of standard deviation sigma are best stored with
  // scale = sigma / sigma_in_steps().
  virtual std::span<const uint8_t> default_tables() const = 0;
  virtual double sigma_in_steps() const = 0;
};

// "trellis1" .. "trellis4".
const TrellisCodec* Trellis1Codec();
const TrellisCodec* Trellis2Codec();
const TrellisCodec* Trellis3Codec();
const TrellisCodec* Trellis4Codec();

// nullptr when `codec` is not one of these.
const TrellisCodec* AsTrellis(const Codec* codec);

}  // namespace crumb

#endif  // CRUMB_CODECS_TRELLIS_H_
