#include "quant/sensitivity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/sha256.h"
#include "codecs/codec.h"
#include "kernels/rotation.h"

namespace crumb {
namespace {

// Sums of squares in float64, by columns of the gradients.
class SquareSums {
 public:
  void Add(const float* values, int64_t tokens, int64_t width, ThreadPool& pool) {
    sums_.resize(static_cast<size_t>(width), 0.0);
    pool.ParallelFor(width, 64, [&](int64_t begin, int64_t end, int) {
      for (int64_t t = 0; t < tokens; ++t) {
        const float* row = values + t * width;
        for (int64_t i = begin; i < end; ++i) {
          sums_[static_cast<size_t>(i)] += static_cast<double>(row[i]) * row[i];
        }
      }
    });
  }

  // Of the softmax over tokens with one token drawn: the gradient is p_r, and p_r - 1 for the drawn
  // one. Its expected square over draws, p_r (1 - p_r), is known and has no noise of the draw.
  void AddExpectedOfSoftmax(const float* values, int64_t tokens, int64_t width, ThreadPool& pool) {
    sums_.resize(static_cast<size_t>(width), 0.0);
    pool.ParallelFor(width, 64, [&](int64_t begin, int64_t end, int) {
      for (int64_t t = 0; t < tokens; ++t) {
        const float* row = values + t * width;
        for (int64_t i = begin; i < end; ++i) {
          const double p = row[i] < 0 ? 1.0 + row[i] : row[i];
          sums_[static_cast<size_t>(i)] += p * (1 - p);
        }
      }
    });
  }

  Result<std::vector<float>> Means(double count, std::string_view name) const {
    std::vector<float> means;
    for (const double sum : sums_) {
      if (!std::isfinite(sum)) {
        return NumericsError(fmt::format("{}: the gradients are not finite", name));
      }
      means.push_back(static_cast<float>(sum / count));
    }
    return means;
  }

 private:
  std::vector<double> sums_;
};

// At most options.windows of the windows, spread evenly, cut to the context.
std::vector<std::span<const int32_t>> ChooseWindows(std::span<const std::vector<int32_t>> windows,
                                                    const SensitivityOptions& options) {
  const auto wanted = static_cast<size_t>(std::max<int64_t>(options.windows, 0));
  const size_t count = std::min(wanted, windows.size());
  std::vector<std::span<const int32_t>> chosen;
  for (size_t i = 0; i < count; ++i) {
    const std::span<const int32_t> window = windows[i * windows.size() / count];
    const auto context = static_cast<size_t>(std::max<int64_t>(options.context, 0));
    if (window.size() >= 2) chosen.push_back(window.first(std::min(window.size(), context)));
  }
  return chosen;
}

std::string HashOf(std::span<const std::span<const int32_t>> windows) {
  Sha256 hash;
  for (const std::span<const int32_t> window : windows) {
    const int64_t size = std::ssize(window);
    hash.Update(std::as_bytes(std::span(&size, 1)));
    hash.Update(std::as_bytes(window));
  }
  return hash.HexDigest();
}

// What is summed over the windows.
struct Sums {
  std::map<std::string, SquareSums, std::less<>> rows;
  std::map<std::string, SquareSums, std::less<>> lookups;
  std::vector<int64_t> looked_up;  // times that each token occurred
};

void AddGradient(const MatrixGradient& g, bool expected, Sums& sums, ThreadPool& pool) {
  const PackedMatrix& m = g.matrix->matrix;
  const bool head = g.matrix->layer < 0;
  if (g.lookup) {
    sums.lookups[g.matrix->name].Add(g.values, g.tokens, m.cols, pool);
  } else if (head && expected) {
    sums.rows[g.matrix->name].AddExpectedOfSoftmax(g.values, g.tokens, m.rows, pool);
  } else {
    sums.rows[g.matrix->name].Add(g.values, g.tokens, m.rows, pool);
  }
}

Result<MatrixSensitivity> Finish(const NamedMatrix& named, const Sums& sums, double losses) {
  MatrixSensitivity result;
  if (const auto rows = sums.rows.find(named.name); rows != sums.rows.end()) {
    CRUMB_ASSIGN_OR_RETURN(result.row_importance, rows->second.Means(losses, named.name));
  }
  if (const auto lookup = sums.lookups.find(named.name); lookup != sums.lookups.end()) {
    CRUMB_ASSIGN_OR_RETURN(result.lookup_importance, lookup->second.Means(losses, named.name));
    double all = 0;
    for (const int64_t count : sums.looked_up) all += static_cast<double>(count);
    for (const int64_t count : sums.looked_up) {
      result.lookup_share.push_back(static_cast<float>(static_cast<double>(count) / all));
    }
  }
  return result;
}

// Row r of `weights` as it acts on activations that were not transformed.
void PlainRow(const PackedMatrix& weights, int64_t r, std::vector<float>& row,
              std::vector<float>& scratch) {
  weights.codec->DecodeRow(weights, r, row);
  UndoInputTransformOfRow(weights.input, row, scratch);
}

double PredictLookupLoss(const MatrixSensitivity& sensitivity, const PackedMatrix& weights,
                         const PackedMatrix& packed) {
  const auto cols = static_cast<size_t>(weights.cols);
  std::vector<float> exact(cols), rounded(cols), scratch(cols);
  double sum = 0;
  for (int64_t r = 0; r < weights.rows; ++r) {
    const double share = sensitivity.lookup_share[static_cast<size_t>(r)];
    if (share == 0) continue;
    PlainRow(weights, r, exact, scratch);
    PlainRow(packed, r, rounded, scratch);
    double row = 0;
    for (size_t c = 0; c < cols; ++c) {
      const double error = static_cast<double>(exact[c]) - rounded[c];
      row += sensitivity.lookup_importance[c] * error * error;
    }
    sum += share * row;
  }
  return sum;
}

}  // namespace

Status Sensitivity::CheckModel(const Model& model, std::string_view sha256) const {
  if (model_sha256 == sha256) return OkStatus();
  return InvalidArgument(
      fmt::format("{}: the sensitivities were measured on another model (SHA-256 {}...); measure "
                  "them anew",
                  model.path(), model_sha256.substr(0, 12)));
}

Result<Sensitivity> MeasureSensitivity(const Model& model, const std::string& model_sha256,
                                       std::span<const std::vector<int32_t>> windows,
                                       const SensitivityOptions& options, ThreadPool& pool,
                                       const std::function<bool(int, int)>& progress) {
  const auto chosen = ChooseWindows(windows, options);
  if (chosen.empty()) {
    return InvalidArgument("sensitivities need at least one window of two tokens");
  }
  CRUMB_ASSIGN_OR_RETURN(const auto backward, Backward::Create(model, pool, options.keep_bytes));
  const bool expected =
      options.loss_kind == LossKind::kSampled && model.config().logit_softcap == 0;
  Sums sums;
  sums.looked_up.resize(static_cast<size_t>(model.config().vocabulary_size), 0);
  const auto visit = [&](const MatrixGradient& g) { AddGradient(g, expected, sums, pool); };
  double loss = 0;
  double losses = 0;
  for (size_t i = 0; i < chosen.size(); ++i) {
    CRUMB_ASSIGN_OR_RETURN(const double mean,
                           backward->Run(chosen[i], options.loss_kind, options.seed + i, visit));
    const double count = static_cast<double>(chosen[i].size() - 1);
    loss += mean * count;
    losses += count;
    for (const int32_t token : chosen[i].first(chosen[i].size() - 1)) {
      ++sums.looked_up[static_cast<size_t>(token)];
    }
    if (progress && !progress(static_cast<int>(i + 1), static_cast<int>(chosen.size()))) {
      return Interrupted(fmt::format("stopped after {} of {} windows", i + 1, chosen.size()));
    }
  }

  Sensitivity result;
  result.model_sha256 = model_sha256;
  result.tokens_sha256 = HashOf(chosen);
  result.loss_kind = options.loss_kind;
  result.seed = options.seed;
  result.windows = std::ssize(chosen);
  for (const auto& window : chosen) result.context = std::max(result.context, std::ssize(window));
  result.mean_loss = loss / losses;
  for (const NamedMatrix& named : model.matrices()) {
    CRUMB_ASSIGN_OR_RETURN(result.matrices[named.name], Finish(named, sums, losses));
  }
  return result;
}

Result<Sensitivity> KnownOrMeasuredSensitivity(const std::string& path, const Model& model,
                                               const std::string& model_sha256,
                                               std::span<const std::vector<int32_t>> windows,
                                               const SensitivityOptions& options, ThreadPool& pool,
                                               const std::function<bool(int, int)>& progress) {
  Result<Sensitivity> known = ReadSensitivity(path);
  if (known.ok() && known->CheckModel(model, model_sha256).ok() &&
      known->loss_kind == options.loss_kind && known->seed == options.seed &&
      known->tokens_sha256 == HashOf(ChooseWindows(windows, options))) {
    return known;
  }
  CRUMB_ASSIGN_OR_RETURN(Sensitivity measured,
                         MeasureSensitivity(model, model_sha256, windows, options, pool, progress));
  CRUMB_RETURN_IF_ERROR(WriteSensitivity(path, measured));
  return measured;
}

double PredictLoss(const MatrixSensitivity& sensitivity, const PackedMatrix& weights,
                   const PackedMatrix& packed, const SecondMoments* moments, ThreadPool& pool) {
  double sum = 0;
  if (moments != nullptr && !sensitivity.row_importance.empty()) {
    sum += MeasureOutputLoss(weights, packed, *moments, sensitivity.row_importance, pool).error;
  }
  if (!sensitivity.lookup_importance.empty()) {
    sum += PredictLookupLoss(sensitivity, weights, packed);
  }
  return sum / 2;
}

std::vector<double> HeadShares(const Model& model, const NamedMatrix& named,
                               const MatrixSensitivity& sensitivity, const SecondMoments& moments) {
  const bool by_rows = named.role == MatrixRole::kQuery || named.role == MatrixRole::kKey ||
                       named.role == MatrixRole::kValue;
  if (!by_rows && named.role != MatrixRole::kOutput) return {};
  const PackedMatrix& m = named.matrix;
  const auto dim = static_cast<size_t>(model.config().head_dim);
  const auto cols = static_cast<size_t>(m.cols);
  std::vector<double> shares((by_rows ? static_cast<size_t>(m.rows) : cols) / dim, 0.0);
  std::vector<float> row(cols), scratch(cols);
  double all = 0;
  for (int64_t r = 0; r < m.rows; ++r) {
    PlainRow(m, r, row, scratch);
    const double importance = sensitivity.row_importance[static_cast<size_t>(r)];
    for (size_t c = 0; c < cols; ++c) {
      const double cost = importance * row[c] * row[c] * moments.hessian[c * cols + c];
      shares[(by_rows ? static_cast<size_t>(r) : c) / dim] += cost;
      all += cost;
    }
  }
  if (!(all > 0)) return {};
  for (double& share : shares) share /= all;
  return shares;
}

Result<std::vector<HeadReport>> HeadsThatStandApart(
    const Model& model, const Sensitivity& sensitivity,
    const std::function<Result<SecondMoments>(const NamedMatrix&)>& moments, double times) {
  std::vector<HeadReport> reports;
  for (const NamedMatrix& named : model.matrices()) {
    const auto found = sensitivity.matrices.find(named.name);
    if (named.layer < 0 || found == sensitivity.matrices.end()) continue;
    if (named.role == MatrixRole::kGate || named.role == MatrixRole::kUp ||
        named.role == MatrixRole::kDown) {
      continue;
    }
    CRUMB_ASSIGN_OR_RETURN(const SecondMoments inputs, moments(named));
    const std::vector<double> shares = HeadShares(model, named, found->second, inputs);
    for (size_t head = 0; head < shares.size(); ++head) {
      const double times_mean = shares[head] * static_cast<double>(shares.size());
      if (times_mean >= times) {
        reports.push_back({named.name, static_cast<int>(head), shares[head], times_mean});
      }
    }
  }
  std::stable_sort(reports.begin(), reports.end(), [](const HeadReport& a, const HeadReport& b) {
    return a.times_mean > b.times_mean;
  });
  return reports;
}

}  // namespace crumb
