// Cosines and sines of the rotary embedding (Su et al. 2021, eq. 34) for a run of positions.
#ifndef CRUMB_MODEL_ROPE_TABLE_H_
#define CRUMB_MODEL_ROPE_TABLE_H_

#include <cstdint>
#include <span>
#include <vector>

namespace crumb {

class RopeTable {
 public:
  // Pair i of a head of `dim` turns by position / scale / factors[i] * theta^(-2 i / dim).
  // `factors` is empty or has dim / 2 entries.
  RopeTable(int64_t dim, double theta, double scale, std::span<const float> factors);
  RopeTable() = default;  // no rotation

  bool empty() const { return frequencies_.empty(); }
  // Fills rows row .. row + rows - 1 of the table for positions first .. first + rows - 1.
  void Fill(int64_t row, int64_t first, int64_t rows);
  const float* cosines() const { return cosines_.data(); }  // rows x dim / 2
  const float* sines() const { return sines_.data(); }
  int64_t bytes() const;

 private:
  std::vector<double> frequencies_;
  std::vector<float> cosines_;
  std::vector<float> sines_;
};

}  // namespace crumb

#endif  // CRUMB_MODEL_ROPE_TABLE_H_
