// How a loss falls with the size of a model: log(loss) = a + slope * log(parameters), by least
// squares. A power law, the form that "ten times larger, so much per cent less" states.
//
// What the fit does not explain is shown with it: residuals, the share of variance explained, and
// an interval of the slope. Few sizes give wide intervals; under four there is no fit at all.
#ifndef CRUMB_MEASURE_SCALE_LAW_H_
#define CRUMB_MEASURE_SCALE_LAW_H_

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "measure/statistics.h"

namespace crumb {

struct ScalePoint {
  std::string name;
  double parameters = 0;
  double loss = 0;  // of quality by fewer bits: a rise of perplexity in %, points of accuracy, nats
  // Where quality is an accuracy: what the model reached before and what guessing reaches.
  std::optional<double> accuracy;
  std::optional<double> accuracy_error;  // standard error of it, 0 when not known
  std::optional<double> chance;
};

// A model that guesses can lose nothing: its accuracy is within two standard errors of chance, or
// below it. It is a floor of the task and says nothing about loss.
bool IsFloor(const ScalePoint& point);

struct ScaleFit {
  double log_intercept = 0;
  double slope = 0;  // negative: larger models lose less
  double slope_standard_error = 0;
  Interval slope_interval;       // 95 %, t with (points - 2) degrees of freedom
  double change_per_decade = 0;  // 10^slope - 1: -0.3 is "30 % less with ten times the size"
  Interval change_interval;
  double explained = 0;           // R^2, of log(loss)
  double residual_error = 0;      // standard deviation of the residuals, n - 2
  std::vector<double> residuals;  // of log(loss), one for each used point
  std::vector<size_t> used;       // indices of the points that were fitted
  std::vector<size_t> floors;     // of those left out because they guess
};

// kInvalidArgument when fewer than four different sizes remain after the floors, when a size is not
// positive, and when a loss is not positive (it has no logarithm): names the point.
Result<ScaleFit> FitScaleLaw(std::span<const ScalePoint> points);

}  // namespace crumb

#endif  // CRUMB_MEASURE_SCALE_LAW_H_
