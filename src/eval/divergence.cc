#include "eval/divergence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "measure/statistics.h"

namespace crumb {
namespace {

struct Moments {
  double mean = 0;
  double variance = 0;  // of the mean, tokens taken as independent
};

std::vector<double> ToDouble(const std::vector<float>& x) { return {x.begin(), x.end()}; }

Moments MomentsOf(const std::vector<double>& x) {
  return {Mean(x), Variance(x) / static_cast<double>(x.size())};
}

// Covariance of the means of x and y.
double MeanCovariance(const std::vector<double>& x, const std::vector<double>& y) {
  if (x.size() < 2) return 0;
  const double mean_x = Mean(x);
  const double mean_y = Mean(y);
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += (x[i] - mean_x) * (y[i] - mean_y);
  const auto n = static_cast<double>(x.size());
  return sum / (n - 1) / n;
}

double Root(double variance) { return std::sqrt(std::max(0.0, variance)); }

// Two models' mean negative log-likelihoods a and b on the same tokens, with their covariance; the
// errors of what is made of them by the delta method.
DivergenceGroup PerplexityGroup(const std::vector<double>& a, const std::vector<double>& b) {
  const Moments model = MomentsOf(a);
  const Moments base = MomentsOf(b);
  const double covariance = MeanCovariance(a, b);
  const double ppl = std::exp(model.mean);
  const double base_ppl = std::exp(base.mean);
  const double log_ratio_se = Root(model.variance + base.variance - 2 * covariance);
  const double ratio = std::exp(model.mean - base.mean);
  const double spread = Root(model.variance) * Root(base.variance);
  DivergenceGroup group{"Perplexity statistics", {}};
  group.lines = {
      {"Mean PPL(Q)                   ", "ppl", ppl, ppl * Root(model.variance)},
      {"Mean PPL(base)                ", "ppl_base", base_ppl, base_ppl * Root(base.variance)},
      {"Cor(ln(PPL(Q)), ln(PPL(base)))", "correlation_percent",
       spread > 0 ? 100 * covariance / spread : 100, std::nullopt, "%"},
      {"Mean ln(PPL(Q)/PPL(base))     ", "ln_ppl_ratio", model.mean - base.mean, log_ratio_se},
      {"Mean PPL(Q)/PPL(base)         ", "ppl_ratio", ratio, ratio * log_ratio_se},
      {"Mean PPL(Q)-PPL(base)         ", "ppl_difference", ppl - base_ppl,
       Root(ppl * ppl * model.variance + base_ppl * base_ppl * base.variance -
            2 * ppl * base_ppl * covariance)}};
  return group;
}

// Mean, largest, percentiles from the top, smallest.
void AddDistribution(const std::string& name, const std::string& key,
                     const std::vector<double>& values, const std::vector<double>& percentiles,
                     DivergenceGroup* group) {
  std::vector<double> sorted = values;
  std::ranges::sort(sorted);
  const Moments moments = MomentsOf(values);
  group->lines.push_back({"Mean    " + name, key + "_mean", moments.mean, Root(moments.variance)});
  group->lines.push_back({"Maximum " + name, key + "_max", sorted.back(), std::nullopt});
  for (const double percent : percentiles) {
    const bool median = percent == 50;
    group->lines.push_back(
        {median ? "Median  " + name : fmt::format("{:4.1f}%   {}", percent, name),
         median ? key + "_median" : fmt::format("{}_p{}", key, percent),
         Quantile(sorted, percent / 100), std::nullopt});
  }
  group->lines.push_back({"Minimum " + name, key + "_min", sorted.front(), std::nullopt});
}

}  // namespace

std::vector<DivergenceGroup> DivergenceStatistics(const TokenScores& tokens, int64_t same_top) {
  const size_t n = tokens.nll.size();
  CRUMB_CHECK(n > 0 && tokens.reference_nll.size() == n && tokens.kl.size() == n);

  DivergenceGroup kl{"KL divergence statistics", {}};
  AddDistribution("KLD", "kld", ToDouble(tokens.kl), {99.9, 99, 95, 90, 50, 10, 5, 1, 0.1}, &kl);

  // Percent points that the model gave the token that came more than the reference did.
  std::vector<double> gain(n);
  std::vector<double> squares(n);
  for (size_t i = 0; i < n; ++i) {
    gain[i] = 100 * (std::exp(-static_cast<double>(tokens.nll[i])) -
                     std::exp(-static_cast<double>(tokens.reference_nll[i])));
    squares[i] = gain[i] * gain[i];
  }
  DivergenceGroup probability{"Token probability statistics", {}};
  AddDistribution("Δp", "delta_p", gain, {99.9, 99, 95, 90, 75, 50, 25, 10, 5, 1, 0.1},
                  &probability);
  const Moments square = MomentsOf(squares);
  const double rms = std::sqrt(square.mean);
  probability.lines.push_back(
      {"RMS Δp    ", "delta_p_rms", rms, rms > 0 ? 0.5 / rms * Root(square.variance) : 0});
  const double same = static_cast<double>(same_top) / static_cast<double>(n);
  const double others = std::max(1.0, static_cast<double>(n) - 1);
  probability.lines.push_back(
      {"Same top p", "same_top_p", 100 * same, 100 * std::sqrt(same * (1 - same) / others)});

  for (DivergenceLine& line : probability.lines) line.unit = "%";

  return {PerplexityGroup(ToDouble(tokens.nll), ToDouble(tokens.reference_nll)), std::move(kl),
          std::move(probability)};
}

}  // namespace crumb
