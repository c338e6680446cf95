// Quantile of Student's t: the distribution function by the regularized incomplete beta function,
// inverted by bisection.
#include <math.h>

#include <cmath>
#include <cstdint>

#include "base/check.h"
#include "measure/statistics.h"

namespace crumb {
namespace {

// Continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8) by Lentz's
// method; converges in O(sqrt(max(a, b))) steps for x < (a + 1) / (a + b + 2).
double BetaFraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  constexpr double kEpsilon = 1e-16;
  const auto away_from_zero = [](double v) { return std::fabs(v) < kTiny ? kTiny : v; };
  double c = 1;
  double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
  double result = d;
  for (int m = 1; m <= 10000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double step = 1;
    for (const double term : {even, odd}) {
      d = 1 / away_from_zero(1 + term * d);
      c = away_from_zero(1 + term / c);
      step = c * d;
      result *= step;
    }
    if (std::fabs(step - 1) < kEpsilon) break;
  }
  return result;
}

double LogGamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);  // std::lgamma writes a global variable
}

// I_x(a, b), Abramowitz and Stegun 26.5.1. `y` is 1 - x, given apart so that it keeps its digits.
double IncompleteBeta(double a, double b, double x, double y) {
  if (x <= 0) return 0;
  if (y <= 0) return 1;
  const double front =
      std::exp(LogGamma(a + b) - LogGamma(a) - LogGamma(b) + a * std::log(x) + b * std::log(y));
  if (x < (a + 1) / (a + b + 2)) return front * BetaFraction(a, b, x) / a;
  return 1 - front * BetaFraction(b, a, y) / b;
}

// P(T > t) for t > 0 (Abramowitz and Stegun 26.7.1).
double UpperTail(double t, double degrees) {
  const double total = degrees + t * t;
  return 0.5 * IncompleteBeta(degrees / 2, 0.5, degrees / total, t * t / total);
}

// Expansion about the normal quantile (Abramowitz and Stegun 26.7.5), the error is O(degrees^-4).
double ManyDegrees(double degrees) {
  const double z = kNormal975;
  const double z3 = z * z * z;
  const double z5 = z3 * z * z;
  const double z7 = z5 * z * z;
  return z + (z3 + z) / (4 * degrees) + (5 * z5 + 16 * z3 + 3 * z) / (96 * degrees * degrees) +
         (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * degrees * degrees * degrees);
}

}  // namespace

double StudentT975(int64_t degrees_of_freedom) {
  CRUMB_CHECK(degrees_of_freedom >= 1);
  const auto degrees = static_cast<double>(degrees_of_freedom);
  if (degrees_of_freedom > 2000) return ManyDegrees(degrees);
  double low = 1.9;    // below the normal quantile, the limit
  double high = 12.8;  // above the quantile for one degree of freedom
  while (true) {
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) return middle;
    (UpperTail(middle, degrees) > 0.025 ? low : high) = middle;
  }
}

}  // namespace crumb
