#include "quant/quantize_by_awq.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "codecs/codec.h"
#include "quant/awq.h"
#include "quant/quantizer.h"

namespace crumb {

Status QuantizeByAwq(const Model& model, const QuantizeModelOptions& options,
                     const PartialBlocks& partial, FolderOutput& output, MatrixCounter& counter,
                     ThreadPool& pool) {
  const std::string path = JoinPath(partial.folder(), "calibration");
  if (!PathExists(path)) {
    CRUMB_RETURN_IF_ERROR(Calibrate(model, *options.calibration, path, {}, pool, nullptr));
  }
  CRUMB_ASSIGN_OR_RETURN(const auto calibration, CalibrationFile::Open(path));
  const Codec& codec = *FindCodec(options.plan.block.codec);
  std::vector<Folding> foldings;
  for (int layer = 0; layer < model.config().layers; ++layer) {
    const auto moments = [&](InputSlot slot) {
      return calibration->Moments(InputName(layer, slot));
    };
    CRUMB_ASSIGN_OR_RETURN(Folding folding, FoldLayerByAwq(model, layer, moments, codec, pool));
    foldings.push_back(std::move(folding));
  }
  for (const NamedMatrix& named : model.matrices()) {
    const MatrixChoice& choice = options.plan.ChoiceFor(named);
    QuantizedBlock block;
    const bool folded = named.layer >= 0 && choice.method == "awq";
    SecondMoments moments;
    if (folded || FindQuantizer(choice.method)->uses_moments()) {
      CRUMB_ASSIGN_OR_RETURN(moments, calibration->Moments(InputNameOf(named)));
    }
    Result<PackedMatrix> packed = Unsupported("");
    if (folded) {
      const Folding& folding = foldings[static_cast<size_t>(named.layer)];
      packed = QuantizeFolded(folding, named, moments, codec, pool);
      block.tensors.insert(folding.tensors.begin(), folding.tensors.end());
    } else {
      QuantizeInput input;
      input.weights = &named.matrix;
      if (moments.cols > 0) input.moments = &moments;
      packed = FindQuantizer(choice.method)->Quantize(input, *FindCodec(choice.codec), pool);
    }
    if (!packed.ok()) {
      return packed.status().WithContext(fmt::format("{}: {}", model.path(), named.name));
    }
    block.matrices[named.name] = std::move(packed).value();
    block.reports.push_back({named.name, choice, 0, 0});
    CRUMB_RETURN_IF_ERROR(output.Add(block));
    if (!counter.Next()) return Interrupted(counter.Place() + "; the same command goes on");
  }
  return OkStatus();
}

}  // namespace crumb
