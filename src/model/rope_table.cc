#include "model/rope_table.h"

#include <cmath>

namespace crumb {

RopeTable::RopeTable(int64_t dim, double theta, double scale, std::span<const float> factors) {
  for (int64_t i = 0; i < dim / 2; ++i) {
    const double factor = factors.empty() ? 1.0 : factors[static_cast<size_t>(i)];
    const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(dim);
    frequencies_.push_back(std::pow(theta, exponent) / (factor * scale));
  }
}

void RopeTable::Fill(int64_t row, int64_t first, int64_t rows) {
  const size_t half = frequencies_.size();
  const size_t size = half * static_cast<size_t>(row + rows);
  if (cosines_.size() < size) {
    cosines_.resize(size);
    sines_.resize(size);
  }
  for (int64_t r = 0; r < rows; ++r) {
    const auto position = static_cast<double>(first + r);
    const size_t at = static_cast<size_t>(row + r) * half;
    for (size_t i = 0; i < half; ++i) {
      const double angle = position * frequencies_[i];
      cosines_[at + i] = static_cast<float>(std::cos(angle));
      sines_[at + i] = static_cast<float>(std::sin(angle));
    }
  }
}

int64_t RopeTable::bytes() const {
  return static_cast<int64_t>((cosines_.size() + sines_.size()) * sizeof(float) +
                              frequencies_.size() * sizeof(double));
}

}  // namespace crumb
