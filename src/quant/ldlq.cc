#include "quant/ldlq.h"

#include <fmt/format.h>

#include "quant/clip.h"
#include "quant/gptq.h"
#include "quant/ldlq_refine.h"
#include "quant/weight_faults.h"

namespace crumb {
namespace {

class Ldlq final : public Quantizer {
 public:
  std::string_view name() const override { return "ldlq"; }
  int version() const override { return 1; }
  bool needs_moments() const override { return true; }
  bool Supports(const Codec& codec) const override { return HasLevels(codec); }

  Result<PackedMatrix> Quantize(const QuantizeInput& input, const Codec& codec,
                                ThreadPool& pool) const override {
    return LdlqQuantize(name(), input, codec, pool);
  }
};

}  // namespace

Result<GroupRows> LdlqRows(const QuantizeInput& input, const Codec& codec,
                           std::span<const float> values, ThreadPool& pool) {
  CRUMB_ASSIGN_OR_RETURN(GroupRows rows, GptqRows(input, codec, values, pool));
  RefineRows(values, *input.moments, rows, pool);
  return rows;
}

Result<PackedMatrix> LdlqQuantize(std::string_view method, const QuantizeInput& input,
                                  const Codec& codec, ThreadPool& pool) {
  if (!HasLevels(codec)) {
    return Unsupported(fmt::format("method {} can not make {}", method, codec.name()));
  }
  CRUMB_RETURN_IF_ERROR(CheckMoments(method, input));
  CRUMB_ASSIGN_OR_RETURN(const std::vector<float> values,
                         DecodeFiniteWeights(*input.weights, codec, pool));
  CRUMB_ASSIGN_OR_RETURN(const GroupRows rows, LdlqRows(input, codec, values, pool));
  return rows.Pack(codec);
}

const Quantizer* LdlqQuantizer() {
  static const Ldlq ldlq;
  return &ldlq;
}

}  // namespace crumb
