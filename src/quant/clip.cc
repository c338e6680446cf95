#include "quant/clip.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "quant/weight_faults.h"

namespace crumb {
namespace {

// Shares of the range that the search begins from, and steps of refinement from each.
constexpr int kShrinks = 16;
constexpr double kSmallestShrink = 0.25;
constexpr int kRefinements = 3;

bool IsFiniteHalf(uint16_t half) { return (half & 0x7c00) != 0x7c00; }

// Sums of a group, weighted with its costs, over x = step * level.
struct Fit {
  double n = 0, x = 0, xx = 0, w = 0, xw = 0;
};

// Rounds the group by `values` and returns the loss; what a better fit of scale and offset needs
// goes to `fit`.
double RoundAndMeasure(const GroupValues& values, std::span<const float> weights,
                       std::span<const float> costs, Fit* fit) {
  float n = 0;
  float x_sum = 0;
  float xx = 0;
  float w_sum = 0;
  float xw = 0;
  float loss = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const float w = weights[i];
    const float place =
        std::clamp((w * values.inverse + values.offset) / values.step, 0.0f, values.top);
    const float x = values.step * static_cast<float>(static_cast<int>(place + 0.5f));
    const float error = w - values.scale * (x - values.offset);
    const float cost = costs[i];
    loss += cost * error * error;
    n += cost;
    x_sum += cost * x;
    xx += cost * x * x;
    w_sum += cost * w;
    xw += cost * x * w;
  }
  *fit = {.n = n, .x = x_sum, .xx = xx, .w = w_sum, .xw = xw};
  return loss;
}

// Least squares of scale * (x - offset) for the levels of `fit`, as it can be stored. False when no
// positive scale fits.
bool Refit(const LevelGrid& grid, const Fit& fit, GroupScale* chosen) {
  const double determinant = fit.n * fit.xx - fit.x * fit.x;
  if (!(determinant > 1e-9 * fit.n * fit.xx)) return false;
  const double slope = (fit.n * fit.xw - fit.x * fit.w) / determinant;
  if (!(slope > 0)) return false;
  const double offset = (fit.x - fit.w / slope) / fit.n;
  const double place = std::clamp(255 * offset / grid.top(), 0.0, 255.0);
  chosen->zero = static_cast<uint8_t>(std::lrint(place));
  const double o = grid.Offset(chosen->zero);
  const double squares = fit.xx - 2 * o * fit.x + o * o * fit.n;
  if (!(squares > 0)) return false;
  chosen->scale = FloatToHalf(static_cast<float>((fit.xw - o * fit.w) / squares));
  return IsFiniteHalf(chosen->scale) && (chosen->scale & 0x8000) == 0;
}

// Scale and zero of the range [lo, hi], which holds 0.
GroupScale OfRange(const LevelGrid& grid, double lo, double hi) {
  GroupScale chosen;
  chosen.scale = FloatToHalf(static_cast<float>((hi - lo) / grid.top()));
  chosen.zero = static_cast<uint8_t>(std::lrint(255.0 * -lo / (hi - lo)));
  return chosen;
}

GroupScale SearchWithZero(const LevelGrid& grid, std::span<const float> weights,
                          std::span<const float> costs) {
  double lo = 0;
  double hi = 0;
  for (const float w : weights) {
    lo = std::min(lo, static_cast<double>(w));
    hi = std::max(hi, static_cast<double>(w));
  }
  if (hi == lo) return {};
  GroupScale best = OfRange(grid, lo, hi);
  if (!IsFiniteHalf(best.scale)) return best;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kShrinks; ++i) {
    const double shrink = 1 - (1 - kSmallestShrink) * i / (kShrinks - 1);
    GroupScale chosen = OfRange(grid, shrink * lo, shrink * hi);
    for (int round = 0; round <= kRefinements; ++round) {
      Fit fit;
      const double loss = RoundAndMeasure({grid, chosen}, weights, costs, &fit);
      if (loss < least) {
        least = loss;
        best = chosen;
      }
      if (!Refit(grid, fit, &chosen)) break;
    }
  }
  return best;
}

// Without zero point the levels are -s, (0,) s. The weights that are not rounded to 0 are the k
// largest for some k; their best scale is their mean magnitude m_k, and the loss falls by
// n_k m_k^2 (all sums weighted). So the best of all is found by going through k.
GroupScale SearchSymmetric(const LevelGrid& grid, std::span<const float> weights,
                           std::span<const float> costs) {
  std::vector<uint32_t> order(weights.size());
  std::iota(order.begin(), order.end(), 0u);
  if (grid.levels == 3) {
    std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) {
      return std::fabs(weights[a]) > std::fabs(weights[b]);
    });
  }
  double sum = 0;
  double count = 0;
  double most = -1;
  double scale = 0;
  for (size_t k = 0; k < order.size(); ++k) {
    sum += static_cast<double>(costs[order[k]]) * std::fabs(weights[order[k]]);
    count += costs[order[k]];
    const double gain = count > 0 ? sum * sum / count : 0;
    if (grid.levels == 2 ? k + 1 == order.size() : gain > most) {
      most = gain;
      scale = count > 0 ? sum / count : 0;
    }
  }
  return {.scale = FloatToHalf(static_cast<float>(scale))};
}

class Clip final : public Quantizer {
 public:
  std::string_view name() const override { return "clip"; }
  int version() const override { return 1; }
  bool uses_moments() const override { return true; }
  bool Supports(const Codec& codec) const override { return HasLevels(codec); }

  Result<PackedMatrix> Quantize(const QuantizeInput& input, const Codec& codec,
                                ThreadPool& pool) const override {
    if (!Supports(codec)) {
      return Unsupported(fmt::format("method clip can not make {}", codec.name()));
    }
    const PackedMatrix& weights = *input.weights;
    if (input.moments != nullptr) {
      CRUMB_RETURN_IF_ERROR(CheckMoments(name(), input));
    }
    CRUMB_ASSIGN_OR_RETURN(const std::vector<float> values,
                           DecodeFiniteWeights(weights, codec, pool));
    const std::vector<float> costs = ColumnCosts(input.moments, weights.cols);
    CRUMB_ASSIGN_OR_RETURN(const GroupRows rows,
                           SearchAndRound(weights, codec, values, costs, pool));
    return rows.Pack(codec);
  }
};

}  // namespace

Status CheckMoments(std::string_view method, const QuantizeInput& input) {
  if (input.moments == nullptr) {
    return InvalidArgument(
        fmt::format("method {} needs to know the activations; calibrate the model first", method));
  }
  const SecondMoments& moments = *input.moments;
  const auto cols = static_cast<size_t>(input.weights->cols);
  if (moments.cols != input.weights->cols || moments.hessian.size() != cols * cols) {
    return InvalidArgument(
        fmt::format("the second moments are of {} columns, the matrix has {}", moments.cols, cols));
  }
  const auto bad =
      std::ranges::count_if(moments.hessian, [](float h) { return !std::isfinite(h); });
  if (bad == 0) return OkStatus();
  return NumericsError(fmt::format("{} of {} second moments are NaN or Inf; calibrate again", bad,
                                   moments.hessian.size()));
}

std::vector<float> ColumnCosts(const SecondMoments* moments, int64_t cols) {
  const auto n = static_cast<size_t>(cols);
  std::vector<float> costs(n, 1.0f);
  if (moments == nullptr) return costs;
  for (size_t c = 0; c < n; ++c) costs[c] = std::max(0.0f, moments->hessian[c * n + c]);
  // The scale of the costs does not matter, but their squares should not leave float32.
  const float most = *std::ranges::max_element(costs);
  for (float& cost : costs) cost = most > 0 ? cost / most : 1.0f;
  for (size_t begin = 0; begin < n; begin += kGroupSize) {
    const auto group = std::span(costs).subspan(begin, std::min<size_t>(kGroupSize, n - begin));
    if (std::ranges::all_of(group, [](float cost) { return cost == 0; })) {
      std::ranges::fill(group, 1.0f);
    }
  }
  return costs;
}

GroupScale SearchGroupScale(const LevelGrid& grid, std::span<const float> weights,
                            std::span<const float> costs) {
  return grid.zero_point ? SearchWithZero(grid, weights, costs)
                         : SearchSymmetric(grid, weights, costs);
}

Result<GroupRows> SearchAndRound(const PackedMatrix& weights, const Codec& codec,
                                 std::span<const float> values, std::span<const float> costs,
                                 ThreadPool& pool) {
  const LevelGrid grid = LevelGrid::Of(codec, weights.cols);
  GroupRows out(grid, weights.rows, weights.cols);
  std::vector<RowFault> faults(static_cast<size_t>(out.rows));
  pool.ParallelFor(out.rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const auto row =
          values.subspan(static_cast<size_t>(r * out.cols), static_cast<size_t>(out.cols));
      const std::span<GroupScale> scales = out.RowScales(r);
      for (int64_t g = 0; g < out.groups; ++g) {
        const auto first = static_cast<size_t>(out.GroupBegin(g));
        const auto size = static_cast<size_t>(out.GroupEnd(g)) - first;
        GroupScale& chosen = scales[static_cast<size_t>(g)];
        chosen = SearchGroupScale(grid, row.subspan(first, size), costs.subspan(first, size));
        RowFault& fault = faults[static_cast<size_t>(r)];
        if (!IsFiniteHalf(chosen.scale) && fault.overflow_column < 0) {
          fault.overflow_column = static_cast<int64_t>(first);
        }
      }
      out.RoundRow(r, row.data());
    }
  });
  CRUMB_RETURN_IF_ERROR(FaultStatus(weights, codec, faults));
  return out;
}

const Quantizer* ClipQuantizer() {
  static const Clip clip;
  return &clip;
}

}  // namespace crumb
