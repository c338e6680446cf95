// Gaussian figures of the codecs, and the training of the trellis tables.
//   trellis_bench                         mean squared error of every codec at its bits
//   trellis_bench --train BITS [WINDOW [STARTS [SEED]]]
//                                         tables as codecs/trellis_tables.inc has them, the best of
//                                         STARTS from seed SEED on
//
// Training: Lloyd iterations. Gaussian numbers are coded by the Viterbi search; then the tables are
// fitted to what was coded by least squares, which is a linear problem because a value is a sum of
// entries, one of each table. The table of a complemented window is the negative one, which costs
// nothing and halves what is to be learnt. Random starts; noise that fades over the iterations
// helps out of poor minima. At last the same with whole numbers.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/rng.h"
#include "codecs/float_codecs.h"
#include "codecs/trellis.h"
#include "quant/dense.h"
#include "quant/quantizer.h"
#include "quant/trellis_search.h"

namespace crumb {
namespace {

constexpr int64_t kColumnRows = 2000;  // of the training sequences

std::vector<float> GaussianNumbers(int64_t n, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> numbers(static_cast<size_t>(n));
  for (float& x : numbers) x = static_cast<float>(rng.Gaussian());
  return numbers;
}

// Tables with real entries, table after table, and the values of the states.
struct Tables {
  TrellisShape shape;
  std::vector<double> entries;

  size_t Width() const { return size_t{1} << shape.window_bits; }
  size_t Index(uint32_t state, int t) const {
    return static_cast<size_t>(t) * Width() + shape.Window(state, t);
  }
  std::vector<float> Values() const {
    std::vector<float> values(size_t{1} << shape.state_bits());
    for (uint32_t state = 0; state < values.size(); ++state) {
      double sum = 0;
      for (int t = 0; t < shape.tables; ++t) sum += entries[Index(state, t)];
      values[state] = static_cast<float>(sum);
    }
    return values;
  }
};

// Normal equations of the fit: sum over the coded numbers of (x - sum_t entry_t)^2.
struct Fit {
  size_t n;
  std::vector<double> squares;  // n x n: how often two entries were used together
  std::vector<double> sums;     // n: sum of the numbers that used the entry
  double error = 0;             // mean squared error of the tables that coded
};

// Every number counts as its negative too, which the complemented windows code.
void MakeSymmetric(const Tables& tables, Fit& fit) {
  const auto mirror = [&](size_t i) { return i ^ (tables.Width() - 1); };
  const Fit one = fit;
  for (size_t i = 0; i < fit.n; ++i) {
    fit.sums[i] -= one.sums[mirror(i)];
    for (size_t j = 0; j < fit.n; ++j) {
      fit.squares[i * fit.n + j] += one.squares[mirror(i) * fit.n + mirror(j)];
    }
  }
}

// Codes `numbers` times `sigma`.
Fit Encode(const Tables& tables, std::span<const float> numbers, double sigma, ThreadPool& pool) {
  Fit fit{.n = tables.entries.size(), .squares = {}, .sums = {}};
  fit.squares.assign(fit.n * fit.n, 0);
  fit.sums.assign(fit.n, 0);
  TrellisSearch search(tables.shape.bits, tables.Values());
  std::vector<float> targets(kColumnRows);
  const std::vector<float> weights(kColumnRows, 1.0f);
  std::vector<uint32_t> states(kColumnRows);
  std::vector<size_t> used(static_cast<size_t>(tables.shape.tables));
  for (size_t first = 0; first + kColumnRows <= numbers.size(); first += kColumnRows) {
    for (size_t r = 0; r < kColumnRows; ++r) {
      targets[r] = static_cast<float>(sigma) * numbers[first + r];
    }
    search.FindColumn(targets, weights, 0, pool, states);
    for (size_t r = 0; r < kColumnRows; ++r) {
      const double error = targets[r] - search.values()[states[r]];
      fit.error += error * error;
      for (size_t t = 0; t < used.size(); ++t) {
        used[t] = tables.Index(states[r], static_cast<int>(t));
      }
      for (const size_t i : used) {
        fit.sums[i] += targets[r];
        for (const size_t j : used) fit.squares[i * fit.n + j] += 1;
      }
    }
  }
  MakeSymmetric(tables, fit);
  fit.error /= static_cast<double>(numbers.size()) * sigma * sigma;
  return fit;
}

// Least squares, one entry after another; `whole`: entries stay whole numbers.
void Solve(const Fit& fit, bool whole, Tables& tables) {
  std::vector<double>& entries = tables.entries;
  for (int sweep = 0; sweep < 50; ++sweep) {
    for (size_t i = 0; i < fit.n; ++i) {
      const double count = fit.squares[i * fit.n + i];
      if (count == 0) continue;
      double rest = fit.sums[i];
      for (size_t j = 0; j < fit.n; ++j) {
        if (j != i) rest -= fit.squares[i * fit.n + j] * entries[j];
      }
      entries[i] = whole ? std::round(rest / count) : rest / count;
      entries[i ^ (tables.Width() - 1)] = -entries[i];
    }
  }
}

struct Trained {
  Tables tables;
  double error = 1;
};

Trained TrainOnce(const TrellisShape& shape, uint64_t seed, ThreadPool& pool) {
  constexpr int kRounds = 150;
  Trained trained{.tables = {.shape = shape, .entries = {}}};
  std::vector<double>& entries = trained.tables.entries;
  entries.resize(static_cast<size_t>(shape.tables) * trained.tables.Width());
  Rng rng(seed);
  for (double& e : entries) e = rng.Gaussian() / std::sqrt(shape.tables);
  for (int round = 0; round < kRounds; ++round) {
    const auto numbers = GaussianNumbers(round < kRounds - 8 ? 20000 : 100000, rng.Next());
    const Fit fit = Encode(trained.tables, numbers, 1, pool);
    trained.error = fit.error;
    Solve(fit, false, trained.tables);
    const double noise = 0.5 * std::max(0.0, 1 - round / (0.6 * kRounds));
    for (double& e : entries) e += noise * std::exp2(-shape.bits) * rng.Gaussian();
  }
  return trained;
}

// Whole numbers from 0 on whose largest sum is 255, and what sigma is in them.
struct Stored {
  Tables tables;
  double sigma_in_steps = 0;
  double error = 1;
};

// The largest and smallest entry of each table bound the sums.
std::array<double, 2> Range(const Tables& tables) {
  std::array<double, 2> range = {0, 0};
  for (int t = 0; t < tables.shape.tables; ++t) {
    const auto begin = tables.entries.begin() + t * static_cast<int64_t>(tables.Width());
    const auto [lo, hi] = std::minmax_element(begin, begin + static_cast<int64_t>(tables.Width()));
    range[0] += *lo;
    range[1] += *hi;
  }
  return range;
}

// Entries are kept with the bias spread over the tables, so that the fit sees numbers about 128.
Stored RoundTables(const Trained& trained, double sigma, ThreadPool& pool) {
  Stored best;
  Tables tables = trained.tables;
  for (double& e : tables.entries) e = std::round(e * sigma);
  for (int round = 0; round < 12; ++round) {
    const auto range = Range(tables);
    const Fit fit = Encode(tables, GaussianNumbers(100000, 99), sigma, pool);
    const bool fits = range[0] >= -kTrellisBias && range[1] <= 255 - kTrellisBias;
    if (fits && fit.error < best.error) {
      best = {.tables = tables, .sigma_in_steps = sigma, .error = fit.error};
    }
    Solve(fit, true, tables);
  }
  return best;
}

// Every table from 0 on, the sum of the shifts being the bias.
void ShiftToBytes(Tables& tables) {
  double left = kTrellisBias;
  const size_t width = tables.Width();
  for (size_t t = 0; t < static_cast<size_t>(tables.shape.tables); ++t) {
    const auto begin = tables.entries.begin() + static_cast<int64_t>(t * width);
    const auto end = begin + static_cast<int64_t>(width);
    const bool last = t + 1 == static_cast<size_t>(tables.shape.tables);
    const double shift = last ? left : -*std::min_element(begin, end);
    left -= shift;
    for (auto e = begin; e != end; ++e) *e += shift;
  }
}

TrellisShape ShapeFor(int bits, int window) {
  return {.bits = bits, .tables = bits == 1 ? 2 : bits, .window_bits = window};
}

void Train(int bits, int window, int starts, int first_seed) {
  ThreadPool pool(1);
  const TrellisShape shape = ShapeFor(bits, window);
  Trained best;
  for (int start = 0; start < starts; ++start) {
    Trained trained = TrainOnce(shape, static_cast<uint64_t>(first_seed + start), pool);
    fmt::print(stderr, "seed {}: {:.5f}\n", first_seed + start, trained.error);
    if (trained.error < best.error) best = std::move(trained);
  }
  const auto range = Range(best.tables);
  const double largest = std::max(-range[0] / kTrellisBias, range[1] / (255 - kTrellisBias));
  Stored stored;
  for (double factor = 0.8; factor < 1.11; factor += 0.02) {
    const Stored one = RoundTables(best, factor / largest, pool);
    if (one.error < stored.error) stored = one;
  }
  if (stored.error == 1) return;
  ShiftToBytes(stored.tables);
  const Fit check = Encode(best.tables, GaussianNumbers(400000, 77), 1, pool);
  fmt::print(stderr, "held out {:.5f}; in bytes {:.5f}\n", check.error, stored.error);
  fmt::print("inline constexpr double kSigmaInSteps{} = {:.3f};\n", bits, stored.sigma_in_steps);
  fmt::print("inline constexpr uint8_t kTables{}[{}][{}] = {{\n", bits, shape.tables,
             stored.tables.Width());
  for (size_t t = 0; t < static_cast<size_t>(shape.tables); ++t) {
    fmt::print("    {{");
    for (size_t i = 0; i < stored.tables.Width(); ++i) {
      fmt::print("{}{:.0f}", i == 0 ? "" : ", ",
                 stored.tables.entries[t * stored.tables.Width() + i]);
    }
    fmt::print("}},\n");
  }
  fmt::print("}};\n");
}

// Mean squared error of a Gaussian matrix, signal 1.
void PrintFigure(const char* method, const char* codec) {
  constexpr int64_t kRows = 1536;
  constexpr int64_t kCols = 256;
  ThreadPool pool(1);
  const std::vector<float> values = GaussianNumbers(kRows * kCols, 5);
  const PackedMatrix weights = PackFloats(Float32Codec(), kRows, kCols, values);
  const auto begin = std::chrono::steady_clock::now();
  const Result<PackedMatrix> packed =
      FindQuantizer(method)->Quantize({.weights = &weights}, *FindCodec(codec), pool);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (!packed.ok()) {
    fmt::print("{:<12} {:<12} {}\n", codec, method, packed.status().message());
    return;
  }
  const std::vector<float> decoded = PlainWeights(packed.value(), pool);
  double error = 0;
  double signal = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    error += (values[i] - decoded[i]) * (values[i] - decoded[i]);
    signal += values[i] * values[i];
  }
  const double bits = BitsPerWeight(packed.value());
  const double limit = std::exp2(-2 * bits);
  fmt::print("{:<12} {:<12} {:6.3f} {:10.5f} {:10.5f} {:6.2f} {:8.0f}\n", codec, method, bits,
             error / signal, limit, 10 * std::log10(error / signal / limit),
             1e9 * seconds / static_cast<double>(values.size()));
}

void PrintFigures() {
  fmt::print("codec        method         bits        mse  2^(-2bits)     dB ns/weight\n");
  for (const char* codec : {"trellis1", "trellis2", "trellis3", "trellis4"}) {
    PrintFigure("trellis", codec);
  }
  for (const char* codec :
       {"int1-g64", "ternary-g64", "int2-g64", "int3-g64", "int4-g64", "int8-g64"}) {
    PrintFigure("rtn", codec);
    PrintFigure("clip", codec);
  }
  PrintFigure("ternary", "ternary-g64");
}

}  // namespace
}  // namespace crumb

int main(int argc, char** argv) {
  if (argc >= 3 && std::string(argv[1]) == "--train") {
    const int bits = std::atoi(argv[2]);
    const int window = argc > 3 ? std::atoi(argv[3]) : bits <= 2 ? 6 : bits == 3 ? 5 : 3;
    crumb::Train(bits, window, argc > 4 ? std::atoi(argv[4]) : 12,
                 argc > 5 ? std::atoi(argv[5]) : 1);
  } else {
    crumb::PrintFigures();
  }
  return 0;
}
