#include "quant/mixed_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/json.h"

namespace crumb {
namespace {

bool IsTable(MatrixRole role) {
  return role == MatrixRole::kEmbedding || role == MatrixRole::kHead;
}

bool IsAttention(MatrixRole role) {
  return role == MatrixRole::kQuery || role == MatrixRole::kKey || role == MatrixRole::kValue ||
         role == MatrixRole::kOutput;
}

std::string NameOf(const MatrixChoice& choice) {
  return fmt::format("{} by {}", choice.codec, choice.method);
}

// The options that a plan may choose from: some matrices may be bound to one candidate.
class Problem {
 public:
  Problem(const OptionTable& table, const MixedPlanOptions& options)
      : table_(table), options_(options), bound_(table.matrices.size(), -1) {
    for (const MatrixOptions& m : table.matrices) {
      if (!IsTable(m.role)) block_weights_ += m.weights;
    }
  }

  Status Check() {
    const double budget = options_.budget;
    if (!std::isfinite(budget) || budget <= 0) {
      return InvalidArgument(fmt::format("a budget of {} is not possible", budget));
    }
    if (options_.kind == BudgetKind::kMaxPplRatio && budget < 1) {
      return InvalidArgument(
          fmt::format("a perplexity ratio of {} is below that of the float model, 1", budget));
    }
    if (!std::isfinite(options_.loss_scale) || options_.loss_scale <= 0) {
      return InvalidArgument(
          fmt::format("a loss scale of {} is not possible", options_.loss_scale));
    }
    if (options_.kind != BudgetKind::kMatrixBits) return OkStatus();
    const auto found = std::ranges::find(table_.candidates, options_.embedding);
    if (found == table_.candidates.end()) {
      return InvalidArgument(fmt::format(
          "{}, wanted for the embedding, is not among the candidates", NameOf(options_.embedding)));
    }
    const int choice = static_cast<int>(found - table_.candidates.begin());
    for (size_t i = 0; i < bound_.size(); ++i) {
      if (IsTable(table_.matrices[i].role)) bound_[i] = choice;
    }
    return OkStatus();
  }

  // Matrices that the rule of thumb keeps high, unless they are bound already.
  void BindByRule(int candidate) {
    int last = 0;
    for (const MatrixOptions& m : table_.matrices) last = std::max(last, m.layer);
    for (size_t i = 0; i < bound_.size(); ++i) {
      const MatrixOptions& m = table_.matrices[i];
      const bool fixed = options_.kind == BudgetKind::kMatrixBits && IsTable(m.role);
      if (fixed) continue;
      const bool high = IsTable(m.role) || IsAttention(m.role) || m.layer == 0 || m.layer == last;
      bound_[i] = high ? candidate : -1;
    }
  }

  Result<MixedPlan> Solve() const {
    std::vector<std::vector<WidthOption>> items;
    for (size_t i = 0; i < bound_.size(); ++i) items.push_back(Options(i));
    if (options_.kind == BudgetKind::kMaxPplRatio) return SolveForLoss(items);
    const Result<Allocation> allocation = Allocate(items, MatrixBudget());
    if (!allocation.ok()) return Impossible(items);
    return MakePlan(*allocation);
  }

 private:
  std::vector<WidthOption> Options(size_t i) const {
    const std::vector<WidthOption>& all = table_.matrices[i].options;
    if (bound_[i] < 0) return all;
    return {all[static_cast<size_t>(bound_[i])]};
  }

  // Bytes for all matrices. With kMatrixBits the bound tables are added to both sides.
  int64_t MatrixBudget() const {
    switch (options_.kind) {
      case BudgetKind::kMatrixBits:
        return TableBytes() + Floor(options_.budget * static_cast<double>(block_weights_) / 8);
      case BudgetKind::kTotalBits:
        return Floor(options_.budget * static_cast<double>(table_.parameters) / 8) -
               table_.other_bytes;
      case BudgetKind::kBytes:
      case BudgetKind::kMaxPplRatio:
        break;
    }
    return Floor(options_.budget) - table_.other_bytes;
  }

  static int64_t Floor(double bytes) { return static_cast<int64_t>(std::min(bytes, 1e15)); }

  int64_t TableBytes() const {
    int64_t bytes = 0;
    for (size_t i = 0; i < bound_.size(); ++i) {
      if (IsTable(table_.matrices[i].role)) bytes += Options(i).front().bytes;
    }
    return bytes;
  }

  // What the least budget would be, in the unit of the user's.
  Status Impossible(const std::vector<std::vector<WidthOption>>& items) const {
    int64_t least = 0;
    for (const auto& options : items) {
      int64_t bytes = std::numeric_limits<int64_t>::max();
      for (const WidthOption& o : options) bytes = std::min(bytes, o.bytes);
      least += bytes;
    }
    // Rounded up, so that the figure in the message is one that works.
    const auto bits = [](int64_t bytes, int64_t weights) {
      return std::ceil(8e4 * static_cast<double>(bytes) / static_cast<double>(weights)) / 1e4;
    };
    switch (options_.kind) {
      case BudgetKind::kMatrixBits:
        return InvalidArgument(fmt::format(
            "{} bits a weight are not possible: with these candidates it takes at least {} bits",
            options_.budget, bits(least - TableBytes(), block_weights_)));
      case BudgetKind::kTotalBits:
        return InvalidArgument(fmt::format(
            "{} bits a parameter are not possible: with these candidates it takes at least {} bits",
            options_.budget, bits(least + table_.other_bytes, table_.parameters)));
      case BudgetKind::kBytes:
      case BudgetKind::kMaxPplRatio:
        break;
    }
    return InvalidArgument(fmt::format(
        "{:.0f} bytes are not possible: with these candidates it takes at least {} bytes",
        options_.budget, least + table_.other_bytes));
  }

  // The fewest bytes whose least loss is small enough: the least loss falls with the bytes.
  Result<MixedPlan> SolveForLoss(const std::vector<std::vector<WidthOption>>& items) const {
    const double wanted = std::log(options_.budget) / options_.loss_scale;
    int64_t low = 0;   // possible, but perhaps with too much loss
    int64_t high = 0;  // enough for the best of everything
    double best = 0;
    for (const auto& options : items) {
      const auto by_bytes = [](const auto& a, const auto& b) { return a.bytes < b.bytes; };
      low += std::ranges::min_element(options, by_bytes)->bytes;
      high += std::ranges::max_element(options, by_bytes)->bytes;
      best += std::ranges::min_element(options, {}, &WidthOption::loss)->loss;
    }
    if (best > wanted) {
      return InvalidArgument(fmt::format(
          "a perplexity ratio of {} is not possible: with these candidates the least "
          "that is predicted is {:.5f}",
          options_.budget, std::ceil(1e5 * std::exp(best * options_.loss_scale)) / 1e5));
    }
    while (low < high) {
      const int64_t middle = low + (high - low) / 2;
      CRUMB_ASSIGN_OR_RETURN(const Allocation allocation, Allocate(items, middle));
      if (allocation.loss <= wanted) {
        high = allocation.bytes < middle ? allocation.bytes : middle;
      } else {
        low = middle + 1;
      }
      if (high < low) low = high;
    }
    CRUMB_ASSIGN_OR_RETURN(const Allocation allocation, Allocate(items, high));
    return MakePlan(allocation);
  }

  MixedPlan MakePlan(const Allocation& allocation) const {
    MixedPlan result;
    int64_t block_bytes = 0;
    result.bytes = table_.other_bytes;
    for (size_t i = 0; i < bound_.size(); ++i) {
      const MatrixOptions& m = table_.matrices[i];
      const int chosen = bound_[i] >= 0 ? bound_[i] : allocation.choice[i];
      const auto at = static_cast<size_t>(chosen);
      const WidthOption& option = m.options[at];
      result.matrices.push_back({m.name, m.role, m.layer, m.weights, table_.candidates[at],
                                 option.bytes, option.loss * options_.loss_scale});
      result.bytes += option.bytes;
      if (!IsTable(m.role)) block_bytes += option.bytes;
    }
    const auto bits = [](int64_t bytes, int64_t weights) {
      return weights > 0 ? 8.0 * static_cast<double>(bytes) / static_cast<double>(weights) : 0;
    };
    result.matrix_bits = bits(block_bytes, block_weights_);
    result.total_bits = bits(result.bytes, table_.parameters);
    result.predicted_loss = allocation.loss * options_.loss_scale;
    result.predicted_ppl_ratio = std::exp(result.predicted_loss);
    result.loss_bound = allocation.bound * options_.loss_scale;
    result.optimal = allocation.optimal;
    result.plan = PlanOf(result);
    return result;
  }

  // The choice with most weights is the rule, the others are exceptions.
  QuantizePlan PlanOf(const MixedPlan& mixed) const {
    QuantizePlan plan;
    plan.block = MostCommon(mixed, false);
    plan.embedding = MostCommon(mixed, true);
    const std::string uniform = VariantName(plan);
    for (const PlannedMatrix& m : mixed.matrices) {
      if (m.choice != (IsTable(m.role) ? plan.embedding : plan.block)) {
        plan.exceptions[m.name] = m.choice;
      }
    }
    if (!plan.exceptions.empty()) {
      plan.mixed_name =
          fmt::format("mixed-{:.2f}{}", mixed.matrix_bits, uniform.substr(uniform.find('+')));
    }
    return plan;
  }

  MatrixChoice MostCommon(const MixedPlan& mixed, bool tables) const {
    int64_t most = -1;
    MatrixChoice common;
    for (const MatrixChoice& candidate : table_.candidates) {
      int64_t weights = 0;
      for (const PlannedMatrix& m : mixed.matrices) {
        if (IsTable(m.role) == tables && m.choice == candidate) weights += m.weights;
      }
      if (weights > most) {
        most = weights;
        common = candidate;
      }
    }
    return common;
  }

  const OptionTable& table_;
  const MixedPlanOptions& options_;
  std::vector<int> bound_;  // candidate of each matrix, -1: free
  int64_t block_weights_ = 0;
};

struct HighWidth {
  int candidate;
  double bits;  // a weight, over the whole model
};

// Candidates from wide to narrow; those above 8 bits and their scales are left out.
std::vector<HighWidth> HighWidths(const OptionTable& table) {
  std::vector<HighWidth> widths;
  for (size_t c = 0; c < table.candidates.size(); ++c) {
    double bytes = 0;
    double weights = 0;
    for (const MatrixOptions& m : table.matrices) {
      bytes += static_cast<double>(m.options[c].bytes);
      weights += static_cast<double>(m.weights);
    }
    const double bits = weights > 0 ? 8 * bytes / weights : 0;
    if (bits <= 9) widths.push_back({static_cast<int>(c), bits});
  }
  std::ranges::stable_sort(widths, [](const auto& a, const auto& b) { return a.bits > b.bits; });
  return widths;
}

}  // namespace

Result<MixedPlan> MakeMixedPlan(const OptionTable& table, const MixedPlanOptions& options) {
  Problem problem(table, options);
  CRUMB_RETURN_IF_ERROR(problem.Check());
  return problem.Solve();
}

Result<MixedPlan> MakeRuleOfThumbPlan(const OptionTable& table, const MixedPlanOptions& options) {
  Problem problem(table, options);
  CRUMB_RETURN_IF_ERROR(problem.Check());
  const bool fewest_bytes = options.kind == BudgetKind::kMaxPplRatio;
  Result<MixedPlan> best =
      InvalidArgument("no candidate has at most 8 bits, so that there is no rule of thumb");
  for (const HighWidth& width : HighWidths(table)) {
    // Below about 4 bits it is the rule no more; then only what is as near to it as can be had.
    if (best.ok() && width.bits < 3.9) break;
    problem.BindByRule(width.candidate);
    Result<MixedPlan> plan = problem.Solve();
    if (best.ok() && !plan.ok()) continue;
    const bool better =
        best.ok() && plan.ok() &&
        (fewest_bytes ? plan->bytes < best->bytes : plan->predicted_loss < best->predicted_loss);
    if (!best.ok() || better) best = std::move(plan);
  }
  return best;
}

Json MixedPlanJson(const MixedPlan& plan) {
  Json json = {{"variant", VariantName(plan.plan)},
               {"bytes", plan.bytes},
               {"matrix_bits_per_weight", plan.matrix_bits},
               {"total_bits_per_weight", plan.total_bits},
               {"predicted_loss_nats", plan.predicted_loss},
               {"predicted_ppl_ratio", plan.predicted_ppl_ratio},
               {"loss_bound_nats", plan.loss_bound},
               {"optimal", plan.optimal}};
  json["matrices"] = Json::array();
  for (const PlannedMatrix& m : plan.matrices) {
    json["matrices"].push_back({{"name", m.name},
                                {"method", m.choice.method},
                                {"codec", m.choice.codec},
                                {"bits_per_weight", m.bits()},
                                {"predicted_loss_nats", m.loss}});
  }
  return json;
}

}  // namespace crumb
