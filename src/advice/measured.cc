#include "advice/measured.h"

#include <algorithm>
#include <cctype>

#include "advice/csv_table.h"
#include "evidence/external_row.h"
#include "evidence/metrics.h"
#include "evidence/validity.h"

namespace crumb {
namespace {

constexpr std::string_view kReferenceSubject = "reference";

struct Kind {
  Quantity quantity;
  std::string_view metric;
  bool lower_is_better;
  bool over_reference;  // the claim is about the ratio to the reference
};
constexpr Kind kKinds[] = {
    {Quantity::kPerplexityRise, metric::kPerplexityRatio, true, false},
    {Quantity::kPerplexity, metric::kPerplexity, true, false},
    {Quantity::kPoints, kTaskChangeMetric, false, false},
    {Quantity::kSpeedup, metric::kGenerationSpeed, false, true},
    {Quantity::kSecondsPerToken, metric::kGenerationSpeed, false, false},
    {Quantity::kWeightBytes, metric::kWeightBytes, true, false},
    {Quantity::kMemoryInUse, metric::kPeakBytes, true, false},
    {Quantity::kEnergyPerToken, metric::kEnergyPerToken, true, false},
};

bool SameName(std::string_view a, std::string_view b) {
  const auto plain = [](std::string_view text) {
    std::string name;
    for (const char c : text.substr(0, text.find(".gguf"))) {
      if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
        name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      }
    }
    return name;
  };
  return !a.empty() && plain(a) == plain(b);
}

const Evidence* Newest(const std::vector<Evidence>& rows, std::string_view metric,
                       std::string_view subject) {
  const Evidence* newest = nullptr;
  for (const Evidence& row : rows) {
    if (row.metric != metric || row.subject != subject || IsSideRow(row) || IsExternal(row))
      continue;
    newest = SaysBusy(row) ? nullptr : &row;
  }
  return newest;
}

// Whether a row of a task is of the task that the claim names; other rows are of no task.
bool SameTask(const Claim& claim, const Evidence& row) {
  if (row.metric != kTaskChangeMetric) return true;
  return claim.task != nullptr &&
         SameName(claim.task->name, std::string_view(row.text).substr(0, row.text.find(':')));
}

// The row brought into the unit of the claim.
MeasuredHere Convert(const Claim& claim, const Evidence& row) {
  MeasuredHere here{row.id, 0, row.value, row.low, row.high, row.model, row.subject, false};
  if (claim.quantity == Quantity::kPoints) {
    here.value *= 100;
    if (here.low.has_value()) *here.low *= 100;
    if (here.high.has_value()) *here.high *= 100;
  }
  if (claim.quantity == Quantity::kPerplexityRise) {
    for (double* value : {&here.value, here.low.has_value() ? &*here.low : nullptr,
                          here.high.has_value() ? &*here.high : nullptr}) {
      if (value != nullptr) *value = 100 * (*value - 1);
    }
  }
  if (claim.quantity == Quantity::kSecondsPerToken) {
    here.value = 1 / row.value;
    here.low = row.high.has_value() ? std::optional(1 / *row.high) : std::nullopt;
    here.high = row.low.has_value() ? std::optional(1 / *row.low) : std::nullopt;
  }
  return here;
}

}  // namespace

bool IsSideRow(const Evidence& row) {
  for (const std::string_view mark : {"\"axis\"", "\"command\":\"eval\""}) {
    if (row.options.find(mark) != std::string::npos) return true;
  }
  return false;
}

double WidthOfSubject(std::string_view subject) {
  std::string_view block = subject.substr(0, subject.find('+'));
  if (block == kReferenceSubject || block.starts_with("mixed") || block.starts_with("rule"))
    return 0;
  if (block.find("ternary") != std::string_view::npos) return 1.58;
  if (block.starts_with("binary")) return 1;
  const size_t digits = block.find_last_not_of("0123456789");
  if (digits == std::string_view::npos) return 0;
  return ParseNumber(block.substr(digits + 1)).value_or(0);
}

std::optional<MeasuredHere> FindMeasured(const Claim& claim, const std::vector<Evidence>& rows) {
  const auto* kind =
      std::ranges::find_if(kKinds, [&](const Kind& k) { return k.quantity == claim.quantity; });
  if (kind == std::end(kKinds) || claim.bits == 0) return std::nullopt;
  const Evidence* best = nullptr;
  for (const Evidence& row : rows) {
    const bool full = claim.bits >= 16 && row.subject == kReferenceSubject;
    if (row.metric != kind->metric || IsSideRow(row) || IsExternal(row) || !SameTask(claim, row) ||
        (!full && WidthOfSubject(row.subject) != claim.bits)) {
      continue;
    }
    const bool better = best == nullptr || (row.value < best->value) == kind->lower_is_better;
    if (better) best = &row;
  }
  if (best == nullptr) return std::nullopt;
  const bool inverse = claim.quantity == Quantity::kSecondsPerToken;
  if (inverse && best->value <= 0) return std::nullopt;
  MeasuredHere here = Convert(claim, *best);
  if (kind->over_reference) {
    const Evidence* reference = Newest(rows, kind->metric, kReferenceSubject);
    if (reference == nullptr || reference->value == 0) return std::nullopt;
    here.reference = reference->id;
    here.value /= reference->value;
    if (here.low.has_value()) *here.low /= reference->value;
    if (here.high.has_value()) *here.high /= reference->value;
  }
  const std::string name = claim.model != nullptr ? claim.model->name : claim.row;
  here.same_model = SameName(best->model, name) || SameName(best->model, claim.row);
  return here;
}

}  // namespace crumb
