#include "lab/serve_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "kernels/layers.h"
#include "lab/bench.h"
#include "measure/early_stopping.h"
#include "measure/machine.h"
#include "measure/repeat.h"

namespace crumb {
namespace {

constexpr double kLookSeconds = 1;  // between two looks at the clock of the CPU

class WallClock : public ServeClock {
 public:
  double Now() override { return crumb::Now() - start_; }
  void SleepUntil(double time) override {
    std::this_thread::sleep_for(std::chrono::duration<double>(std::max(0.0, time - Now())));
  }

 private:
  double start_ = crumb::Now();
};

// Every sequence of the session is a slot. The most likely token comes next, and never ends a
// request: lengths are those of the plan.
class SessionEngine : public ServeEngine {
 public:
  SessionEngine(std::unique_ptr<Session> session, int64_t longest_prompt)
      : session_(std::move(session)),
        prompt_(SpreadTokens(longest_prompt, session_->model().config().vocabulary_size)),
        next_(static_cast<size_t>(session_->sequences())) {}

  Status Prefill(int64_t slot, const ServeRequest& request) override {
    session_->Truncate(0, slot);
    const auto prompt = std::span(prompt_).first(static_cast<size_t>(request.prompt_tokens));
    CRUMB_RETURN_IF_ERROR(session_->Forward(prompt, 1, &logits_, slot));
    next_[static_cast<size_t>(slot)] = Choose(0);
    return OkStatus();
  }

  Status Step(std::span<const int64_t> slots) override {
    std::vector<NextToken> tokens;
    for (const int64_t slot : slots) tokens.push_back({slot, next_[static_cast<size_t>(slot)]});
    CRUMB_RETURN_IF_ERROR(session_->Step(tokens, &logits_));
    for (size_t i = 0; i < slots.size(); ++i) next_[static_cast<size_t>(slots[i])] = Choose(i);
    return OkStatus();
  }

  // Touches the memory of every slot, and runs a batch of all of them.
  Status WarmUp() {
    const int64_t slots = session_->sequences();
    CRUMB_RETURN_IF_ERROR(Prefill(0, {.prompt_tokens = std::ssize(prompt_)}));
    std::vector<int64_t> all = {0};
    for (int64_t slot = 1; slot < slots; ++slot) {
      session_->Truncate(0, slot);
      session_->CopySequence(0, slot);
      next_[static_cast<size_t>(slot)] = next_[0];
      all.push_back(slot);
    }
    return session_->position() < session_->max_tokens() ? Step(all) : OkStatus();
  }

 private:
  int32_t Choose(size_t row) const {
    const int64_t words = session_->model().config().vocabulary_size;
    return static_cast<int32_t>(ArgMax(logits_.data() + static_cast<int64_t>(row) * words, words));
  }

  std::unique_ptr<Session> session_;
  std::vector<int32_t> prompt_;
  std::vector<int32_t> next_;
  std::vector<float> logits_;
};

Status CheckOptions(const ServeLoadOptions& options) {
  if (options.users < 0 || options.requests < 1 || options.prompt_tokens < 1 ||
      options.output_tokens < 1 || options.max_batches.empty() ||
      *std::ranges::min_element(options.max_batches) < 1) {
    return InvalidArgument("a load needs requests, tokens and batches of at least 1");
  }
  if (options.users > 0 && options.rate != 0) {
    return InvalidArgument("--rate is for an open loop and --users for a closed one; give one");
  }
  if (options.users == 0 && !(options.rate > 0 && std::isfinite(options.rate))) {
    return InvalidArgument(
        fmt::format("--rate {}: give requests a second above 0 (or --users N for a closed loop)",
                    options.rate));
  }
  if (!(options.length_spread >= 0 && options.length_spread <= 1)) {
    return InvalidArgument(
        fmt::format("--length-spread {}: give a share from 0 to 1", options.length_spread));
  }
  return OkStatus();
}

struct Longest {
  int64_t prompt = 0;
  int64_t all = 0;
};
Longest LongestOf(const std::vector<ServeRequest>& requests) {
  Longest longest;
  for (const ServeRequest& request : requests) {
    longest.prompt = std::max(longest.prompt, request.prompt_tokens);
    longest.all = std::max(longest.all, request.prompt_tokens + request.output_tokens);
  }
  return longest;
}

}  // namespace

std::vector<ServeRequest> DrawRequests(const ServeLoadOptions& options) {
  const int64_t count = options.requests;
  const double spread = options.length_spread;
  // Lengths have streams of their own, so that another rate meets the same requests.
  const std::vector<int64_t> prompts =
      DrawLengths(options.prompt_tokens, spread, count, options.seed ^ kSampleSeed);
  const std::vector<int64_t> outputs =
      DrawLengths(options.output_tokens, spread, count, options.seed + kSampleSeed);
  std::vector<double> times(static_cast<size_t>(count), 0.0);
  if (options.users == 0) times = PoissonArrivals(options.rate, count, options.seed);
  std::vector<ServeRequest> requests;
  for (size_t i = 0; i < times.size(); ++i) requests.push_back({times[i], prompts[i], outputs[i]});
  return requests;
}

int64_t RequestsForVerdict(double rate, double min_duration_seconds) {
  // The last of them arrive by chance a little early or late; 5 % more is enough for any number
  // from 662 on (the spread of n arrivals is 1 / sqrt(n), 3.9 %).
  const auto arrivals = static_cast<int64_t>(std::ceil(1.05 * rate * min_duration_seconds));
  return std::max(QueriesNeeded(0.99), arrivals);
}

std::vector<std::string> LengthReasons(double seconds, int64_t requests,
                                       double min_duration_seconds) {
  std::vector<std::string> reasons;
  if (seconds < min_duration_seconds) {
    reasons.push_back(fmt::format("{:.1f} s; {:.0f} are the least", seconds, min_duration_seconds));
  }
  if (const int64_t needed = QueriesNeeded(0.99); requests < needed) {
    reasons.push_back(fmt::format("{} requests; a p99 needs {}", requests, needed));
  }
  return reasons;
}

Result<std::vector<ServeLoadResult>> MeasureServeLoad(
    const Model& model, ThreadPool& pool, const ServeLoadOptions& options,
    const std::function<Status(int64_t done, int64_t total)>& between) {
  CRUMB_RETURN_IF_ERROR(CheckOptions(options));
  ServePlan plan;
  plan.requests = DrawRequests(options);
  plan.users = options.users;
  plan.deadline_seconds = options.deadline_seconds;
  const Longest longest = LongestOf(plan.requests);
  if (longest.all > model.config().max_positions) {
    return InvalidArgument(
        fmt::format("{}: a request of {} tokens does not fit the context of {}; ask for fewer with "
                    "-p and -n",
                    model.path(), longest.all, model.config().max_positions));
  }
  CRUMB_ASSIGN_OR_RETURN(
      std::unique_ptr<Session> session,
      Session::Create(model, pool,
                      {.max_tokens = longest.all,
                       .activations = options.activations,
                       .kv = options.kv,
                       .sequences = *std::ranges::max_element(options.max_batches)}));
  SessionEngine engine(std::move(session), longest.prompt);
  CRUMB_RETURN_IF_ERROR(engine.WarmUp());
  std::vector<ServeLoadResult> results;
  const auto runs = std::ssize(options.max_batches);
  for (const int64_t batch : options.max_batches) {
    plan.max_batch = batch;
    ServeLoadResult result;
    result.max_batch = batch;
    BusyWatch watch;
    double looked = Now();
    WallClock clock;
    const auto look_between = [&](int64_t done, int64_t total) {
      if (Now() - looked > kLookSeconds) {
        watch.Look();
        looked = Now();
      }
      return between ? between(std::ssize(results) * total + done, runs * total) : OkStatus();
    };
    CRUMB_ASSIGN_OR_RETURN(result.run, RunSchedule(plan, engine, clock, look_between));
    result.metrics = ComputeServeMetrics(result.run.times, options.bounds);
    BusyWatch::Verdict verdict = watch.Judge();
    result.notes = std::move(verdict.notes);
    result.reasons = std::move(verdict.reasons);
    for (std::string& reason : LengthReasons(result.metrics.duration, std::ssize(result.run.times),
                                             options.min_duration_seconds)) {
      result.reasons.push_back(std::move(reason));
    }
    for (std::string& reason : ServeReasons(result.run.times, options.users == 0)) {
      result.reasons.push_back(std::move(reason));
    }
    results.push_back(std::move(result));
  }
  return results;
}

int BestBatch(const std::vector<ServeLoadResult>& results, bool open_loop) {
  const auto goodput = [&](const ServeLoadResult& result) {
    return open_loop ? static_cast<double>(result.metrics.good) : result.metrics.request_goodput;
  };
  int best = -1;
  for (size_t i = 0; i < results.size(); ++i) {
    if (goodput(results[i]) <= 0) continue;
    const ServeLoadResult* leader = best < 0 ? nullptr : &results[static_cast<size_t>(best)];
    if (leader == nullptr || goodput(results[i]) > goodput(*leader) ||
        (goodput(results[i]) == goodput(*leader) && results[i].max_batch < leader->max_batch)) {
      best = static_cast<int>(i);
    }
  }
  return best;
}

}  // namespace crumb
