#include "calibration/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/version.h"
#include "calibration/block_stages.h"
#include "calibration/calibration_partial.h"
#include "kernels/kernel_set.h"
#include "measure/machine.h"
#include "model/float_weights.h"
#include "text/fingerprint.h"

namespace crumb {
namespace {

constexpr int64_t kFloat = sizeof(float);
constexpr int64_t kMegabyte = 1000000;

std::string_view SlotName(InputSlot slot) {
  switch (slot) {
    case InputSlot::kAttention:
      return "attention";
    case InputSlot::kOutput:
      return "output";
    case InputSlot::kMlp:
      return "mlp";
    case InputSlot::kDown:
      return "down";
    case InputSlot::kHead:
      return "head";
  }
  return "";
}

// Sizes that decide how much memory and room a run needs.
struct Sizes {
  Sizes(const Model& model, const CalibrationTokens& tokens) : c(model.config()) {
    for (const std::vector<int32_t>& window : tokens.windows) {
      longest = std::max(longest, std::ssize(window));
      rows += std::ssize(window);
    }
  }

  int64_t StreamBytes() const { return rows * c.hidden_size * kFloat; }

  // The four accumulators of a block, the moments of the first that is finished while the others
  // wait, and the buffers of one window: stream, inputs, what Forward holds, keys and values.
  int64_t AnonymousBytes() const {
    int64_t bytes = 0;
    int64_t largest = 0;
    for (const InputSlot slot : kBlockSlots) {
      bytes += MomentsAccumulator::BytesFor(InputWidth(c, slot));
      largest = std::max(largest, InputWidth(c, slot));
    }
    const int64_t window =
        4 * c.hidden_size + 2 * c.query_size() + 6 * c.kv_size() + 4 * InnerWidth(c);
    return bytes + kFloat * (TriangleSize(largest) + longest * window);
  }

  // Moments twice, in the partial and in the file; the stream twice, before and behind a step.
  int64_t DiskBytes() const {
    int64_t block = 0;
    for (const InputSlot slot : kBlockSlots) {
      block += TriangleSize(InputWidth(c, slot)) + 2 * InputWidth(c, slot);
    }
    const int64_t head = c.encoder ? 0 : TriangleSize(c.hidden_size) + 2 * c.hidden_size;
    return 2 * kFloat * (c.layers * block + head) + 2 * StreamBytes();
  }

  const ModelConfig& c;
  int64_t longest = 0;
  int64_t rows = 0;
};

Status CheckMemory(const Sizes& sizes, int64_t limit, const std::string& model_path) {
  if (limit == 0) return OkStatus();
  CRUMB_ASSIGN_OR_RETURN(const ResidentMemory memory, ReadResidentMemory());
  const int64_t needed = memory.anonymous_bytes + sizes.AnonymousBytes();
  if (needed <= limit) return OkStatus();
  return InvalidArgument(
      fmt::format("{}: calibrating one layer needs {} MB of memory, --memory allows {} MB",
                  model_path, (needed + kMegabyte - 1) / kMegabyte, limit / kMegabyte));
}

Status CheckDisk(const Sizes& sizes, const std::string& path, const std::string& partial) {
  CRUMB_ASSIGN_OR_RETURN(int64_t there, FreeDiskBytes(path));
  if (PathExists(partial)) {
    CRUMB_ASSIGN_OR_RETURN(const int64_t kept, FolderSize(partial));
    there += kept;
  }
  if (sizes.DiskBytes() <= there) return OkStatus();
  return IoError(fmt::format("{}: needs {} MB of disk while it is made, {} MB are free", path,
                             sizes.DiskBytes() / kMegabyte, there / kMegabyte));
}

Result<Json> MakeManifest(const Model& model, const CalibrationTokens& tokens) {
  CRUMB_ASSIGN_OR_RETURN(const std::string hash, Sha256OfPath(model.path()));
  Json manifest;
  manifest["format_version"] = kCalibrationFormatVersion;
  manifest["crumb_version"] = CrumbVersion();
  manifest["kernels"] = ActiveKernelSet();
  manifest["model"] = {
      {"name", BaseName(model.path())}, {"sha256", hash}, {"weights", model.source()}};
  for (const auto& [key, value] : tokens.manifest->items()) manifest[key] = value;
  manifest["line_hashes"] = LineHashesToJson(tokens.line_hashes);
  return manifest;
}

// One calibration on its way through the model.
class Run {
 public:
  Run(const Model& model, const CalibrationTokens& tokens, const Sizes& sizes, KvCache cache,
      CalibrationPartial partial, ThreadPool& pool,
      const std::function<bool(int64_t, int64_t)>& progress)
      : c_(model.config()),
        windows_(tokens.windows),
        pool_(pool),
        progress_(progress),
        weights_(FindWeights(model)),
        forward_(c_, pool, ActivationType::kFloat32),
        cache_(std::move(cache)),
        partial_(std::move(partial)),
        steps_(c_.layers + (c_.encoder ? 0 : 1)),
        stream_(Numbers(sizes.longest * c_.hidden_size)),
        input_(Numbers(sizes.longest * c_.hidden_size)),
        inner_(Numbers(sizes.longest * InnerWidth(c_))) {}

  Status Finish(const std::string& path, const Json& manifest) {
    CRUMB_ASSIGN_OR_RETURN(int64_t step, partial_.NextStep(steps_));
    if (step < 0) {
      CRUMB_RETURN_IF_ERROR(Embed());
      step = 0;
    }
    const Json part = {{"format_version", kCalibrationFormatVersion}};
    for (; step < steps_; ++step) {
      const Result<std::vector<InputMoments>> moments = step < c_.layers ? Block(step) : Head(step);
      if (!moments.ok()) return moments.status().WithContext(path);
      CRUMB_RETURN_IF_ERROR(partial_.Finish(step, part, *moments));
    }
    return partial_.Join(steps_, path, manifest);
  }

 private:
  static std::vector<float> Numbers(int64_t count) {
    return std::vector<float>(static_cast<size_t>(count));
  }

  std::span<const std::byte> StreamOf(std::span<const int32_t> window) const {
    return std::as_bytes(
        std::span(stream_.data(), window.size() * static_cast<size_t>(c_.hidden_size)));
  }

  Status Embed() {
    CRUMB_ASSIGN_OR_RETURN(AtomicFile out, AtomicFile::Create(partial_.StreamPath(0)));
    for (const std::vector<int32_t>& window : windows_) {
      forward_.Begin(0, std::ssize(window));
      forward_.Embed(weights_, window, stream_.data());
      CRUMB_RETURN_IF_ERROR(out.Append(StreamOf(window)));
    }
    return out.Commit();
  }

  // Calls visit(window) for each window, with its rows of the stream before `step` in stream_.
  template <typename Visit>
  Status ForEachWindow(int64_t step, Visit visit) {
    CRUMB_ASSIGN_OR_RETURN(const auto in, MappedFile::Open(partial_.StreamPath(step)));
    const auto* from = reinterpret_cast<const float*>(in->bytes().data());
    const int64_t count = std::ssize(windows_);
    for (int64_t w = 0; w < count; ++w) {
      if (progress_ && !progress_(step * count + w, steps_ * count)) {
        return Interrupted(fmt::format("stopped in step {} of {}; the same command goes on there",
                                       step + 1, steps_));
      }
      const std::vector<int32_t>& window = windows_[static_cast<size_t>(w)];
      const int64_t numbers = std::ssize(window) * c_.hidden_size;
      std::copy_n(from, numbers, stream_.data());
      from += numbers;
      forward_.Begin(0, std::ssize(window));
      CRUMB_RETURN_IF_ERROR(visit(window));
    }
    return OkStatus();
  }

  // Runs all windows through a block and writes the stream behind it.
  Result<std::vector<InputMoments>> Block(int64_t layer) {
    const LayerWeights& w = weights_.layers[static_cast<size_t>(layer)];
    const StageBuffers buffers = {stream_.data(), inner_.data(), input_.data()};
    std::array<std::optional<MomentsAccumulator>, kBlockSlots.size()> sums;
    for (const InputSlot slot : kBlockSlots) {
      sums[static_cast<size_t>(slot)].emplace(InputWidth(c_, slot));
    }
    CRUMB_ASSIGN_OR_RETURN(AtomicFile out, AtomicFile::Create(partial_.StreamPath(layer + 1)));
    CRUMB_RETURN_IF_ERROR(ForEachWindow(layer, [&](std::span<const int32_t> window) {
      const int64_t rows = std::ssize(window);
      for (const InputSlot slot : kBlockSlots) {
        const float* in = StageInput(forward_, w, layer, slot, rows, cache_, buffers);
        sums[static_cast<size_t>(slot)]->Add(in, rows, InputWidth(c_, slot), pool_);
        FinishStage(forward_, w, slot, rows, buffers);
      }
      return out.Append(StreamOf(window));
    }));
    CRUMB_RETURN_IF_ERROR(out.Commit());
    std::vector<InputMoments> moments;
    for (const InputSlot slot : kBlockSlots) {
      const std::string name = InputName(static_cast<int>(layer), slot);
      CRUMB_RETURN_IF_ERROR(Take(name, sums[static_cast<size_t>(slot)], moments));
    }
    return moments;
  }

  Result<std::vector<InputMoments>> Head(int64_t step) {
    std::optional<MomentsAccumulator> sums(c_.hidden_size);
    CRUMB_RETURN_IF_ERROR(ForEachWindow(step, [&](std::span<const int32_t> window) {
      forward_.HeadInput(weights_, stream_.data(), std::ssize(window), input_.data());
      sums->Add(input_.data(), std::ssize(window), c_.hidden_size, pool_);
      return OkStatus();
    }));
    std::vector<InputMoments> moments;
    CRUMB_RETURN_IF_ERROR(Take(InputName(-1, InputSlot::kHead), sums, moments));
    return moments;
  }

  // The sums are given back at once: they are most of the memory.
  static Status Take(const std::string& name, std::optional<MomentsAccumulator>& sums,
                     std::vector<InputMoments>& moments) {
    Result<SecondMoments> means = sums->FinishTriangle();
    sums.reset();
    if (!means.ok()) return means.status().WithContext(name);
    moments.push_back({name, std::move(means).value()});
    return OkStatus();
  }

  const ModelConfig& c_;
  const std::vector<std::vector<int32_t>>& windows_;
  ThreadPool& pool_;
  const std::function<bool(int64_t, int64_t)>& progress_;
  const ModelWeights weights_;
  Forward forward_;
  KvCache cache_;
  CalibrationPartial partial_;
  const int64_t steps_;        // the blocks, and of a decoder the head
  std::vector<float> stream_;  // of one window
  std::vector<float> input_;
  std::vector<float> inner_;
};

}  // namespace

std::string InputName(int layer, InputSlot slot) {
  if (slot == InputSlot::kHead) return "head";
  return fmt::format("model.layers.{}.{}", layer, SlotName(slot));
}

std::string InputNameOf(const NamedMatrix& matrix) {
  const bool table = matrix.role == MatrixRole::kEmbedding;
  return InputName(matrix.layer, table ? InputSlot::kHead : SlotOf(matrix.role));
}

Status Calibrate(const Model& model, const CalibrationTokens& tokens, const std::string& path,
                 const CalibrateOptions& options, ThreadPool& pool,
                 const std::function<bool(int64_t, int64_t)>& progress) {
  CRUMB_RETURN_IF_ERROR(CheckNotQuantized(model));
  const Sizes sizes(model, tokens);
  const std::string folder = path + ".partial";
  CRUMB_RETURN_IF_ERROR(CheckMemory(sizes, options.memory_bytes, model.path()));
  CRUMB_RETURN_IF_ERROR(CheckDisk(sizes, path, folder));
  CRUMB_ASSIGN_OR_RETURN(const Json manifest, MakeManifest(model, tokens));
  CRUMB_ASSIGN_OR_RETURN(CalibrationPartial partial,
                         CalibrationPartial::Open(folder, manifest, sizes.StreamBytes()));
  CRUMB_ASSIGN_OR_RETURN(KvCache cache,
                         KvCache::Create(KvShape::Exact(model.config(), 1, sizes.longest)));
  return Run(model, tokens, sizes, std::move(cache), std::move(partial), pool, progress)
      .Finish(path, manifest);
}

}  // namespace crumb
