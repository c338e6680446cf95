#include "lab/bench.h"

#include <algorithm>
#include <span>

#include "base/json.h"
#include "codecs/codec.h"
#include "kernels/layers.h"
#include "measure/machine.h"
#include "measure/statistics.h"

namespace crumb {
namespace {

constexpr int kBandwidthPasses = 3;  // of one turn; the median counts

}  // namespace

Result<std::unique_ptr<SpeedProbe>> SpeedProbe::Create(const Model& model, ThreadPool& pool,
                                                       const BenchOptions& options) {
  auto probe = std::unique_ptr<SpeedProbe>(new SpeedProbe());
  probe->options_ = options;
  const int64_t longest = model.config().max_positions;
  probe->options_.prompt_tokens = std::min(options.prompt_tokens, longest);
  probe->options_.generated_tokens = std::min(options.generated_tokens, longest - 1);
  SessionOptions session;
  session.activations = options.activations;
  session.kv = options.kv;
  session.max_tokens =
      std::max(probe->options_.prompt_tokens, probe->options_.generated_tokens + 1);
  CRUMB_ASSIGN_OR_RETURN(probe->session_, Session::Create(model, pool, session));
  probe->prompt_ = SpreadTokens(probe->options_.prompt_tokens, model.config().vocabulary_size);
  return probe;
}

Result<double> SpeedProbe::RunPrompt() {
  session_->Reset();
  const double start = Now();
  CRUMB_RETURN_IF_ERROR(session_->Forward(prompt_, 1, &logits_));
  return static_cast<double>(prompt_.size()) / (Now() - start);
}

Result<double> SpeedProbe::RunGeneration() {
  session_->Reset();
  int32_t token = prompt_.front();
  CRUMB_RETURN_IF_ERROR(session_->Forward(std::span(&token, 1), 1, &logits_));
  const double start = Now();
  double last = start;
  for (int64_t i = 0; i < options_.generated_tokens; ++i) {
    token = static_cast<int32_t>(ArgMax(logits_.data(), std::ssize(logits_)));
    CRUMB_RETURN_IF_ERROR(session_->Forward(std::span(&token, 1), 1, &logits_));
    const double now = Now();
    token_seconds_.push_back(now - last);
    last = now;
  }
  return static_cast<double>(options_.generated_tokens) / (last - start);
}

Result<SpeedResult> MeasureSpeeds(const std::vector<std::unique_ptr<SpeedProbe>>& probes,
                                  ThreadPool& pool, int repetitions,
                                  const std::function<Status(int done, int total)>& between) {
  SpeedResult result;
  std::vector<NamedMeasurement> measurements;
  for (const std::unique_ptr<SpeedProbe>& probe : probes) {
    measurements.push_back({"prompt", [&probe] { return probe->RunPrompt(); }});
    measurements.push_back({"generation", [&probe] { return probe->RunGeneration(); }});
  }
  measurements.push_back({"bandwidth", [&]() -> Result<double> {
                            CRUMB_ASSIGN_OR_RETURN(const Bandwidth read,
                                                   MeasureReadBandwidth(pool, kBandwidthPasses));
                            result.last_level_cache_bytes = read.last_level_cache_bytes;
                            result.buffer_bytes = read.buffer_bytes;
                            return read.bytes_per_second;
                          }});
  RepeatOptions options;
  options.rounds = repetitions;
  options.between = between;
  CRUMB_ASSIGN_OR_RETURN(RepeatResult repeated, MeasureInTurns(measurements, options));
  result.bandwidth = std::move(repeated.of.back());
  result.notes = std::move(repeated.notes);
  result.reasons = std::move(repeated.reasons);
  for (size_t i = 0; i < probes.size(); ++i) {
    const std::vector<double>& all = probes[i]->token_seconds();
    const int64_t counted = repetitions * probes[i]->options().generated_tokens;
    result.of.push_back({std::move(repeated.of[2 * i]), std::move(repeated.of[2 * i + 1]),
                         std::vector<double>(all.end() - counted, all.end())});
  }
  return result;
}

void FillFromSamples(const std::vector<double>& samples, std::string_view n_of, Evidence& row) {
  row.value = Median(samples);
  if (samples.size() > 1) {  // one sample says nothing of how far it may be off
    const Interval interval = MedianInterval(samples);
    row.low = interval.low;
    row.high = interval.high;
  }
  row.n = static_cast<int64_t>(samples.size());
  row.n_of = n_of;
  Json detail = Json::object();
  detail["samples"] = samples;
  row.detail = DumpJson(detail);
}

void FillValidity(std::vector<std::string> reasons, const std::vector<std::string>& own,
                  Evidence& row) {
  const bool busy = !reasons.empty();
  reasons.insert(reasons.end(), own.begin(), own.end());
  Result<Json> detail = ParseJson(row.detail, "detail");
  CRUMB_CHECK(detail.ok());  // it was dumped by FillFromSamples
  (*detail)["valid"] = reasons.empty();
  (*detail)["machine_busy"] = busy;
  (*detail)["reasons"] = std::move(reasons);
  row.detail = DumpJson(*detail);
}

std::vector<int32_t> SpreadTokens(int64_t count, int64_t vocabulary_size) {
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<int32_t>((i * 7919 + 17) % vocabulary_size));
  }
  return tokens;
}

int64_t BytesPerToken(const Model& model) {
  int64_t bytes = 0;
  for (const NamedMatrix& named : model.matrices()) {
    const bool one_row = named.role == MatrixRole::kEmbedding && !model.config().tied_head;
    bytes += StoredBytes(named.matrix) / (one_row ? std::max<int64_t>(1, named.matrix.rows) : 1);
  }
  return bytes;
}

}  // namespace crumb
