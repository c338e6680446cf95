// What the reader must know of the reference before any figure.
#include <fmt/format.h>

#include "base/files.h"
#include "lab/study_state.h"

namespace crumb {
namespace {

// Below this a file can not hold its weights as 16-bit floats.
constexpr double kLeastFloatBits = 15;

// A file with fewer bits than a float is no float reference: the reader must know.
Status AddReferenceNote(Study::State& state) {
  const Model& model = state.reference();
  const std::string& source = model.source();
  std::string english = fmt::format(
      "The reference is {}. Every ratio, divergence and agreement is against it.", source);
  std::string chinese = fmt::format("参照模型：{}。所有比值、散度与一致率都以它为准。", source);
  CRUMB_ASSIGN_OR_RETURN(const int64_t bytes, IsFolder(state.options.model_path)
                                                  ? FolderSize(state.options.model_path)
                                                  : FileSize(state.options.model_path));
  const double bits = 8.0 * static_cast<double>(bytes) / static_cast<double>(model.parameters());
  if (bits < kLeastFloatBits) {
    english += fmt::format(
        " It is itself decoded from a quantized file of {:.1f} bits a parameter: results near that "
        "width are flattered, those well below it are not.",
        bits);
    chinese += fmt::format(
        "参照模型本身由每参数{:.1f}"
        "位的量化文件还原而来：接近这一位宽的结果偏乐观，远低于它的结果不受影响。",
        bits);
  }
  return state.AddNote("reference", english, chinese);
}

}  // namespace

Status RunMachineStep(Study::State& state, WorkClock& clock) {
  CRUMB_RETURN_IF_ERROR(clock.Begin("looking at this machine"));
  return AddReferenceNote(state);
}

}  // namespace crumb
