#include "quant/binary.h"

#include <cblas.h>
#include <fmt/format.h>
#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/float16.h"
#include "codecs/binary_row.h"
#include "codecs/float_codecs.h"
#include "codecs/group_int.h"
#include "quant/clip.h"
#include "quant/gptq.h"
#include "quant/ldlq.h"
#include "quant/rotated.h"
#include "quant/row_errors.h"
#include "quant/weight_faults.h"

namespace crumb {
namespace {

constexpr int kFitRounds = 8;
constexpr int kColumnRounds = 3;

// One matrix with scales of columns on the way: the rest of the problem, W diag(1 / t) and
// diag(t) H diag(t), is one of scales of rows, and ldlq's.
struct Attempt {
  std::vector<float> columns;  // as float16 numbers
  GroupRows rows;
  double loss = 0;
};

class RowsAndColumns {
 public:
  RowsAndColumns(const QuantizeInput& input, std::span<const float> values, ThreadPool& pool)
      : input_(input), values_(values), pool_(pool), n_(static_cast<size_t>(input.weights->cols)) {}

  Result<PackedMatrix> Run() {
    const std::vector<float> costs = ColumnCosts(input_.moments, input_.weights->cols);
    const RowColumnScales start =
        FitRowColumnScales(values_, input_.weights->rows, input_.weights->cols, costs);
    CRUMB_ASSIGN_OR_RETURN(Attempt best, Try(start.columns, GptqRows));
    for (int round = 0; round < kColumnRounds; ++round) {
      std::vector<float> columns = best.columns;
      if (!RefitColumns(best.rows, columns)) break;
      CRUMB_ASSIGN_OR_RETURN(Attempt next, Try(std::move(columns), GptqRows));
      if (!(next.loss < best.loss)) break;
      best = std::move(next);
    }
    CRUMB_ASSIGN_OR_RETURN(best, Try(std::move(best.columns), LdlqRows));
    return Pack(best);
  }

 private:
  double Importance(int64_t row) const {
    return input_.row_importance.empty()
               ? 1.0
               : static_cast<double>(input_.row_importance[static_cast<size_t>(row)]);
  }

  // Signs and scales of rows for given scales of columns.
  Result<Attempt> Try(std::vector<float> columns, decltype(LdlqRows)& method) const {
    std::vector<float> scaled(values_.begin(), values_.end());
    SecondMoments moments = *input_.moments;
    for (float& t : columns) t = HalfToFloat(FloatToHalf(t));
    for (size_t i = 0; i < scaled.size(); ++i) {
      const float t = columns[i % n_];
      scaled[i] = t == 0 ? 0 : scaled[i] / t;
    }
    for (size_t i = 0; i < n_; ++i) {
      for (size_t j = 0; j < n_; ++j) moments.hessian[i * n_ + j] *= columns[i] * columns[j];
    }
    const PackedMatrix& weights = *input_.weights;
    const PackedMatrix matrix = PackFloats(Float32Codec(), weights.rows, weights.cols, scaled);
    QuantizeInput inner = input_;
    inner.weights = &matrix;
    inner.moments = &moments;
    CRUMB_ASSIGN_OR_RETURN(GroupRows rows, method(inner, *BinaryRowCodec(), scaled, pool_));
    const std::vector<double> losses = RowLosses(scaled, rows, moments, pool_);
    double loss = 0;
    for (int64_t r = 0; r < rows.rows; ++r) {
      loss += Importance(r) * losses[static_cast<size_t>(r)];
    }
    return Attempt{std::move(columns), std::move(rows), loss};
  }

  // The best scales of columns for signs b and scales s of rows: with B_rc = s_r b_rc, the t that
  // makes sum_r (w_r - B_r t) H (w_r - B_r t)^T least solves
  //   (H o B^T B) t = diag(B^T W H)          o: entry by entry
  // which is positive semidefinite; it is tied to the t that there is.
  bool RefitColumns(const GroupRows& rows, std::vector<float>& columns) const {
    const int n = static_cast<int>(n_);
    std::vector<float> b(values_.size());
    std::vector<float> wh(values_.size());
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(rows.rows), n, n, 1.0f,
                values_.data(), n, input_.moments->hessian.data(), n, 0.0f, wh.data(), n);
    std::vector<double> right(n_);
    for (int64_t r = 0; r < rows.rows; ++r) {
      float* row = b.data() + static_cast<size_t>(r) * n_;
      rows.DecodeRow(r, row);
      const auto weight = static_cast<float>(std::sqrt(Importance(r)));
      for (size_t c = 0; c < n_; ++c) {
        row[c] *= weight;
        right[c] += static_cast<double>(row[c]) * weight * wh[static_cast<size_t>(r) * n_ + c];
      }
    }
    std::vector<float> products(n_ * n_);
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n, n, static_cast<int>(rows.rows), 1.0f,
                b.data(), n, b.data(), n, 0.0f, products.data(), n);
    std::vector<double> system(n_ * n_);
    double trace = 0;
    for (size_t i = 0; i < system.size(); ++i) {
      system[i] = static_cast<double>(products[i]) * input_.moments->hessian[i];
    }
    for (size_t c = 0; c < n_; ++c) trace += system[c * n_ + c];
    for (size_t c = 0; c < n_; ++c) {
      const double tie = 1e-3 * (system[c * n_ + c] + 1e-3 * trace / n);
      system[c * n_ + c] += tie;
      right[c] += tie * columns[c];
    }
    if (LAPACKE_dposv_work(LAPACK_COL_MAJOR, 'U', n, 1, system.data(), n, right.data(), n) != 0) {
      return false;
    }
    for (size_t c = 0; c < n_; ++c) columns[c] = static_cast<float>(right[c]);
    return std::ranges::all_of(columns, [](float t) { return std::fabs(t) < 65504.0f; });
  }

  PackedMatrix Pack(const Attempt& attempt) const {
    return WithInputTransform(attempt.rows.Pack(*BinaryRowCodec()), {}, HalfBytes(attempt.columns));
  }

  const QuantizeInput& input_;
  const std::span<const float> values_;
  ThreadPool& pool_;
  const size_t n_;
};

class Binary final : public Quantizer {
 public:
  std::string_view name() const override { return "binary"; }
  int version() const override { return 1; }
  bool needs_moments() const override { return true; }
  bool Supports(const Codec& codec) const override {
    const GroupIntCodec* group = AsGroupInt(&codec);
    return &codec == BinaryRowCodec() || (group != nullptr && group->levels() == 2);
  }
  const Codec* CodecForWidth(std::string_view width) const override {
    return width == "1" ? BinaryRowCodec() : nullptr;
  }

  Result<PackedMatrix> Quantize(const QuantizeInput& input, const Codec& codec,
                                ThreadPool& pool) const override {
    if (!Supports(codec)) {
      return Unsupported(fmt::format("method binary can not make {}", codec.name()));
    }
    if (&codec != BinaryRowCodec()) return LdlqQuantize(name(), input, codec, pool);
    CRUMB_RETURN_IF_ERROR(CheckMoments(name(), input));
    CRUMB_ASSIGN_OR_RETURN(const std::vector<float> values,
                           DecodeFiniteWeights(*input.weights, codec, pool));
    return RowsAndColumns(input, values, pool).Run();
  }
};

}  // namespace

RowColumnScales FitRowColumnScales(std::span<const float> weights, int64_t rows, int64_t cols,
                                   std::span<const float> costs) {
  const auto m = static_cast<size_t>(rows);
  const auto n = static_cast<size_t>(cols);
  RowColumnScales fit{std::vector<float>(m, 0.0f), std::vector<float>(n, 1.0f)};
  for (int round = 0; round < kFitRounds; ++round) {
    for (size_t r = 0; r < m; ++r) {
      double sum = 0;
      double squares = 0;
      for (size_t c = 0; c < n; ++c) {
        const double cost = static_cast<double>(costs[c]) * fit.columns[c];
        sum += cost * std::fabs(weights[r * n + c]);
        squares += cost * fit.columns[c];
      }
      fit.rows[r] = static_cast<float>(squares > 0 ? sum / squares : 0);
    }
    std::vector<double> sums(n, 0.0);
    double squares = 0;
    for (size_t r = 0; r < m; ++r) {
      const double s = fit.rows[r];
      squares += s * s;
      for (size_t c = 0; c < n; ++c) sums[c] += s * std::fabs(weights[r * n + c]);
    }
    if (squares == 0) break;
    double mean_square = 0;
    for (double& sum : sums) {
      sum /= squares;
      mean_square += sum * sum / static_cast<double>(n);
    }
    const double norm = std::sqrt(mean_square);
    for (size_t c = 0; c < n; ++c) fit.columns[c] = static_cast<float>(sums[c] / norm);
    for (float& s : fit.rows) s = static_cast<float>(s * norm);
  }
  return fit;
}

const Quantizer* BinaryQuantizer() {
  static const Binary binary;
  return &binary;
}

}  // namespace crumb
