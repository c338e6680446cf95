#include "quant/tuned_factors.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/float16.h"
#include "codecs/binary_row.h"
#include "codecs/group_int.h"
#include "codecs/trellis.h"
#include "kernels/matmul.h"

namespace crumb {
namespace {

// Adam's: how long gradients are remembered, and their squares. A run has some hundred steps at
// most, too few for the usual 0.999.
constexpr double kMeanDecay = 0.9;
constexpr double kSquareDecay = 0.99;
// Factors stay within a half and twice, and scales within float16.
constexpr float kLargestTheta = 0.6931f;
constexpr float kLargestHalf = 65504.0f;

bool IsTable(const NamedMatrix& named) {
  return named.role == MatrixRole::kEmbedding || named.role == MatrixRole::kHead;
}

}  // namespace

int64_t ScalesOfRow(const PackedMatrix& matrix) {
  if (matrix.rows == 0) return 0;
  if (AsTrellis(matrix.codec) != nullptr || matrix.codec == BinaryRowCodec()) return 1;
  if (AsGroupInt(matrix.codec) != nullptr) return (matrix.cols + kGroupSize - 1) / kGroupSize;
  return 0;
}

TunedFactors::TunedFactors(Model& model, bool tables) {
  for (const NamedMatrix& named : model.matrices()) {
    if (tables || !IsTable(named)) AddMatrix(named.name, model);
  }
  for (const NamedTensor& named : model.tensors()) {
    // Norms are vectors of weights; a table of positions is not, and biases have no factors.
    if (named.shape.size() != 1 || !named.name.ends_with("weight")) continue;
    Group& group = groups_[named.name];
    group.values = model.MutableTensor(named.name);
    group.base.assign(group.values.begin(), group.values.end());
  }
  for (auto& [name, group] : groups_) {
    const size_t size = group.base.size() / static_cast<size_t>(group.each);
    group.theta.resize(size, 0.0f);
    for (std::vector<double>* sums : {&group.gradient, &group.mean, &group.square}) {
      sums->resize(size, 0.0);
    }
  }
}

void TunedFactors::AddMatrix(const std::string& name, Model& model) {
  PackedMatrix* matrix = model.MutableMatrix(name);
  const int64_t each = ScalesOfRow(*matrix);
  if (each == 0) return;
  Group& group = groups_[name];
  group.each = each;
  group.matrix = matrix;
  // The codes keep the old owner alive, the new scales live as long.
  struct Both {
    std::vector<std::byte> scales;
    std::shared_ptr<const void> rest;
  };
  const auto both = std::make_shared<Both>();
  both->scales.assign(matrix->scales.begin(), matrix->scales.end());
  both->rest = matrix->owner;
  group.scales = std::shared_ptr<std::vector<std::byte>>(both, &both->scales);
  matrix->scales = both->scales;
  matrix->owner = both;
  for (int64_t i = 0; i < matrix->rows * each; ++i) {
    uint16_t half;
    std::memcpy(&half, both->scales.data() + 2 * i, sizeof(half));
    group.base.push_back(HalfToFloat(half));
  }
}

void TunedFactors::Add(const MatrixGradient& g, std::span<const int32_t> window, ThreadPool& pool) {
  const auto found = groups_.find(g.matrix->name);
  if (found == groups_.end()) return;
  std::vector<double>& sums = found->second.gradient;
  const PackedMatrix& matrix = g.matrix->matrix;
  if (g.lookup) {
    std::vector<float> row(static_cast<size_t>(matrix.cols));
    for (int64_t t = 0; t < g.tokens; ++t) {
      const int32_t token = window[static_cast<size_t>(g.first_token + t)];
      GatherRows(matrix, std::span(&token, 1), row.data());
      double sum = 0;
      for (int64_t c = 0; c < matrix.cols; ++c) {
        sum += static_cast<double>(row[static_cast<size_t>(c)]) * g.values[t * matrix.cols + c];
      }
      sums[static_cast<size_t>(token)] += sum;
    }
    return;
  }
  if (g.outputs == nullptr) return;
  pool.ParallelFor(matrix.rows, 64, [&](int64_t begin, int64_t end, int) {
    for (int64_t t = 0; t < g.tokens; ++t) {
      const float* values = g.values + t * matrix.rows;
      const float* outputs = g.outputs + t * matrix.rows;
      for (int64_t r = begin; r < end; ++r) {
        sums[static_cast<size_t>(r)] += static_cast<double>(values[r]) * outputs[r];
      }
    }
  });
}

void TunedFactors::Add(const TensorGradient& g) {
  const auto found = groups_.find(g.tensor->name);
  if (found == groups_.end()) return;
  Group& group = found->second;
  for (size_t i = 0; i < group.gradient.size(); ++i) {
    group.gradient[i] += static_cast<double>(g.values[i]) * group.values[i];
  }
}

void TunedFactors::Step(double rate) {
  ++steps_;
  const double steps = static_cast<double>(steps_);
  const double mean_weight = 1 - std::pow(kMeanDecay, steps);
  const double square_weight = 1 - std::pow(kSquareDecay, steps);
  for (auto& [name, group] : groups_) {
    for (size_t i = 0; i < group.theta.size(); ++i) {
      const double g = std::exchange(group.gradient[i], 0.0);
      group.mean[i] = kMeanDecay * group.mean[i] + (1 - kMeanDecay) * g;
      group.square[i] = kSquareDecay * group.square[i] + (1 - kSquareDecay) * g * g;
      const double size = std::sqrt(group.square[i] / square_weight);
      if (!(size > 0)) continue;  // never had a gradient
      const double step = rate * group.mean[i] / mean_weight / size;
      group.theta[i] =
          std::clamp(group.theta[i] - static_cast<float>(step), -kLargestTheta, kLargestTheta);
    }
    Write(group);
  }
}

void TunedFactors::Write(Group& group) {
  const auto each = static_cast<size_t>(group.each);
  for (size_t i = 0; i < group.base.size(); ++i) {
    const float value = group.base[i] * std::exp(group.theta[i / each]);
    if (group.matrix == nullptr) {
      group.values[i] = value;
    } else {
      const uint16_t half = FloatToHalf(std::clamp(value, -kLargestHalf, kLargestHalf));
      std::memcpy(group.scales->data() + 2 * i, &half, sizeof(half));
    }
  }
}

std::vector<std::vector<float>> TunedFactors::Save() const {
  std::vector<std::vector<float>> state;
  for (const auto& entry : groups_) state.push_back(entry.second.theta);
  return state;
}

void TunedFactors::Restore(const std::vector<std::vector<float>>& state) {
  CRUMB_CHECK(state.size() == groups_.size());
  size_t i = 0;
  for (auto& [name, group] : groups_) {
    group.theta = state[i++];
    Write(group);
  }
}

int64_t TunedFactors::count() const {
  int64_t sum = 0;
  for (const auto& entry : groups_) sum += std::ssize(entry.second.theta);
  return sum;
}

double TunedFactors::mean_change() const {
  double squares = 0;
  for (const auto& entry : groups_) {
    for (const float theta : entry.second.theta) squares += static_cast<double>(theta) * theta;
  }
  return std::sqrt(squares / static_cast<double>(std::max<int64_t>(count(), 1)));
}

bool TunedFactors::gradients_finite() const {
  for (const auto& entry : groups_) {
    for (const double g : entry.second.gradient) {
      if (!std::isfinite(g)) return false;
    }
  }
  return true;
}

}  // namespace crumb
