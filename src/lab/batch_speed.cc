#include "lab/batch_speed.h"

#include <algorithm>
#include <span>
#include <utility>

#include "kernels/layers.h"
#include "lab/bench.h"
#include "measure/machine.h"

namespace crumb {
namespace {

// One model behind one context.
class Runner {
 public:
  static Result<std::unique_ptr<Runner>> Create(const Model& model, ThreadPool& pool,
                                                int64_t context, const BatchOptions& options) {
    auto runner = std::unique_ptr<Runner>(new Runner());
    const int64_t widest = *std::ranges::max_element(options.batches);
    CRUMB_ASSIGN_OR_RETURN(runner->session_, Session::Create(model, pool,
                                                             {.max_tokens = context + 1,
                                                              .activations = options.activations,
                                                              .kv = options.kv,
                                                              .sequences = widest}));
    runner->context_ = context;
    runner->tokens_ = SpreadTokens(std::max(context, widest), model.config().vocabulary_size);
    CRUMB_RETURN_IF_ERROR(runner->RunPrompt());
    for (int64_t s = 1; s < widest; ++s) runner->session_->CopySequence(0, s);
    return runner;
  }

  Status RunPrompt() {
    session_->Reset();
    return session_->Forward(First(context_), 1, &logits_);
  }

  // A token of each of the first sequences and its choice; contexts stay as long as they were.
  Status RunBatch(int64_t batch) {
    std::vector<NextToken> next;
    for (int64_t s = 0; s < batch; ++s) next.push_back({s, tokens_[static_cast<size_t>(s)]});
    CRUMB_RETURN_IF_ERROR(session_->Step(next, &logits_));
    for (int64_t s = 0; s < batch; ++s) session_->Truncate(context_, s);
    const ProfileMark mark(WorkKind::kSampling);
    const int64_t words = std::ssize(logits_) / batch;
    for (int64_t b = 0; b < batch; ++b) chosen_ += ArgMax(logits_.data() + b * words, words);
    return OkStatus();
  }

 private:
  Runner() = default;
  std::span<const int32_t> First(int64_t count) const {
    return std::span(tokens_).first(static_cast<size_t>(count));
  }
  std::unique_ptr<Session> session_;
  int64_t context_ = 0;
  std::vector<int32_t> tokens_;
  std::vector<float> logits_;
  int64_t chosen_ = 0;  // keeps the choices from being optimized away
};

// Times one run and adds to the shares, which are seconds until the end.
Result<double> TimedRun(Runner& runner, const BatchOptions& options, BatchSpeed& speed) {
  const int64_t passes = speed.batch == 0 ? 1 : std::max<int64_t>(4, options.tokens / speed.batch);
  Profile profile;
  const double start = Now();
  for (int64_t pass = 0; pass < passes; ++pass) {
    CRUMB_RETURN_IF_ERROR(speed.batch == 0 ? runner.RunPrompt() : runner.RunBatch(speed.batch));
  }
  const double seconds = Now() - start;
  for (size_t kind = 0; kind < kWorkKinds; ++kind) {
    speed.shares[kind] += profile.Seconds(static_cast<WorkKind>(kind));
  }
  const int64_t tokens = speed.batch == 0 ? speed.context : passes * speed.batch;
  return static_cast<double>(tokens) / seconds;
}

void Normalize(std::array<double, kWorkKinds>& shares) {
  double all = 0;
  for (const double share : shares) all += share;
  for (double& share : shares) share /= all;
}

}  // namespace

Result<BatchResult> MeasureBatches(const std::vector<const Model*>& models, ThreadPool& pool,
                                   const BatchOptions& options,
                                   const std::function<Status(int done, int total)>& between) {
  BatchResult result;
  const size_t cases = models.size() * (options.batches.size() + 1);
  const int runs_of_context = static_cast<int>(cases) * (options.repetitions + 1);
  int context_index = 0;
  for (const int64_t context : options.contexts) {
    std::vector<std::unique_ptr<Runner>> runners;
    std::vector<BatchSpeed> speeds;
    speeds.reserve(cases);  // the measurements point into it
    std::vector<NamedMeasurement> measurements;
    for (size_t m = 0; m < models.size(); ++m) {
      CRUMB_ASSIGN_OR_RETURN(std::unique_ptr<Runner> runner,
                             Runner::Create(*models[m], pool, context, options));
      runners.push_back(std::move(runner));
      std::vector<int64_t> batches = {0};
      batches.insert(batches.end(), options.batches.begin(), options.batches.end());
      for (const int64_t batch : batches) {
        BatchSpeed& speed =
            speeds.emplace_back(BatchSpeed{.model = m, .context = context, .batch = batch});
        measurements.push_back({"batch", [&options, &speed, one = runners.back().get()] {
                                  return TimedRun(*one, options, speed);
                                }});
      }
    }
    RepeatOptions repeat;
    repeat.rounds = options.repetitions;
    repeat.between = [&](int done, int) {
      return between ? between(context_index * runs_of_context + done,
                               runs_of_context * static_cast<int>(options.contexts.size()))
                     : OkStatus();
    };
    CRUMB_ASSIGN_OR_RETURN(RepeatResult repeated, MeasureInTurns(measurements, repeat));
    for (size_t i = 0; i < speeds.size(); ++i) {
      speeds[i].tokens_per_second = std::move(repeated.of[i]);
      Normalize(speeds[i].shares);
      result.of.push_back(std::move(speeds[i]));
    }
    for (std::string& note : repeated.notes) result.notes.push_back(std::move(note));
    for (std::string& reason : repeated.reasons) result.reasons.push_back(std::move(reason));
    ++context_index;
  }
  return result;
}

}  // namespace crumb
