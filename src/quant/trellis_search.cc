#include "quant/trellis_search.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <utility>

#include "base/check.h"
#include "kernels/trellis_step.h"

namespace crumb {
namespace {

constexpr int64_t kSegmentRows = 320;
// A search has forgotten its beginning after this many times the rows that a state spans.
constexpr int64_t kMemory = 14;

constexpr float kUnreachable = 1e30f;

// One segment, or an even number of about equal ones.
int64_t SegmentsOf(int64_t rows) {
  const int64_t segments = (rows + kSegmentRows - 1) / kSegmentRows;
  return segments == 1 ? 1 : (segments + 1) / 2 * 2;
}

}  // namespace

uint32_t TrellisShape::Window(uint32_t state, int t) const {
  uint32_t window = 0;
  for (int j = 0; j < window_bits; ++j) window |= (state >> (t + tables * j) & 1) << j;
  return window;
}

TrellisShape ShapeOf(const TrellisCodec& codec) {
  return {.bits = codec.bits(), .tables = codec.tables(), .window_bits = codec.window_bits()};
}

std::vector<float> StateValues(const TrellisCodec& codec, std::span<const uint8_t> entries) {
  const TrellisShape shape = ShapeOf(codec);
  std::vector<float> values(size_t{1} << shape.state_bits());
  for (uint32_t state = 0; state < values.size(); ++state) {
    int sum = 0;
    for (int t = 0; t < shape.tables; ++t) {
      sum += entries[static_cast<size_t>(t * kTrellisTableSize + shape.Window(state, t))];
    }
    values[state] = static_cast<float>(sum - kTrellisBias);
  }
  return values;
}

TrellisSearch::TrellisSearch(int bits, std::vector<float> values)
    : bits_(bits),
      state_bits_(std::countr_zero(values.size())),
      memory_rows_(kMemory * ((state_bits_ + bits - 1) / bits)),
      values_(std::move(values)) {
  CRUMB_CHECK(std::has_single_bit(values_.size()) && bits >= 1 && bits <= 4 &&
              state_bits_ >= bits + 7 && state_bits_ <= 16);
}

void TrellisSearch::FindColumn(std::span<const float> targets, std::span<const float> weights,
                               uint32_t start, ThreadPool& pool, std::span<uint32_t> states) {
  CRUMB_CHECK(weights.size() == targets.size() && states.size() == targets.size());
  const auto rows = static_cast<int64_t>(targets.size());
  const int64_t groups = int64_t{1} << (state_bits_ - bits_);
  const int64_t segments = SegmentsOf(rows);
  decisions_.resize(static_cast<size_t>(rows * groups));
  costs_.resize(static_cast<size_t>(pool.size()));
  std::atomic<int64_t> next = 0;
  const auto search = [&](int worker) {
    std::vector<float>& costs = costs_[static_cast<size_t>(worker)];
    costs.resize(static_cast<size_t>(2 * (groups + kTrellisCostPadding)));
    for (int64_t i = next++; i < segments; i = next++) {
      SearchSegment(targets, weights, start, rows * i / segments, rows * (i + 1) / segments, costs);
    }
  };
  // Waking the others would cost more than one segment gains.
  if (segments == 1) {
    search(0);
  } else {
    pool.Run(search);
  }
  // From the best state of the last row upwards: a decision names the oldest bits of a state, the
  // state itself the others of the one above.
  auto group = std::ranges::min_element(end_costs_) - end_costs_.begin();
  for (int64_t r = rows - 1; r >= 0; --r) {
    const uint8_t oldest = decisions_[static_cast<size_t>(r * groups + group)];
    const auto state = static_cast<uint32_t>(oldest * groups + group);
    states[static_cast<size_t>(r)] = state;
    group = state >> bits_;
  }
}

void TrellisSearch::SearchSegment(std::span<const float> targets, std::span<const float> weights,
                                  uint32_t start, int64_t begin, int64_t end,
                                  std::span<float> costs) {
  const TrellisStates trellis = {
      .bits = bits_, .state_bits = state_bits_, .values = values_.data()};
  const int64_t groups = trellis.groups();
  const int64_t first = std::max(begin - memory_rows_, int64_t{0});
  std::ranges::fill(costs, first == 0 ? kUnreachable : 0.0f);
  if (first == 0) costs[start & static_cast<uint32_t>(groups - 1)] = 0;
  TrellisForward(trellis, targets.data() + first, weights.data() + first, end - first,
                 begin - first, costs.data(), costs.data() + groups + kTrellisCostPadding,
                 decisions_.data() + begin * groups);
  if (end == static_cast<int64_t>(targets.size())) {
    end_costs_.assign(costs.begin(), costs.begin() + groups);
  }
}

}  // namespace crumb
