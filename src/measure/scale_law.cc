#include "measure/scale_law.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

namespace crumb {
namespace {

constexpr size_t kFewestSizes = 4;

Status Check(const ScalePoint& point) {
  if (!(point.parameters > 0) || !std::isfinite(point.parameters)) {
    return InvalidArgument(
        fmt::format("{}: {} parameters; a size must be positive", point.name, point.parameters));
  }
  if (!(point.loss > 0) || !std::isfinite(point.loss)) {
    return InvalidArgument(
        fmt::format("{}: a loss of {} has no logarithm; leave the model out of the fit and say so",
                    point.name, point.loss));
  }
  return OkStatus();
}

}  // namespace

bool IsFloor(const ScalePoint& point) {
  if (!point.accuracy.has_value() || !point.chance.has_value()) return false;
  return *point.accuracy - 2 * point.accuracy_error.value_or(0) <= *point.chance;
}

Result<ScaleFit> FitScaleLaw(std::span<const ScalePoint> points) {
  ScaleFit fit;
  std::vector<double> x;
  std::vector<double> y;
  for (size_t i = 0; i < points.size(); ++i) {
    if (IsFloor(points[i])) {
      fit.floors.push_back(i);
      continue;
    }
    CRUMB_RETURN_IF_ERROR(Check(points[i]));
    fit.used.push_back(i);
    x.push_back(std::log(points[i].parameters));
    y.push_back(std::log(points[i].loss));
  }
  const size_t sizes = std::set<double>(x.begin(), x.end()).size();
  if (sizes < kFewestSizes) {
    return InvalidArgument(fmt::format(
        "a law of scale needs at least {} sizes, there are {}{}; measure more models", kFewestSizes,
        sizes,
        fit.floors.empty() ? ""
                           : fmt::format(" ({} at chance level left out)", fit.floors.size())));
  }
  const double mean_x = Mean(x);
  const double mean_y = Mean(y);
  double xx = 0;
  double xy = 0;
  double yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
  }
  fit.slope = xy / xx;
  fit.log_intercept = mean_y - fit.slope * mean_x;
  double squares = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    fit.residuals.push_back(y[i] - fit.log_intercept - fit.slope * x[i]);
    squares += fit.residuals.back() * fit.residuals.back();
  }
  const auto freedom = static_cast<int64_t>(x.size()) - 2;
  fit.residual_error = std::sqrt(squares / static_cast<double>(freedom));
  fit.slope_standard_error = fit.residual_error / std::sqrt(xx);
  const double half = StudentT975(freedom) * fit.slope_standard_error;
  fit.slope_interval = {fit.slope - half, fit.slope + half};
  const auto per_decade = [](double slope) { return std::pow(10.0, slope) - 1; };
  fit.change_per_decade = per_decade(fit.slope);
  fit.change_interval = {per_decade(fit.slope_interval.low), per_decade(fit.slope_interval.high)};
  fit.explained = yy > 0 ? 1 - squares / yy : 0;
  return fit;
}

}  // namespace crumb
