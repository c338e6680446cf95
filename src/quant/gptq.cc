#include "quant/gptq.h"

#include <fmt/format.h>

#include <algorithm>

#include "quant/clip.h"
#include "quant/row_errors.h"
#include "quant/serial_product.h"
#include "quant/weight_faults.h"

namespace crumb {
namespace {

// Columns whose errors are fed on together by one matrix product.
constexpr int64_t kBlock = 128;

// The factors of each block for all positions behind it, as (positions behind) x (block).
std::vector<PackedMatrix> LaterFactors(const Feedback& feedback) {
  const auto n = static_cast<int64_t>(feedback.order.size());
  std::vector<PackedMatrix> later;
  for (int64_t begin = 0; begin + kBlock < n; begin += kBlock) {
    const int64_t behind = n - begin - kBlock;
    std::vector<float> values(static_cast<size_t>(behind * kBlock));
    for (int64_t i = 0; i < kBlock; ++i) {
      const float* factors = feedback.factors.data() + (begin + i) * n + begin + kBlock;
      for (int64_t j = 0; j < behind; ++j) values[static_cast<size_t>(j * kBlock + i)] = factors[j];
    }
    later.push_back(PackFloats(Float32Codec(), behind, kBlock, values));
  }
  return later;
}

// The recursion over some rows. Working weights and errors are by positions.
class FeedbackTile {
 public:
  FeedbackTile(const Feedback& feedback, std::span<const PackedMatrix> later, GroupRows& rows)
      : feedback_(feedback),
        later_(later),
        rows_(rows),
        n_(rows.cols),
        work_(static_cast<size_t>(kRowTile * n_)),
        errors_(static_cast<size_t>(kRowTile * kBlock)),
        changes_(static_cast<size_t>(kRowTile * n_)),
        values_(static_cast<size_t>(kRowTile * rows.groups)) {}

  void Run(std::span<const float> weights, int64_t first_row, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      const float* w = weights.data() + (first_row + i) * n_;
      for (int64_t p = 0; p < n_; ++p) work_[At(i, p)] = w[Column(p)];
      for (int64_t g = 0; g < rows_.groups; ++g) {
        values_[static_cast<size_t>(i * rows_.groups + g)] = rows_.Values(first_row + i, g);
      }
    }
    for (int64_t begin = 0; begin < n_; begin += kBlock) {
      const int64_t end = std::min(n_, begin + kBlock);
      for (int64_t i = 0; i < count; ++i) RoundBlock(first_row, i, begin, end);
      FeedOn(count, begin, end);
    }
  }

 private:
  int64_t Column(int64_t position) const { return feedback_.order[static_cast<size_t>(position)]; }
  size_t At(int64_t i, int64_t position) const { return static_cast<size_t>(i * n_ + position); }

  // Rounds positions begin .. end of one row; feeds errors on inside the block.
  void RoundBlock(int64_t first_row, int64_t i, int64_t begin, int64_t end) {
    uint8_t* levels = rows_.RowLevels(first_row + i);
    float* work = work_.data() + i * n_;
    for (int64_t p = begin; p < end; ++p) {
      const int64_t column = Column(p);
      const int64_t group = column / rows_.grid.group_size;
      const GroupValues& values = values_[static_cast<size_t>(i * rows_.groups + group)];
      levels[column] = values.Round(work[p]);
      const float error = work[p] - values.Value(levels[column]);
      errors_[static_cast<size_t>(i * kBlock + p - begin)] = error;
      const float* factors = feedback_.factors.data() + p * n_;
      for (int64_t j = p + 1; j < end; ++j) work[j] -= error * factors[j];
    }
  }

  // Feeds the errors of a block on to all positions behind it.
  void FeedOn(int64_t count, int64_t begin, int64_t end) {
    if (end == n_) return;
    product_.Run(errors_.data(), count, kBlock, later_[static_cast<size_t>(begin / kBlock)],
                 changes_.data(), n_);
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t j = 0; j < n_ - end; ++j) work_[At(i, end + j)] -= changes_[At(i, j)];
    }
  }

  const Feedback& feedback_;
  const std::span<const PackedMatrix> later_;
  GroupRows& rows_;
  const int64_t n_;
  std::vector<float> work_;     // tile x cols: weights with the feedback so far
  std::vector<float> errors_;   // tile x block
  std::vector<float> changes_;  // tile x cols: what a block feeds on
  std::vector<GroupValues> values_;
  SerialProduct product_;
};

class Gptq final : public Quantizer {
 public:
  std::string_view name() const override { return "gptq"; }
  int version() const override { return 1; }
  bool needs_moments() const override { return true; }
  bool Supports(const Codec& codec) const override { return HasLevels(codec); }

  Result<PackedMatrix> Quantize(const QuantizeInput& input, const Codec& codec,
                                ThreadPool& pool) const override {
    if (!Supports(codec)) {
      return Unsupported(fmt::format("method gptq can not make {}", codec.name()));
    }
    CRUMB_RETURN_IF_ERROR(CheckMoments(name(), input));
    CRUMB_ASSIGN_OR_RETURN(const std::vector<float> values,
                           DecodeFiniteWeights(*input.weights, codec, pool));
    CRUMB_ASSIGN_OR_RETURN(const GroupRows rows, GptqRows(input, codec, values, pool));
    return rows.Pack(codec);
  }
};

}  // namespace

void RoundWithFeedback(std::span<const float> weights, const Feedback& feedback, GroupRows& rows,
                       ThreadPool& pool) {
  const std::vector<PackedMatrix> later = LaterFactors(feedback);
  ForRowTiles(rows.rows, pool, [&](int64_t begin, int64_t count) {
    FeedbackTile(feedback, later, rows).Run(weights, begin, count);
  });
}

Result<GroupRows> GptqRows(const QuantizeInput& input, const Codec& codec,
                           std::span<const float> values, ThreadPool& pool) {
  const SecondMoments& moments = *input.moments;
  const std::vector<float> costs = ColumnCosts(&moments, input.weights->cols);
  CRUMB_ASSIGN_OR_RETURN(GroupRows rounded,
                         SearchAndRound(*input.weights, codec, values, costs, pool));
  CRUMB_ASSIGN_OR_RETURN(const Feedback feedback, MakeFeedback(moments, {}));
  GroupRows fed = rounded;
  RoundWithFeedback(values, feedback, fed, pool);
  const std::vector<double> before = RowLosses(values, rounded, moments, pool);
  const std::vector<double> after = RowLosses(values, fed, moments, pool);
  for (int64_t r = 0; r < fed.rows; ++r) {
    const auto i = static_cast<size_t>(r);
    if (after[i] <= before[i]) continue;
    std::copy_n(rounded.RowLevels(r), fed.cols, fed.RowLevels(r));
  }
  return fed;
}

const Quantizer* GptqQuantizer() {
  static const Gptq gptq;
  return &gptq;
}

}  // namespace crumb
