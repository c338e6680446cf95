#include "quant/allocate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace crumb {
namespace {

struct Option {
  int64_t bytes;
  double loss;
  int index;  // in the caller's list
};
using Item = std::vector<Option>;  // bytes rising, loss falling

// Several prices a byte: each gives a lower bound on what a partial assignment can still reach, and
// those away from the best price tell on assignments that spent far too little or too much.
constexpr std::array kPriceFactors = {1.0, 0.25, 0.5, 0.8, 0.9, 0.97, 1.03, 1.1, 1.25, 2.0, 4.0};
using Prices = std::array<double, kPriceFactors.size()>;

Status CheckOptions(std::span<const std::vector<WidthOption>> items) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].empty()) return InvalidArgument(fmt::format("item {} has no options", i));
    for (const WidthOption& o : items[i]) {
      if (o.bytes < 0 || o.bytes > (int64_t{1} << 50) || !std::isfinite(o.loss) || o.loss < 0) {
        return InvalidArgument(fmt::format(
            "item {}: an option of {} bytes with loss {}; both must be finite and not negative", i,
            o.bytes, o.loss));
      }
    }
  }
  return OkStatus();
}

// Without the options that have no fewer bytes and no less loss than another one.
Item WithoutDominated(const std::vector<WidthOption>& options) {
  Item sorted;
  for (size_t o = 0; o < options.size(); ++o) {
    sorted.push_back({options[o].bytes, options[o].loss, static_cast<int>(o)});
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const Option& a, const Option& b) {
    return a.bytes != b.bytes ? a.bytes < b.bytes : a.loss < b.loss;
  });
  Item kept;
  for (const Option& o : sorted) {
    if (kept.empty() || o.loss < kept.back().loss) kept.push_back(o);
  }
  return kept;
}

// A step from one option to a larger one on the lower convex hull of an item.
struct Step {
  size_t item;
  size_t option;  // to this one
  int64_t bytes;  // more
  double saving;  // loss saved by each of them
};

std::vector<Step> StepsByGain(const std::vector<Item>& items) {
  std::vector<Step> steps;
  for (size_t i = 0; i < items.size(); ++i) {
    const Item& item = items[i];
    for (size_t at = 0; at + 1 < item.size();) {
      Step best = {i, 0, 0, -1};
      for (size_t o = at + 1; o < item.size(); ++o) {
        const int64_t bytes = item[o].bytes - item[at].bytes;
        const double saving = (item[at].loss - item[o].loss) / static_cast<double>(bytes);
        if (saving >= best.saving) best = {i, o, bytes, saving};
      }
      steps.push_back(best);
      at = best.option;
    }
  }
  // Along one hull the savings fall, up to rounding; stable: its order stays.
  std::stable_sort(steps.begin(), steps.end(),
                   [](const Step& a, const Step& b) { return a.saving > b.saving; });
  return steps;
}

struct Relaxed {
  std::vector<size_t> choice;  // a feasible assignment: all steps before the one that does not fit
  double price = 0;            // loss that one more byte saves; 0: everything fits
};

Relaxed SolveRelaxed(const std::vector<Item>& items, int64_t spare) {
  Relaxed relaxed;
  relaxed.choice.resize(items.size(), 0);
  for (const Step& step : StepsByGain(items)) {
    if (step.bytes > spare) {
      relaxed.price = step.saving;
      break;
    }
    spare -= step.bytes;
    relaxed.choice[step.item] = std::max(relaxed.choice[step.item], step.option);
  }
  return relaxed;
}

double LeastPriced(const Item& item, double price) {
  double least = std::numeric_limits<double>::infinity();
  for (const Option& o : item)
    least = std::min(least, o.loss + price * static_cast<double>(o.bytes));
  return least;
}

// A partial assignment: options of the items so far.
struct State {
  int64_t bytes;
  double loss;
  int32_t parent;
  int32_t option;
};

class Search {
 public:
  Search(const std::vector<Item>& items, int64_t budget, double price)
      : items_(items), budget_(budget), order_(items.size()) {
    for (size_t p = 0; p < prices_.size(); ++p) prices_[p] = price * kPriceFactors[p];
    std::iota(order_.begin(), order_.end(), 0);
    // Items whose second choice costs least are the open questions: they come first, so that the
    // bounds of the others are tight while there are few states.
    std::vector<double> regret;
    for (const Item& item : items_) regret.push_back(Regret(item, price));
    std::stable_sort(order_.begin(), order_.end(),
                     [&](size_t a, size_t b) { return regret[a] < regret[b]; });
    SumRests();
  }

  // A better assignment than one of loss `best`, which is then lowered; empty: none was found.
  // `complete`: nothing was given up, so that none was found means that there is none.
  std::vector<size_t> Improve(size_t max_states, double& best, bool& complete) const {
    std::vector<std::vector<State>> levels = {{{0, 0, -1, -1}}};
    complete = true;
    for (size_t level = 0; level < order_.size(); ++level) {
      std::vector<State> next = Extend(levels.back(), level, best);
      if (next.size() > max_states) {
        complete = false;
        KeepBestBounds(next, level + 1, max_states);
      }
      levels.push_back(std::move(next));
    }
    if (levels.back().empty()) return {};
    // Along the list loss falls: the last state is the best.
    best = levels.back().back().loss;
    std::vector<size_t> choice(order_.size());
    size_t at = levels.back().size() - 1;
    for (size_t level = order_.size(); level > 0; --level) {
      const State& state = levels[level][at];
      choice[order_[level - 1]] = static_cast<size_t>(state.option);
      at = static_cast<size_t>(state.parent);
    }
    return choice;
  }

 private:
  static double Regret(const Item& item, double price) {
    double least = std::numeric_limits<double>::infinity();
    double second = least;
    for (const Option& o : item) {
      const double priced = o.loss + price * static_cast<double>(o.bytes);
      second = std::min(second, std::max(least, priced));
      least = std::min(least, priced);
    }
    return second - least;
  }

  void SumRests() {
    rest_priced_.assign(order_.size() + 1, Prices{});
    rest_bytes_.assign(order_.size() + 1, 0);
    for (size_t level = order_.size(); level > 0; --level) {
      const Item& item = items_[order_[level - 1]];
      rest_bytes_[level - 1] = rest_bytes_[level] + item.front().bytes;
      for (size_t p = 0; p < prices_.size(); ++p) {
        rest_priced_[level - 1][p] = rest_priced_[level][p] + LeastPriced(item, prices_[p]);
      }
    }
  }

  // No completion of a state that has decided `level` items has less loss.
  double Bound(const State& state, size_t level) const {
    const double over = static_cast<double>(state.bytes - budget_);
    double bound = 0;
    for (size_t p = 0; p < prices_.size(); ++p) {
      bound = std::max(bound, state.loss + prices_[p] * over + rest_priced_[level][p]);
    }
    return bound;
  }

  // All states of the next level that may become better than `best`; bytes rise, loss falls.
  std::vector<State> Extend(const std::vector<State>& states, size_t level, double best) const {
    const Item& item = items_[order_[level]];
    // Sums in another order differ by rounding; what is not better by more than that is not better.
    const double worth = best * (1 - 1e-12);
    std::vector<State> merged, run, both;
    const auto before = [](const State& a, const State& b) {
      return a.bytes != b.bytes ? a.bytes < b.bytes : a.loss < b.loss;
    };
    for (size_t o = 0; o < item.size(); ++o) {
      run.clear();
      for (size_t s = 0; s < states.size(); ++s) {
        const State state = {states[s].bytes + item[o].bytes, states[s].loss + item[o].loss,
                             static_cast<int32_t>(s), static_cast<int32_t>(o)};
        if (state.bytes + rest_bytes_[level + 1] > budget_) break;
        if (Bound(state, level + 1) < worth) run.push_back(state);
      }
      both.resize(merged.size() + run.size());
      std::merge(merged.begin(), merged.end(), run.begin(), run.end(), both.begin(), before);
      merged.clear();
      for (const State& state : both) {
        if (merged.empty() || state.loss < merged.back().loss) merged.push_back(state);
      }
    }
    return merged;
  }

  void KeepBestBounds(std::vector<State>& states, size_t level, size_t count) const {
    std::vector<std::pair<double, size_t>> ranked;
    for (size_t s = 0; s < states.size(); ++s) ranked.push_back({Bound(states[s], level), s});
    std::nth_element(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(count),
                     ranked.end());
    const auto limit = ranked[count];
    size_t kept = 0;
    for (size_t s = 0; s < states.size(); ++s) {
      if (std::pair{Bound(states[s], level), s} < limit) states[kept++] = states[s];
    }
    states.resize(kept);
  }

  const std::vector<Item>& items_;
  const int64_t budget_;
  Prices prices_;
  std::vector<size_t> order_;        // level -> item
  std::vector<Prices> rest_priced_;  // [level]: least priced options of the items from there on
  std::vector<int64_t> rest_bytes_;  // and their least bytes
};

double LossOf(const std::vector<Item>& items, const std::vector<size_t>& choice) {
  double loss = 0;
  for (size_t i = 0; i < items.size(); ++i) loss += items[i][choice[i]].loss;
  return loss;
}

}  // namespace

Result<Allocation> Allocate(std::span<const std::vector<WidthOption>> list, int64_t budget_bytes,
                            int64_t max_states) {
  CRUMB_RETURN_IF_ERROR(CheckOptions(list));
  std::vector<Item> items;
  int64_t least_bytes = 0;
  for (const std::vector<WidthOption>& options : list) {
    items.push_back(WithoutDominated(options));
    least_bytes += items.back().front().bytes;
  }
  if (least_bytes > budget_bytes) {
    return InvalidArgument(
        fmt::format("a budget of {} bytes is not possible; it takes at least {} "
                    "bytes",
                    budget_bytes, least_bytes));
  }

  const Relaxed relaxed = SolveRelaxed(items, budget_bytes - least_bytes);
  std::vector<size_t> choice = relaxed.choice;
  double loss = LossOf(items, choice);
  Allocation result;
  result.optimal = true;
  if (relaxed.price > 0) {
    const Search search(items, budget_bytes, relaxed.price);
    // A quick narrow search first: a good assignment makes the bounds of the full one tell.
    for (const int64_t states : {std::min<int64_t>(512, max_states), max_states}) {
      std::vector<size_t> better =
          search.Improve(static_cast<size_t>(states), loss, result.optimal);
      if (!better.empty()) choice = std::move(better);
      if (result.optimal) break;
    }
    result.bound = -relaxed.price * static_cast<double>(budget_bytes);
    for (const Item& item : items) result.bound += LeastPriced(item, relaxed.price);
  }
  result.loss = LossOf(items, choice);
  result.bound = relaxed.price > 0 ? std::clamp(result.bound, 0.0, result.loss) : result.loss;
  for (size_t i = 0; i < items.size(); ++i) {
    const Option& option = items[i][choice[i]];
    result.choice.push_back(option.index);
    result.bytes += option.bytes;
  }
  return result;
}

}  // namespace crumb
