#include "quant/teacher.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace crumb {

Teacher::Teacher(const Model& model, WindowStore inputs, ThreadPool& pool)
    : weights_(FindWeights(model)),
      hidden_size_(model.config().hidden_size),
      vocabulary_(model.config().vocabulary_size),
      forward_(model.config(), pool, ActivationType::kFloat32),
      inputs_(std::move(inputs)) {}

Result<std::unique_ptr<Teacher>> Teacher::Create(const Model& model,
                                                 std::span<const std::vector<int32_t>> windows,
                                                 const std::string& folder, ThreadPool& pool,
                                                 const std::function<bool()>& progress) {
  const ModelConfig& c = model.config();
  int64_t rows = 0;
  for (const auto& window : windows) rows = std::max(rows, std::ssize(window));
  CRUMB_ASSIGN_OR_RETURN(WindowStore inputs,
                         WindowStore::Create(folder, std::ssize(windows), rows, c.hidden_size));
  CRUMB_ASSIGN_OR_RETURN(KvCache cache, KvCache::Create(KvShape::Exact(c, 1, rows)));
  std::unique_ptr<Teacher> teacher(new Teacher(model, std::move(inputs), pool));
  std::vector<float> x(static_cast<size_t>(rows * c.hidden_size));
  std::vector<float> input(x.size());
  std::vector<float> between(
      static_cast<size_t>(rows * std::max(c.query_size(), c.intermediate_size)));
  Forward& forward = teacher->forward_;
  for (size_t i = 0; i < windows.size(); ++i) {
    const int64_t n = std::ssize(windows[i]);
    forward.Begin(0, n);
    forward.Embed(teacher->weights_, windows[i], x.data());
    for (int64_t layer = 0; layer < c.layers; ++layer) {
      const LayerWeights& w = teacher->weights_.layers[static_cast<size_t>(layer)];
      forward.AttentionInput(w, x.data(), input.data());
      forward.Attend(w, layer, input.data(), cache, 0, between.data());
      forward.FinishAttention(w, between.data(), x.data());
      forward.MlpInput(w, x.data(), input.data());
      forward.MlpInner(w, input.data(), between.data());
      forward.FinishMlp(w, between.data(), x.data());
    }
    forward.HeadInput(teacher->weights_, x.data(), n,
                      teacher->inputs_.Window(static_cast<int64_t>(i)));
    if (progress && !progress()) return Interrupted("stopped before the tuning began");
  }
  return teacher;
}

Distillation Teacher::ForWindow(int64_t i, double text_share) {
  const float* inputs = inputs_.Window(i);
  return {[this, inputs](int64_t first, int64_t count, float* logits) {
            forward_.Logits(weights_, inputs + first * hidden_size_, count, logits);
          },
          text_share};
}

}  // namespace crumb
