#include "advice/claim_units.h"

#include <algorithm>
#include <string_view>

namespace crumb {
namespace {

struct UnitRow {
  std::string_view unit;
  Quantity quantity;
  double size;  // of one unit in the unit of the quantity
};

constexpr double kHour = 3600;
constexpr double kMillion = 1e6;

constexpr UnitRow kUnits[] = {
    {"M params", Quantity::kParameters, 1e6},
    {"B params", Quantity::kParameters, 1e9},
    {"M?", Quantity::kParameters, 1e6},
    {"kB", Quantity::kWeightBytes, 1e3},
    {"MB", Quantity::kWeightBytes, 1e6},
    {"GB", Quantity::kWeightBytes, 1e9},
    {"MB in use", Quantity::kMemoryInUse, 1e6},
    {"GB in use", Quantity::kMemoryInUse, 1e9},
    {"ms", Quantity::kSeconds, 1e-3},
    {"s", Quantity::kSeconds, 1},
    {"ms per token", Quantity::kSecondsPerToken, 1e-3},
    {"s per 100 tokens", Quantity::kSecondsPerToken, 1e-2},
    {"x", Quantity::kSpeedup, 1},
    {"x speed-up", Quantity::kSpeedup, 1},
    {"req/s", Quantity::kThroughput, 1},
    {"requests", Quantity::kBatch, 1},
    {"GPUs", Quantity::kMachines, 1},
    {"A100 GPUs", Quantity::kMachines, 1},
    {"cards", Quantity::kCards, 1},
    {"USD/month", Quantity::kMonthlyCost, 1},
    {"USD/yr", Quantity::kYearlySaving, 1},
    {"USD/year saved", Quantity::kYearlySaving, 1},
    {"kWh per 1M tokens", Quantity::kEnergyPerToken, 1e3 * kHour / kMillion},
    {"Wh per 1M tokens", Quantity::kEnergyPerToken, kHour / kMillion},
    {"J per token", Quantity::kEnergyPerToken, 1},
    {"perplexity", Quantity::kPerplexity, 1},
    {"% top-1", Quantity::kScore, 1},
    {"GLUE points", Quantity::kScore, 1},
    {"% accuracy", Quantity::kScore, 1},
    {"% mAP", Quantity::kScore, 1},
    {"% F1", Quantity::kScore, 1},
    {"% WER", Quantity::kScore, 1},
    {"% won", Quantity::kScore, 1},
    {"% mIoU", Quantity::kScore, 1},
    {"AUC", Quantity::kScore, 1},
    {"BLEU", Quantity::kScore, 1},
    {"% change", Quantity::kPoints, 1},
    {"points change", Quantity::kPoints, 1},
    {"pp", Quantity::kPoints, 1},
    {"points", Quantity::kPoints, 1},
    {"BLEU points", Quantity::kPoints, 1},
    {"ROUGE points", Quantity::kPoints, 1},
    {"F1 points", Quantity::kPoints, 1},
    {"BLEU points change", Quantity::kPoints, 1},
    {"ROUGE points change", Quantity::kPoints, 1},
    {"F1 points change", Quantity::kPoints, 1},
    {"% reduction", Quantity::kReduction, 1},
    {"% less", Quantity::kReduction, 1},
    {"% fewer GPUs", Quantity::kReduction, 1},
    {"% less memory", Quantity::kMemoryReduction, 1},
    {"% less loss per 10x", Quantity::kScaleLaw, 1},
};

bool Has(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(
      words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

}  // namespace

void ApplyUnit(Claim& claim) {
  std::string_view unit = claim.unit;
  unit = unit.substr(0, unit.find(" ("));
  // "x vs FP32", "% less than FP16": what it is relative to stands behind.
  for (const std::string_view link : {" vs ", " than "}) {
    const size_t at = unit.find(link);
    if (at == std::string_view::npos) continue;
    claim.base_bits = WidthsIn(unit.substr(at)).high;
    unit = unit.substr(0, at);
  }
  const bool relative = claim.base_bits > 0;
  Quantity quantity = Quantity::kOther;
  double size = 1;
  const auto* found =
      std::ranges::find_if(kUnits, [&](const UnitRow& row) { return row.unit == unit; });
  if (found != std::end(kUnits)) {
    quantity = found->quantity;
    size = found->size;
  }
  if (relative && unit == "AUC") quantity = Quantity::kPoints;
  if (relative && unit == "%") {
    quantity =
        Has(claim.table, {"PPL", "perplexity"}) ? Quantity::kPerplexityRise : Quantity::kPoints;
  }
  // A unit of two meanings: table and column decide.
  if (quantity == Quantity::kWeightBytes && Has(claim.table, {"memory", "内存"})) {
    quantity = Quantity::kMemoryInUse;
  }
  if (quantity == Quantity::kSeconds && Has(claim.column, {"P99"}))
    quantity = Quantity::kLatencyP99;
  if ((unit == "kWh" || unit == "Wh") && Has(claim.table, {"1M tokens", "million tokens"})) {
    quantity = Quantity::kEnergyPerToken;
    size = unit == "kWh" ? 1e3 * kHour / kMillion : kHour / kMillion;
  }
  if (unit == "%" && Has(claim.column, {"节省", "saving"})) quantity = Quantity::kReduction;
  if (unit == "x" && !relative) {
    if (Has(claim.column, {"理论加速", "theoretical"})) {
      claim.base_bits = 32;  // such tables are relative to FP32
    } else {
      quantity = Quantity::kOther;
    }
  }
  claim.quantity = quantity;
  claim.value *= size;
  claim.high *= size;
  claim.slack *= size;
}

}  // namespace crumb
