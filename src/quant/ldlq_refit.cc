// Least squares for the scales and zero points of a row's groups, given its levels.
#include <algorithm>
#include <cmath>

#include "quant/ldlq_refine.h"
#include "quant/serial_product.h"

namespace crumb {
namespace {

// Ties the solution to the scales as they are, as a share of the diagonal: groups whose columns are
// dead, or move together with another's, keep what they have.
constexpr double kTie = 1e-5;

// A symmetric system, solved by Cholesky with the tie.
class Normal {
 public:
  explicit Normal(size_t size) : size_(size), a_(size * size), b_(size) {}
  double& A(size_t i, size_t j) { return a_[i * size_ + j]; }
  double& B(size_t i) { return b_[i]; }

  // Replaces `x`; false when the system is singular.
  bool Solve(std::vector<double>& x) {
    double trace = 0;
    for (size_t i = 0; i < size_; ++i) trace += A(i, i);
    for (size_t i = 0; i < size_; ++i) {
      const double tie = kTie * (A(i, i) + trace / static_cast<double>(size_) * 1e-6);
      A(i, i) += tie;
      B(i) += tie * x[i];
    }
    if (!Factor()) return false;
    for (size_t i = 0; i < size_; ++i) {  // L y = b
      for (size_t k = 0; k < i; ++k) B(i) -= A(i, k) * B(k);
      B(i) /= A(i, i);
    }
    for (size_t i = size_; i-- > 0;) {  // L^T x = y
      B(i) /= A(i, i);
      for (size_t k = 0; k < i; ++k) B(k) -= A(i, k) * B(i);
    }
    x = b_;
    return true;
  }

 private:
  // A = L L^T, L in the lower triangle.
  bool Factor() {
    for (size_t i = 0; i < size_; ++i) {
      for (size_t j = 0; j <= i; ++j) {
        double sum = A(i, j);
        for (size_t k = 0; k < j; ++k) sum -= A(i, k) * A(j, k);
        if (i != j) {
          A(i, j) = sum / A(j, j);
        } else {
          if (!(sum > 0)) return false;
          A(i, i) = std::sqrt(sum);
        }
      }
    }
    return true;
  }

  size_t size_;
  std::vector<double> a_;
  std::vector<double> b_;
};

// Moments of one row's features x = step * level in the metric of H. G: groups.
struct RowSystem {
  size_t groups = 0;
  std::vector<double> xx;  // G x G: x_g H x_g'
  std::vector<double> x1;  // G x G: x_g H 1_g'
  std::vector<double> xw;  // G: x_g H w
  std::vector<double> w1;  // G: 1_g H w

  explicit RowSystem(size_t g) : groups(g), xx(g * g), x1(g * g), xw(g), w1(g) {}
};

// w' = s x - t in each group, all s and t free: the offsets t / s are what comes out.
void FitOffsets(const RowSystem& row, std::span<const double> ones_ones, const LevelGrid& grid,
                std::span<GroupScale> scales) {
  const size_t n = row.groups;
  Normal normal(2 * n);
  std::vector<double> x(2 * n);
  for (size_t g = 0; g < n; ++g) {
    const GroupValues values(grid, scales[g]);
    x[g] = values.scale;
    x[n + g] = static_cast<double>(values.scale) * values.offset;
    normal.B(g) = row.xw[g];
    normal.B(n + g) = -row.w1[g];
    for (size_t k = 0; k < n; ++k) {
      normal.A(g, k) = row.xx[g * n + k];
      normal.A(g, n + k) = -row.x1[g * n + k];
      normal.A(n + k, g) = -row.x1[g * n + k];
      normal.A(n + g, n + k) = ones_ones[g * n + k];
    }
  }
  if (!normal.Solve(x)) return;
  for (size_t g = 0; g < n; ++g) {
    if (!(x[g] > 0)) continue;
    const double place = std::clamp(255 * x[n + g] / x[g] / grid.top(), 0.0, 255.0);
    scales[g].zero = static_cast<uint8_t>(std::lrint(place));
  }
}

// w' = s (x - o) with the offsets o as stored.
void FitScales(const RowSystem& row, std::span<const double> ones_ones, const LevelGrid& grid,
               std::span<GroupScale> scales) {
  const size_t n = row.groups;
  Normal normal(n);
  std::vector<double> x(n);
  std::vector<double> offset(n);
  for (size_t g = 0; g < n; ++g) {
    const GroupValues values(grid, scales[g]);
    x[g] = values.scale;
    offset[g] = values.offset;
  }
  for (size_t g = 0; g < n; ++g) {
    normal.B(g) = row.xw[g] - offset[g] * row.w1[g];
    for (size_t k = 0; k < n; ++k) {
      normal.A(g, k) = row.xx[g * n + k] - offset[k] * row.x1[g * n + k] -
                       offset[g] * row.x1[k * n + g] + offset[g] * offset[k] * ones_ones[g * n + k];
    }
  }
  if (!normal.Solve(x)) return;
  for (size_t g = 0; g < n; ++g) {
    const uint16_t half = FloatToHalf(static_cast<float>(x[g]));
    if (x[g] > 0 && (half & 0x7c00) != 0x7c00) scales[g].scale = half;
  }
}

// Eight partial sums, so that the loop is vectorized, in a fixed order.
double Dot(const float* a, const float* b, int64_t begin, int64_t end) {
  double parts[8] = {};
  int64_t c = begin;
  for (; c + 8 <= end; c += 8) {
    for (int64_t k = 0; k < 8; ++k) parts[k] += static_cast<double>(a[c + k]) * b[c + k];
  }
  double sum = 0;
  for (; c < end; ++c) sum += static_cast<double>(a[c]) * b[c];
  for (const double part : parts) sum += part;
  return sum;
}

double Total(const float* a, int64_t begin, int64_t end) {
  double sum = 0;
  for (int64_t c = begin; c < end; ++c) sum += a[c];
  return sum;
}

}  // namespace

ScaleRefit::ScaleRefit(const SecondMoments& moments, const LevelGrid& grid)
    : grid_(grid),
      groups_((moments.cols + grid.group_size - 1) / grid.group_size),
      ones_(static_cast<size_t>(groups_ * moments.cols)),
      ones_ones_(static_cast<size_t>(groups_ * groups_)) {
  const int64_t n = moments.cols;
  for (int64_t g = 0; g < groups_; ++g) {
    float* sum = ones_.data() + g * n;
    const int64_t first = g * grid.group_size;
    const int64_t width = std::min(n, first + grid.group_size) - first;
    std::vector<float> columns(static_cast<size_t>(n * width));
    for (int64_t c = 0; c < width; ++c) {
      const float* h = moments.hessian.data() + (first + c) * n;
      for (int64_t k = 0; k < n; ++k) {
        sum[k] += h[k];
        columns[static_cast<size_t>(k * width + c)] = h[k];
      }
    }
    columns_.push_back(PackFloats(Float32Codec(), n, width, columns));
    for (int64_t k = 0; k < groups_; ++k) {
      ones_ones_[static_cast<size_t>(g * groups_ + k)] =
          Total(sum, k * grid.group_size, std::min(n, (k + 1) * grid.group_size));
    }
  }
}

void ScaleRefit::Run(std::span<const float> weights, int64_t begin, int64_t count,
                     GroupRows& rows) const {
  const int64_t n = rows.cols;
  const auto groups = static_cast<size_t>(groups_);
  SerialProduct product;
  std::vector<float> x(static_cast<size_t>(count * n));
  std::vector<float> y(static_cast<size_t>(count * n));
  for (int64_t i = 0; i < count * n; ++i) {
    x[static_cast<size_t>(i)] =
        grid_.step() * static_cast<float>(rows.levels[static_cast<size_t>(begin * n + i)]);
  }
  std::vector<RowSystem> systems(static_cast<size_t>(count), RowSystem(groups));
  for (size_t g = 0; g < groups; ++g) {
    const int64_t first = rows.GroupBegin(static_cast<int64_t>(g));
    product.Run(x.data() + first, count, n, columns_[g], y.data(), n);
    for (int64_t i = 0; i < count; ++i) {
      RowSystem& system = systems[static_cast<size_t>(i)];
      const float* yi = y.data() + i * n;
      const float* w = weights.data() + (begin + i) * n;
      system.xw[g] = Dot(yi, w, 0, n);
      system.w1[g] = Dot(ones_.data() + static_cast<int64_t>(g) * n, w, 0, n);
      for (size_t k = 0; k < groups; ++k) {
        const int64_t from = rows.GroupBegin(static_cast<int64_t>(k));
        const int64_t to = rows.GroupEnd(static_cast<int64_t>(k));
        system.xx[g * groups + k] = Dot(yi, x.data() + i * n, from, to);
        system.x1[g * groups + k] = Total(yi, from, to);
      }
    }
  }
  for (int64_t i = 0; i < count; ++i) {
    const std::span<GroupScale> scales = rows.RowScales(begin + i);
    const RowSystem& system = systems[static_cast<size_t>(i)];
    if (grid_.zero_point) FitOffsets(system, ones_ones_, grid_, scales);
    FitScales(system, ones_ones_, grid_, scales);
  }
}

}  // namespace crumb
