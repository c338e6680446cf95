#include "model/backward_layers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "base/check.h"
#include "codecs/codec.h"
#include "codecs/float_codecs.h"
#include "kernels/rotation.h"

namespace crumb {
namespace {

constexpr int64_t kTile = 64;

// f and its derivative at x.
struct ValueAndSlope {
  float value;
  float slope;
};

ValueAndSlope Evaluate(Activation f, float x) {
  switch (f) {
    case Activation::kSilu: {
      const float sigmoid = 1.0f / (1.0f + std::exp(-x));
      return {x * sigmoid, sigmoid * (1.0f + x * (1.0f - sigmoid))};
    }
    case Activation::kGeluTanh: {
      constexpr float kSqrt2OverPi = 0.7978845608f;
      const float t = std::tanh(kSqrt2OverPi * (x + 0.044715f * x * x * x));
      const float inner = kSqrt2OverPi * (1.0f + 3.0f * 0.044715f * x * x);
      return {0.5f * x * (1.0f + t), 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * inner};
    }
    case Activation::kGeluErf:
      break;
  }
  constexpr float kSqrtHalf = 0.7071067812f;
  constexpr float kDensityAtZero = 0.3989422804f;  // of the normal distribution
  const float cumulative = 0.5f * (1.0f + std::erf(x * kSqrtHalf));
  return {x * cumulative, cumulative + x * kDensityAtZero * std::exp(-0.5f * x * x)};
}

// out (cols x rows) = in (rows x cols), transposed, by tiles that stay in the cache.
void Transpose(const float* in, int64_t rows, int64_t cols, float* out, ThreadPool& pool) {
  pool.ParallelFor(cols, kTile, [&](int64_t begin, int64_t end, int) {
    for (int64_t c0 = begin; c0 < end; c0 += kTile) {
      const int64_t c1 = std::min(c0 + kTile, end);
      for (int64_t r0 = 0; r0 < rows; r0 += kTile) {
        const int64_t r1 = std::min(r0 + kTile, rows);
        for (int64_t c = c0; c < c1; ++c) {
          for (int64_t r = r0; r < r1; ++r) out[c * rows + r] = in[r * cols + c];
        }
      }
    }
  });
}

PackedMatrix FloatView(std::span<const float> values, int64_t rows, int64_t cols) {
  PackedMatrix matrix;
  matrix.codec = Float32Codec();
  matrix.rows = rows;
  matrix.cols = cols;
  matrix.codes = std::as_bytes(values.first(static_cast<size_t>(rows * cols)));
  return matrix;
}

void Grow(std::vector<float>& buffer, int64_t size) {
  if (std::ssize(buffer) < size) buffer.resize(static_cast<size_t>(size));
}

}  // namespace

void RmsNormBackward(const float* x, const float* weight, float eps, int64_t rows, int64_t cols,
                     const float* dy, float* dx, ThreadPool& pool) {
  pool.ParallelFor(rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t at = begin * cols; at < end * cols; at += cols) {
      double squares = 0;
      double product = 0;
      for (int64_t c = 0; c < cols; ++c) {
        const double value = x[at + c];
        squares += value * value;
        product += value * weight[c] * dy[at + c];
      }
      const double n = static_cast<double>(cols);
      const double r = 1 / std::sqrt(squares / n + eps);
      const float scale = static_cast<float>(r);
      const float pull = static_cast<float>(r * r * r * product / n);
      for (int64_t c = 0; c < cols; ++c) {
        dx[at + c] = scale * weight[c] * dy[at + c] - pull * x[at + c];
      }
    }
  });
}

void LayerNormBackward(const float* x, const float* weight, float eps, int64_t rows, int64_t cols,
                       const float* dy, float* dx, ThreadPool& pool) {
  pool.ParallelFor(rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t at = begin * cols; at < end * cols; at += cols) {
      const double n = static_cast<double>(cols);
      double sum = 0;
      double gradient = 0;
      for (int64_t c = 0; c < cols; ++c) {
        sum += x[at + c];
        gradient += weight[c] * dy[at + c];
      }
      const double mean = sum / n;
      double squares = 0;
      double product = 0;
      for (int64_t c = 0; c < cols; ++c) {
        const double centred = x[at + c] - mean;
        squares += centred * centred;
        product += centred * weight[c] * dy[at + c];
      }
      const double r = 1 / std::sqrt(squares / n + eps);
      const double pull = r * r * product / n;
      for (int64_t c = 0; c < cols; ++c) {
        const double direct = weight[c] * dy[at + c] - gradient / n;
        dx[at + c] = static_cast<float>(r * (direct - (x[at + c] - mean) * pull));
      }
    }
  });
}

namespace {

// dw[c] = sum over rows of dy[r][c] (x[r][c] - mean[r]) factor[r], each column in the order of
// rows.
void SumOfProducts(const float* x, const std::vector<double>& means,
                   const std::vector<double>& factors, int64_t cols, const float* dy, float* dw,
                   ThreadPool& pool) {
  pool.ParallelFor(cols, kTile, [&](int64_t begin, int64_t end, int) {
    std::vector<double> sums(static_cast<size_t>(end - begin), 0.0);
    for (size_t r = 0; r < factors.size(); ++r) {
      const int64_t at = static_cast<int64_t>(r) * cols;
      for (int64_t c = begin; c < end; ++c) {
        sums[static_cast<size_t>(c - begin)] += dy[at + c] * (x[at + c] - means[r]) * factors[r];
      }
    }
    for (int64_t c = begin; c < end; ++c) {
      dw[c] = static_cast<float>(sums[static_cast<size_t>(c - begin)]);
    }
  });
}

void NormWeightGradient(const float* x, bool centred, float eps, int64_t rows, int64_t cols,
                        const float* dy, float* dw, ThreadPool& pool) {
  std::vector<double> means(static_cast<size_t>(rows), 0.0);
  std::vector<double> factors(means.size());
  pool.ParallelFor(rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const float* row = x + r * cols;
      const double n = static_cast<double>(cols);
      double mean = 0;
      for (int64_t c = 0; centred && c < cols; ++c) mean += row[c] / n;
      double squares = 0;
      for (int64_t c = 0; c < cols; ++c) squares += (row[c] - mean) * (row[c] - mean);
      means[static_cast<size_t>(r)] = mean;
      factors[static_cast<size_t>(r)] = 1 / std::sqrt(squares / n + eps);
    }
  });
  SumOfProducts(x, means, factors, cols, dy, dw, pool);
}

}  // namespace

void RmsNormWeightGradient(const float* x, float eps, int64_t rows, int64_t cols, const float* dy,
                           float* dw, ThreadPool& pool) {
  NormWeightGradient(x, false, eps, rows, cols, dy, dw, pool);
}

void LayerNormWeightGradient(const float* x, float eps, int64_t rows, int64_t cols, const float* dy,
                             float* dw, ThreadPool& pool) {
  NormWeightGradient(x, true, eps, rows, cols, dy, dw, pool);
}

void SumOfRows(const float* dy, int64_t rows, int64_t cols, float* sum, ThreadPool& pool) {
  pool.ParallelFor(cols, kTile, [&](int64_t begin, int64_t end, int) {
    for (int64_t c = begin; c < end; ++c) {
      double total = 0;
      for (int64_t r = 0; r < rows; ++r) total += dy[r * cols + c];
      sum[c] = static_cast<float>(total);
    }
  });
}

void GatedActivationBackward(Activation f, const float* gate, const float* up, int64_t n,
                             const float* dy, float* dgate, float* dup, ThreadPool& pool) {
  pool.ParallelFor(n, kTile, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const ValueAndSlope at = Evaluate(f, gate[i]);
      const float gradient = dy[i];
      dgate[i] = gradient * up[i] * at.slope;
      dup[i] = gradient * at.value;
    }
  });
}

void ActivationBackward(Activation f, const float* x, int64_t n, const float* dy, float* dx,
                        ThreadPool& pool) {
  pool.ParallelFor(n, kTile, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) dx[i] = dy[i] * Evaluate(f, x[i]).slope;
  });
}

void TransposedProduct::Multiply(const PackedMatrix& w, const float* dy, int64_t rows, float* dx,
                                 ThreadPool& pool) {
  Product(w, 0, w.rows, dy, rows, w.rows, dx, pool);
}

void TransposedProduct::AddRows(const PackedMatrix& w, int64_t first, int64_t count,
                                const float* dy, int64_t rows, int64_t stride, float* dx,
                                ThreadPool& pool) {
  Grow(sum_, rows * w.cols);
  Product(w, first, count, dy + first, rows, stride, sum_.data(), pool);
  AddInPlace(sum_.data(), rows * w.cols, dx, pool);
}

void TransposedProduct::Product(const PackedMatrix& w, int64_t first, int64_t count,
                                const float* dy, int64_t rows, int64_t stride, float* dx,
                                ThreadPool& pool) {
  constexpr int64_t kRows = 16;  // one cache line of each column of the result
  Grow(transposed_, w.cols * count);
  pool.ParallelFor(count, kRows, [&](int64_t begin, int64_t end, int) {
    std::vector<float> tile(static_cast<size_t>(kRows * w.cols));
    for (int64_t r0 = begin; r0 < end; r0 += kRows) {
      const int64_t tile_rows = std::min(kRows, end - r0);
      for (int64_t r = 0; r < tile_rows; ++r) {
        w.codec->DecodeRow(w, first + r0 + r,
                           std::span(tile.data() + r * w.cols, static_cast<size_t>(w.cols)));
      }
      for (int64_t c = 0; c < w.cols; ++c) {
        float* out = transposed_.data() + c * count + r0;
        for (int64_t r = 0; r < tile_rows; ++r) out[r] = tile[static_cast<size_t>(r * w.cols + c)];
      }
    }
  });
  activations_.Set(dy, rows, count, stride, ActivationType::kFloat32, pool);
  MatMul(FloatView(transposed_, w.cols, count), activations_, dx, w.cols, pool);
  if (w.input.empty()) return;
  // The transpose of W R D S is S D R^T W^T.
  pool.ParallelFor(rows, 1, [&](int64_t begin, int64_t end, int) {
    const auto width = static_cast<size_t>(w.cols);
    std::vector<float> scratch(width);
    for (int64_t i = begin; i < end; ++i) {
      UndoInputTransformOfRow(w.input, std::span(dx + i * w.cols, width), scratch);
    }
  });
}

void AttentionBackward::Multiply(const std::vector<float>& w, int64_t w_rows,
                                 const std::vector<float>& x, int64_t x_rows, int64_t cols,
                                 std::vector<float>& y, ThreadPool& pool) {
  Grow(y, x_rows * w_rows);
  activations_.Set(x.data(), x_rows, cols, cols, ActivationType::kFloat32, pool);
  MatMul(FloatView(w, w_rows, cols), activations_, y.data(), w_rows, pool);
}

// Row i of p_ is query i % tokens of one head; it sees `window` keys up to its own.
void AttentionBackward::Softmax(const AttentionShape& shape, int64_t tokens, ThreadPool& pool) {
  const int64_t rows = shape.heads / shape.kv_heads * tokens;
  pool.ParallelFor(rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      float* row = p_.data() + i * tokens;
      const int64_t last = i % tokens;
      const int64_t from = shape.window > 0 ? std::max<int64_t>(0, last + 1 - shape.window) : 0;
      for (int64_t j = from; j <= last; ++j) row[j] *= shape.scale;
      const float largest = *std::max_element(row + from, row + last + 1);
      double total = 0;
      for (int64_t j = from; j <= last; ++j) {
        row[j] = std::exp(row[j] - largest);
        total += row[j];
      }
      const float factor = static_cast<float>(1 / total);
      for (int64_t j = from; j <= last; ++j) row[j] *= factor;
      std::fill(row, row + from, 0.0f);
      std::fill(row + last + 1, row + tokens, 0.0f);
    }
  });
}

// dp_ <- scale dS.
void AttentionBackward::ScoreGradients(const AttentionShape& shape, int64_t tokens,
                                       ThreadPool& pool) {
  const int64_t rows = shape.heads / shape.kv_heads * tokens;
  pool.ParallelFor(rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const float* p = p_.data() + i * tokens;
      float* dp = dp_.data() + i * tokens;
      double sum = 0;
      for (int64_t j = 0; j < tokens; ++j) sum += static_cast<double>(p[j]) * dp[j];
      const float mean = static_cast<float>(sum);
      for (int64_t j = 0; j < tokens; ++j) dp[j] = shape.scale * p[j] * (dp[j] - mean);
    }
  });
}

void AttentionBackward::Run(const AttentionShape& shape, int64_t tokens, const float* q,
                            const float* k, const float* v, const float* dout, float* dq, float* dk,
                            float* dv, ThreadPool& pool) {
  CRUMB_CHECK(shape.causal);
  const int64_t dim = shape.head_dim;
  const int64_t group = shape.heads / shape.kv_heads;
  const int64_t rows = group * tokens;
  // Copies head `h` of a tokens x heads x dim array to `to`, tokens x dim, and back.
  const auto gather = [&](const float* from, int64_t heads, int64_t h, float* to) {
    for (int64_t t = 0; t < tokens; ++t)
      std::copy_n(from + (t * heads + h) * dim, dim, to + t * dim);
  };
  const auto scatter = [&](const float* from, int64_t heads, int64_t h, float* to) {
    for (int64_t t = 0; t < tokens; ++t)
      std::copy_n(from + t * dim, dim, to + (t * heads + h) * dim);
  };
  for (std::vector<float>* buffer : {&q_, &dout_}) Grow(*buffer, rows * dim);
  for (std::vector<float>* buffer : {&k_, &v_}) Grow(*buffer, tokens * dim);
  Grow(left_, rows * tokens);
  Grow(right_, rows * dim);
  for (int64_t kv = 0; kv < shape.kv_heads; ++kv) {
    gather(k, shape.kv_heads, kv, k_.data());
    gather(v, shape.kv_heads, kv, v_.data());
    for (int64_t g = 0; g < group; ++g) {
      gather(q, shape.heads, kv * group + g, q_.data() + g * tokens * dim);
      gather(dout, shape.heads, kv * group + g, dout_.data() + g * tokens * dim);
    }
    Multiply(k_, tokens, q_, rows, dim, p_, pool);
    Softmax(shape, tokens, pool);
    Multiply(v_, tokens, dout_, rows, dim, dp_, pool);
    ScoreGradients(shape, tokens, pool);

    Transpose(k_.data(), tokens, dim, right_.data(), pool);
    Multiply(right_, dim, dp_, rows, tokens, result_, pool);
    for (int64_t g = 0; g < group; ++g) {
      scatter(result_.data() + g * tokens * dim, shape.heads, kv * group + g, dq);
    }
    Transpose(dp_.data(), rows, tokens, left_.data(), pool);
    Transpose(q_.data(), rows, dim, right_.data(), pool);
    Multiply(right_, dim, left_, tokens, rows, result_, pool);
    scatter(result_.data(), shape.kv_heads, kv, dk);

    Transpose(p_.data(), rows, tokens, left_.data(), pool);
    Transpose(dout_.data(), rows, dim, right_.data(), pool);
    Multiply(right_, dim, left_, tokens, rows, result_, pool);
    scatter(result_.data(), shape.kv_heads, kv, dv);
  }
}

}  // namespace crumb
