#include "quant/end_to_end.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <utility>

#include "base/files.h"
#include "base/json.h"
#include "base/rng.h"
#include "quant/teacher.h"
#include "quant/tuned_factors.h"

namespace crumb {
namespace {

// Of activations that are kept rather than computed again; a quarter of the time of a step.
constexpr int64_t kKeepBytes = int64_t{1} << 30;

Status CheckArguments(const Model& teacher, const Model& model,
                      std::span<const std::vector<int32_t>> windows) {
  const ModelConfig& a = teacher.config();
  const ModelConfig& b = model.config();
  if (a.encoder) {
    return InvalidArgument(
        fmt::format("{}: end-to-end tuning compares predictions of the next token, and an encoder "
                    "makes none",
                    teacher.path()));
  }
  if (a.vocabulary_size != b.vocabulary_size || a.hidden_size != b.hidden_size ||
      a.layers != b.layers) {
    return InvalidArgument(
        fmt::format("{} was not made from {}: their shapes differ", model.path(), teacher.path()));
  }
  if (windows.size() < 2) {
    return InvalidArgument("end-to-end tuning needs at least two windows: one is held out");
  }
  return OkStatus();
}

class Tuner {
 public:
  Tuner(Model& model, Teacher& teacher, Backward& backward,
        std::span<const std::vector<int32_t>> windows, const EndToEndOptions& options,
        ThreadPool& pool)
      : teacher_(teacher),
        backward_(backward),
        windows_(windows),
        options_(options),
        pool_(pool),
        factors_(model, options.tables) {}

  TunedFactors& factors() { return factors_; }

  // Adds the gradients of one window.
  Status AddWindow(int64_t i) {
    const std::vector<int32_t>& window = windows_[static_cast<size_t>(i)];
    return backward_
        .Distill(
            window, teacher_.ForWindow(i, options_.text_share),
            [&](const MatrixGradient& g) { factors_.Add(g, window, pool_); },
            [&](const TensorGradient& g) { factors_.Add(g); })
        .status();
  }

  Status Step(double rate) {
    if (!factors_.gradients_finite()) {
      return NumericsError("end-to-end tuning: the gradients are not finite");
    }
    factors_.Step(rate);
    return OkStatus();
  }

  Result<DistillationLoss> LossOf(int64_t i) {
    return backward_.Measure(windows_[static_cast<size_t>(i)],
                             teacher_.ForWindow(i, options_.text_share));
  }

  double Total(const DistillationLoss& loss) const {
    return (1 - options_.text_share) * loss.divergence + options_.text_share * loss.text;
  }

 private:
  Teacher& teacher_;
  Backward& backward_;
  std::span<const std::vector<int32_t>> windows_;
  const EndToEndOptions& options_;
  ThreadPool& pool_;
  TunedFactors factors_;
};

// Every n-th window is held out, so that all texts and all their parts are in both.
struct Split {
  std::vector<int64_t> used;
  std::vector<int64_t> held_out;
};

Split SplitWindows(int64_t windows, int64_t wanted) {
  const int64_t count = std::clamp<int64_t>(wanted, 1, std::max<int64_t>(windows / 4, 1));
  Split split;
  for (int64_t i = 0; i < windows; ++i) {
    const bool out = (i + 1) * count / windows > i * count / windows;
    (out ? split.held_out : split.used).push_back(i);
  }
  return split;
}

// Rises over a tenth of the steps, then falls to zero (in the middle of each step).
double RateOf(int64_t step, int64_t steps, double rate) {
  const double at = (static_cast<double>(step) + 0.5) / static_cast<double>(steps);
  constexpr double kRise = 0.1;
  return rate * (at < kRise ? at / kRise : (1 - at) / (1 - kRise));
}

void Shuffle(Rng& rng, std::vector<int64_t>& order) {
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.Below(i)]);
}

}  // namespace

Json EndToEndJson(const EndToEndOptions& options, const EndToEndReport& report) {
  Json json = {{"epochs", options.epochs},
               {"batch", options.batch},
               {"rate", options.rate},
               {"text_share", options.text_share},
               {"tables", options.tables},
               {"seed", options.seed},
               {"windows", report.windows},
               {"held_out", report.held_out},
               {"steps", report.steps},
               {"parameters", report.parameters},
               {"kept_epoch", report.kept_epoch},
               {"mean_change", report.mean_change}};
  json["held_out_losses"] = Json::array();
  for (const DistillationLoss& loss : report.held_out_losses) {
    json["held_out_losses"].push_back({{"divergence", loss.divergence}, {"text", loss.text}});
  }
  return json;
}

Result<EndToEndReport> TuneEndToEnd(const Model& teacher, Model& model,
                                    std::span<const std::vector<int32_t>> windows,
                                    const EndToEndOptions& options, const std::string& folder,
                                    ThreadPool& pool,
                                    const std::function<bool(int64_t, int64_t)>& progress) {
  const auto start = std::chrono::steady_clock::now();
  CRUMB_RETURN_IF_ERROR(CheckArguments(teacher, model, windows));
  const Split split = SplitWindows(std::ssize(windows), options.held_out);
  EndToEndReport report;
  report.windows = std::ssize(split.used);
  report.held_out = std::ssize(split.held_out);
  const int64_t batch = std::clamp<int64_t>(options.batch, 1, report.windows);
  const int64_t epoch_steps = (report.windows + batch - 1) / batch;
  report.steps = options.epochs * epoch_steps;
  const int64_t total = std::ssize(windows) + options.epochs * report.windows +
                        (options.epochs + 1) * report.held_out;
  int64_t done = 0;
  const auto next = [&] { return ++done, !progress || progress(done, total); };
  const auto stopped = [&] {
    return Interrupted(fmt::format("stopped after {} of {} windows of the tuning", done, total));
  };

  CRUMB_ASSIGN_OR_RETURN(const auto reference,
                         Teacher::Create(teacher, windows, folder, pool, next));
  CRUMB_ASSIGN_OR_RETURN(const auto backward, Backward::Create(model, pool, kKeepBytes));
  Tuner tuner(model, *reference, *backward, windows, options, pool);
  report.parameters = tuner.factors().count();
  Rng rng(options.seed);
  std::vector<std::vector<float>> best;
  double least = 0;
  int64_t step = 0;
  for (int64_t epoch = 0; epoch <= options.epochs; ++epoch) {
    std::vector<int64_t> order = split.used;
    Shuffle(rng, order);
    for (int64_t i = 0; epoch > 0 && i < report.windows; ++i) {
      CRUMB_RETURN_IF_ERROR(tuner.AddWindow(order[static_cast<size_t>(i)]));
      if (!next()) return stopped();
      if ((i + 1) % batch != 0 && i + 1 < report.windows) continue;
      CRUMB_RETURN_IF_ERROR(tuner.Step(RateOf(step++, report.steps, options.rate)));
    }
    DistillationLoss mean;
    for (const int64_t i : split.held_out) {
      CRUMB_ASSIGN_OR_RETURN(const DistillationLoss loss, tuner.LossOf(i));
      mean.divergence += loss.divergence / static_cast<double>(report.held_out);
      mean.text += loss.text / static_cast<double>(report.held_out);
      if (!next()) return stopped();
    }
    report.held_out_losses.push_back(mean);
    if (epoch == 0 || tuner.Total(mean) < least) {
      least = tuner.Total(mean);
      best = tuner.factors().Save();
      report.kept_epoch = epoch;
    }
  }
  tuner.factors().Restore(best);
  report.mean_change = tuner.factors().mean_change();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  report.seconds = elapsed.count();
  return report;
}

Result<EndToEndReport> TuneFolder(const Model& teacher, const std::string& from,
                                  std::span<const std::vector<int32_t>> windows,
                                  const EndToEndOptions& options, PackedFolderWriter& to,
                                  ThreadPool& pool,
                                  const std::function<bool(int64_t, int64_t)>& progress) {
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model, Model::Load(from));
  CRUMB_ASSIGN_OR_RETURN(EndToEndReport report,
                         TuneEndToEnd(teacher, *model, windows, options, from, pool, progress));
  for (const NamedMatrix& named : model->matrices()) {
    CRUMB_RETURN_IF_ERROR(to.AddMatrix(named.name, named.matrix));
  }
  for (const NamedTensor& named : model->tensors()) {
    CRUMB_RETURN_IF_ERROR(to.AddTensor(named.name, named.shape, named.values));
  }
  for (const auto& [name, content] : model->tokenizer().Files()) {
    CRUMB_RETURN_IF_ERROR(to.AddFile(name, content));
  }
  CRUMB_ASSIGN_OR_RETURN(Json manifest, ReadJsonFile(JoinPath(from, "manifest.json")));
  manifest["end_to_end"] = EndToEndJson(options, report);
  CRUMB_RETURN_IF_ERROR(to.Finish(model->canonical_config(), manifest));
  return report;
}

}  // namespace crumb
