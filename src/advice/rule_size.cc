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

Words CodesText(const Claim& claim, double parameters, double codes) {
  return {
      fmt::format("{:.4g} parameters x {} / 8 = {}, scales, norms and embeddings at more "
                  "bits not counted; claimed {}",
                  parameters, BitsText(claim.low_bits), MegaBytes(codes), MegaBytes(claim.value)),
      fmt::format("{:.4g}个参数×{:g}位÷8={}，尚未计入缩放系数、归一化与更高位宽的嵌入；声称{}",
                  parameters, claim.low_bits, MegaBytes(codes), MegaBytes(claim.value))};
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
    Finding finding{&claim, "size", ClaimVerdict::kNotTestable, ">= " + MegaBytes(codes),
                    CodesText(claim, parameters, codes)};
    const double usable = UsableBytes(claim, parameters);
    if (claim.value + claim.slack < codes) {
      finding.verdict = ClaimVerdict::kImpossible;
      const double bits = 8 * claim.value / parameters;
      finding.why.en += fmt::format(", which is {:.3g} bits for each parameter", bits);
      finding.why.zh += fmt::format("，即每个参数{:.3g}位", bits);
    } else if (usable > 0 && claim.value + claim.slack < kUsableShare * usable) {
      finding.verdict = ClaimVerdict::kContradicted;
      finding.bound = ">= " + MegaBytes(usable);
      const double embedding = *claim.model->Number("embedding_parameters");
      finding.why.en += fmt::format(
          "; a file that works also has one float16 scale for 128 weights and the embedding and "
          "head "
          "({:.3g} parameters: {}) at 16 bits: {}",
          embedding, claim.model->Source("embedding_parameters"), MegaBytes(usable));
      finding.why.zh += fmt::format(
          "；可用的文件还要每128个权重一个16位缩放系数，以及16位的嵌入与输出层（{:.3g}个参数）：共{"
          "}",
          embedding, MegaBytes(usable));
    } else if (claim.low_bits == claim.bits &&
               std::abs(claim.value - codes) <= claim.slack + 0.01 * codes) {
      finding.verdict = ClaimVerdict::kConfirmed;
    }
    findings.push_back(std::move(finding));
  }
}

}  // namespace crumb
