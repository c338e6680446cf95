// Bytes of weights against parameters and width.
#include <fmt/format.h>

#include <cmath>

#include "advice/rule.h"

namespace crumb {
namespace {

// Below this share of a usable file a claimed size is not that of one.
constexpr double kUsableShare = 0.8;
// What a group of weights needs beside its codes: one float16 scale for each 128.
constexpr double kScaleBits = 16.0 / 128;
constexpr double kFloatBytes = 2;  // of an embedding that is left as it is

std::string Mega(double bytes) { return fmt::format("{:.4g} MB", bytes / 1e6); }

Words CodesText(const Claim& claim, double parameters, double codes) {
  return {
      fmt::format("{:.4g} parameters x {:g} bits / 8 = {}, scales, norms and embeddings at more "
                  "bits not counted; claimed {}",
                  parameters, claim.low_bits, Mega(codes), Mega(claim.value)),
      fmt::format("{:.4g}个参数×{:g}位÷8={}，尚未计入缩放系数、归一化与更高位宽的嵌入；声称{}",
                  parameters, claim.low_bits, Mega(codes), Mega(claim.value))};
}

// Bytes with scales and with the embedding at 16 bits; 0 where its share is not known.
double UsableBytes(const Claim& claim, double parameters) {
  if (claim.model == nullptr || claim.bits >= 16) return 0;
  const double embedding = claim.model->Number("embedding_parameters").value_or(0);
  if (embedding <= 0 || embedding >= parameters) return 0;
  return (parameters - embedding) * (claim.bits + kScaleBits) / 8 + embedding * kFloatBytes;
}

}  // namespace

void RunSizeRule(const ClaimSet& set, Findings& findings) {
  for (const Claim& claim : set.claims()) {
    if (claim.quantity != Quantity::kWeightBytes || claim.bits == 0) continue;
    const double parameters = set.Parameters(claim);
    if (parameters <= 0) continue;
    const double codes = parameters * claim.low_bits / 8;
    Finding finding{&claim, "size", ClaimVerdict::kNotTestable, ">= " + Mega(codes),
                    CodesText(claim, parameters, codes)};
    const double usable = UsableBytes(claim, parameters);
    if (claim.value + claim.slack < codes) {
      finding.verdict = ClaimVerdict::kImpossible;
      const double bits = 8 * claim.value / parameters;
      finding.why.en += fmt::format(", which is {:.3g} bits for each parameter", bits);
      finding.why.zh += fmt::format("，即每个参数{:.3g}位", bits);
    } else if (usable > 0 && claim.value + claim.slack < kUsableShare * usable) {
      finding.verdict = ClaimVerdict::kContradicted;
      finding.bound = ">= " + Mega(usable);
      const double embedding = *claim.model->Number("embedding_parameters");
      finding.why.en += fmt::format(
          "; a file that works also has one float16 scale for 128 weights and the embedding and "
          "head "
          "({:.3g} parameters: {}) at 16 bits: {}",
          embedding, claim.model->Source("embedding_parameters"), Mega(usable));
      finding.why.zh += fmt::format(
          "；可用的文件还要每128个权重一个16位缩放系数，以及16位的嵌入与输出层（{:.3g}个参数）：共{"
          "}",
          embedding, Mega(usable));
    } else if (claim.low_bits == claim.bits &&
               std::abs(claim.value - codes) <= claim.slack + 0.01 * codes) {
      finding.verdict = ClaimVerdict::kConfirmed;
    }
    findings.push_back(std::move(finding));
  }
}

void RunMixtureRule(const ClaimSet& set, Findings& findings) {
  for (const Claim& claim : set.claims()) {
    if (claim.quantity != Quantity::kWeightBytes || claim.low_bits == claim.bits) continue;
    const double parameters = set.Parameters(claim);
    if (parameters <= 0) continue;
    const double high = parameters * claim.bits / 8;
    const double bits = 8 * claim.value / parameters;
    Finding finding{&claim, "mixture", ClaimVerdict::kNotTestable, "< " + Mega(high), {}};
    // At the size of the higher width alone, the lower one has saved nothing.
    if (claim.value >= high * (1 - 1e-9)) finding.verdict = ClaimVerdict::kContradicted;
    finding.why = {
        fmt::format(
            "{:.4g} parameters at {:g} bits alone are {}; with a share at {:g} bits it must be "
            "less, but {} are {:.3g} bits for each parameter",
            parameters, claim.bits, Mega(high), claim.low_bits, Mega(claim.value), bits),
        fmt::format(
            "{:.4g}个参数全用{:g}位就是{}；其中一部分用{:g}位应当更小，而{}相当于每个参数{:.3g}位",
            parameters, claim.bits, Mega(high), claim.low_bits, Mega(claim.value), bits)};
    findings.push_back(std::move(finding));
  }
}

void RunReductionRule(const ClaimSet& set, Findings& findings) {
  for (const Claim& claim : set.claims()) {
    if (claim.quantity != Quantity::kMemoryReduction || claim.bits == 0) continue;
    const double from32 = 100 * (1 - claim.bits / 32);
    const double from16 = 100 * (1 - claim.bits / 16);
    const double slack = claim.slack + 0.1;
    const bool is32 = std::abs(claim.value - from32) <= slack;
    const bool is16 = std::abs(claim.value - from16) <= slack;
    findings.push_back(
        {&claim,
         "reduction",
         is32 || is16 ? ClaimVerdict::kConfirmed : ClaimVerdict::kContradicted,
         fmt::format("{:.4g}% or {:.4g}%", from16, from32),
         {fmt::format(
              "{} takes {:.4g} % less than FP16 and {:.4g} % less than FP32; claimed {:g} %",
              WidthName(claim.bits), from16, from32, claim.value),
          fmt::format("{}比FP16少{:.4g}%，比FP32少{:.4g}%；声称{:g}%", WidthName(claim.bits),
                      from16, from32, claim.value)}});
  }
}

}  // namespace crumb
