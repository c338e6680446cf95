#include "quant/trellis_rows.h"

#include <algorithm>
#include <cmath>

#include "base/float16.h"
#include "quant/dense.h"

namespace crumb {
namespace {

// Rows that are searched together: bounds the memory. The codes of the next rows go on from there.
constexpr int64_t kChunkRows = 3072;
// Columns whose errors are fed on together by one matrix product.
constexpr int64_t kBlock = 128;
// Rows of a thread's share are multiples of this, so that no two threads write one cache line.
constexpr int64_t kRowGrain = 64;
// Rows of one column: fewer are done sooner than another thread wakes up.
constexpr int64_t kColumnGrain = 1024;

float RoundToHalf(float x) { return HalfToFloat(FloatToHalf(x)); }

int64_t ColumnAt(const TrellisProblem& problem, int64_t position) {
  return problem.feedback == nullptr ? position
                                     : problem.feedback->order[static_cast<size_t>(position)];
}

// Some rows of the matrix, by positions: column after column, each down the rows.
class Chunk {
 public:
  Chunk(const TrellisProblem& problem, TrellisSearch& search, int64_t first, int64_t rows,
        ThreadPool& pool)
      : problem_(problem),
        search_(search),
        pool_(pool),
        first_(first),
        rows_(rows),
        work_(static_cast<size_t>(problem.cols * rows)),
        targets_(static_cast<size_t>(rows)),
        factors_(static_cast<size_t>(rows)),
        states_(static_cast<size_t>(rows)) {}

  // starts: the state of each column above these rows, and then of the last of them.
  void Code(std::span<const float> scales, std::span<uint32_t> starts, std::byte* codes);
  // The best scales for the codes found.
  void Refit(std::span<float> scales);

 private:
  float* Work(int64_t position) { return work_.data() + position * rows_; }
  void Load();
  void SearchColumn(int64_t position, std::span<const float> scales, uint32_t* start);
  void FinishColumn(int64_t position, int64_t begin_block, int64_t end_block,
                    std::span<const float> scales, std::byte* codes);
  void FeedOn(int64_t begin, int64_t end);
  void SetSymbols(int64_t column, int64_t begin, int64_t end, std::byte* codes) const;

  const TrellisProblem& problem_;
  TrellisSearch& search_;
  ThreadPool& pool_;
  const int64_t first_;
  const int64_t rows_;
  std::vector<float> work_;     // cols x rows: weights with feedback, then code values
  std::vector<float> errors_;   // block x rows
  std::vector<float> targets_;  // one column in steps
  std::vector<float> factors_;  // what an error of one step counts in each row, as a square root
  std::vector<uint32_t> states_;
};

void Chunk::Load() {
  pool_.ParallelFor(problem_.cols, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t p = begin; p < end; ++p) {
      const float* column =
          problem_.weights.data() + first_ * problem_.cols + ColumnAt(problem_, p);
      float* out = Work(p);
      for (int64_t r = 0; r < rows_; ++r) out[r] = column[r * problem_.cols];
    }
  });
}

void Chunk::Code(std::span<const float> scales, std::span<uint32_t> starts, std::byte* codes) {
  Load();
  errors_.resize(static_cast<size_t>(kBlock * rows_));
  for (int64_t r = 0; r < rows_; ++r) {
    const auto i = static_cast<size_t>(first_ + r);
    const float importance = problem_.row_importance.empty() ? 1.0f : problem_.row_importance[i];
    factors_[static_cast<size_t>(r)] = std::sqrt(importance) * scales[i];
  }
  for (int64_t begin = 0; begin < problem_.cols; begin += kBlock) {
    const int64_t end = std::min(begin + kBlock, problem_.cols);
    for (int64_t p = begin; p < end; ++p) {
      SearchColumn(p, scales, &starts[static_cast<size_t>(p)]);
      FinishColumn(p, begin, end, scales, codes);
    }
    if (problem_.feedback != nullptr && end < problem_.cols) FeedOn(begin, end);
  }
}

void Chunk::SearchColumn(int64_t position, std::span<const float> scales, uint32_t* start) {
  const float* weights = Work(position);
  for (int64_t r = 0; r < rows_; ++r) {
    const float scale = scales[static_cast<size_t>(first_ + r)];
    targets_[static_cast<size_t>(r)] = scale > 0 ? weights[r] / scale : 0.0f;
  }
  search_.FindColumn(targets_, factors_, *start, pool_, states_);
  *start = states_.back();
}

// Stores the symbols, leaves the code values in place of the weights, and feeds the error on inside
// the block.
void Chunk::FinishColumn(int64_t position, int64_t begin_block, int64_t end_block,
                         std::span<const float> scales, std::byte* codes) {
  float* errors = errors_.data() + (position - begin_block) * rows_;
  float* weights = Work(position);
  const int64_t column = ColumnAt(problem_, position);
  pool_.ParallelFor(rows_, kColumnGrain, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const float value = search_.values()[states_[static_cast<size_t>(r)]];
      errors[r] = weights[r] - scales[static_cast<size_t>(first_ + r)] * value;
      weights[r] = value;
    }
    SetSymbols(column, begin, end, codes);
    if (problem_.feedback == nullptr) return;
    const float* factors = problem_.feedback->factors.data() + position * problem_.cols;
    for (int64_t later = position + 1; later < end_block; ++later) {
      float* out = Work(later);
      const float factor = factors[later];
      for (int64_t r = begin; r < end; ++r) out[r] -= factor * errors[r];
    }
  });
}

void Chunk::SetSymbols(int64_t column, int64_t begin, int64_t end, std::byte* codes) const {
  const int bits = search_.bits();
  const int64_t groups = (problem_.cols + 63) / 64;
  for (int64_t r = begin; r < end; ++r) {
    // Plane p of this row and group: word p, 8 bytes each.
    std::byte* words = codes + ((first_ + r) * groups + column / 64) * bits * 8 + column % 64 / 8;
    for (int plane = 0; plane < bits; ++plane) {
      const uint32_t bit = states_[static_cast<size_t>(r)] >> plane & 1;
      words[8 * plane] |= static_cast<std::byte>(bit << (column % 8));
    }
  }
}

// Feeds the errors of a finished block on to all positions behind it.
void Chunk::FeedOn(int64_t begin, int64_t end) {
  const int64_t later = problem_.cols - end;
  const int64_t block = end - begin;
  std::vector<float> factors(static_cast<size_t>(block * later));
  for (int64_t i = 0; i < block; ++i) {
    std::copy_n(problem_.feedback->factors.data() + (begin + i) * problem_.cols + end, later,
                factors.data() + i * later);
  }
  std::vector<float> changes(static_cast<size_t>(later * rows_));
  MultiplyTransposedDense(factors.data(), errors_.data(), later, rows_, block, changes.data(),
                          pool_);
  float* out = Work(end);
  pool_.ParallelFor(later * rows_, kRowGrain, [&](int64_t first, int64_t last, int) {
    for (int64_t i = first; i < last; ++i) out[i] -= changes[static_cast<size_t>(i)];
  });
}

void Chunk::Refit(std::span<float> scales) {
  const int64_t cols = problem_.cols;
  std::vector<float> product;  // H q by columns as work_
  if (problem_.moments != nullptr) {
    const auto n = static_cast<size_t>(cols);
    std::vector<float> permuted(n * n);
    for (size_t i = 0; i < n; ++i) {
      const auto row = static_cast<size_t>(problem_.feedback->order[i]) * n;
      for (size_t j = 0; j < n; ++j) {
        permuted[i * n + j] =
            problem_.moments->hessian[row + static_cast<size_t>(problem_.feedback->order[j])];
      }
    }
    product.resize(work_.size());
    MultiplyDense(permuted.data(), work_.data(), false, cols, rows_, cols, product.data(), pool_);
  }
  const float* fields = product.empty() ? work_.data() : product.data();
  pool_.ParallelFor(rows_, kRowGrain, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const float* weights = problem_.weights.data() + (first_ + r) * cols;
      double along = 0;
      double square = 0;
      for (int64_t p = 0; p < cols; ++p) {
        const double field = fields[p * rows_ + r];
        along += static_cast<double>(weights[ColumnAt(problem_, p)]) * field;
        square += static_cast<double>(work_[static_cast<size_t>(p * rows_ + r)]) * field;
      }
      const float best = RoundToHalf(static_cast<float>(along / square));
      if (square > 0 && best > 0 && std::isfinite(best)) {
        scales[static_cast<size_t>(first_ + r)] = best;
      }
    }
  });
}

// How much wider than the weights the targets become by the errors that are fed on, as a mean over
// the columns: an error of variance D at position i adds D F_ij^2 to position j.
double Widening(const Feedback& feedback, double error_share) {
  const auto cols = static_cast<double>(feedback.order.size());
  double squares = 0;
  for (const float f : feedback.factors) squares += static_cast<double>(f) * f;
  return std::sqrt(1 + error_share * squares / cols);
}

}  // namespace

std::vector<float> CodingScales(const TrellisProblem& problem) {
  std::vector<float> scales(static_cast<size_t>(problem.rows));
  // The error of a code near the rate-distortion limit, as a share of the variance.
  const double error_share = 1.1 * std::exp2(-2.0 * problem.codec->bits());
  const double widening =
      problem.feedback == nullptr ? 1 : Widening(*problem.feedback, error_share);
  const auto cols = static_cast<size_t>(problem.cols);
  for (size_t r = 0; r < scales.size(); ++r) {
    double squares = 0;
    for (const float w : problem.weights.subspan(r * cols, cols)) {
      squares += static_cast<double>(w) * w;
    }
    const double sigma = std::sqrt(squares / static_cast<double>(std::max<size_t>(cols, 1)));
    scales[r] = RoundToHalf(static_cast<float>(widening * sigma / problem.codec->sigma_in_steps()));
  }
  return scales;
}

void CodeRows(const TrellisProblem& problem, std::span<float> scales, std::byte* codes,
              ThreadPool& pool) {
  const TrellisCodec& codec = *problem.codec;
  TrellisSearch search(codec.bits(), StateValues(codec, codec.default_tables()));
  std::vector<uint32_t> starts(static_cast<size_t>(problem.cols), 0);
  for (int64_t first = 0; first < problem.rows; first += kChunkRows) {
    Chunk chunk(problem, search, first, std::min(kChunkRows, problem.rows - first), pool);
    chunk.Code(scales, starts, codes);
    chunk.Refit(scales);
  }
}

}  // namespace crumb
