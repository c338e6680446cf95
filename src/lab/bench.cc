#include "lab/bench.h"

#include <algorithm>
#include <span>

#include "codecs/codec.h"
#include "measure/machine.h"

namespace crumb {
namespace {

int32_t ArgMax(std::span<const float> logits) {
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

}  // namespace

Result<std::unique_ptr<SpeedProbe>> SpeedProbe::Create(const Model& model, ThreadPool& pool,
                                                       const BenchOptions& options) {
  auto probe = std::unique_ptr<SpeedProbe>(new SpeedProbe());
  probe->options_ = options;
  probe->vocabulary_ = model.config().vocabulary_size;
  const int64_t longest = model.config().max_positions;
  probe->options_.prompt_tokens = std::min(options.prompt_tokens, longest);
  probe->options_.generated_tokens = std::min(options.generated_tokens, longest - 1);
  SessionOptions session;
  session.activations = options.activations;
  session.max_tokens =
      std::max(probe->options_.prompt_tokens, probe->options_.generated_tokens + 1);
  CRUMB_ASSIGN_OR_RETURN(probe->session_, Session::Create(model, pool, session));
  // Any tokens do; these are spread over the vocabulary so that no cache helps the table.
  for (int64_t i = 0; i < probe->options_.prompt_tokens; ++i) {
    probe->prompt_.push_back(static_cast<int32_t>((i * 7919 + 17) % probe->vocabulary_));
  }
  return probe;
}

Result<SpeedSample> SpeedProbe::Run() {
  SpeedSample sample;
  session_->Reset();
  const double prompt_start = Now();
  CRUMB_RETURN_IF_ERROR(session_->Forward(prompt_, 1, &logits_));
  sample.prompt = static_cast<double>(prompt_.size()) / (Now() - prompt_start);

  session_->Reset();
  int32_t token = prompt_.front();
  CRUMB_RETURN_IF_ERROR(session_->Forward(std::span(&token, 1), 1, &logits_));
  const double generation_start = Now();
  for (int64_t i = 0; i < options_.generated_tokens; ++i) {
    token = ArgMax(logits_);
    CRUMB_RETURN_IF_ERROR(session_->Forward(std::span(&token, 1), 1, &logits_));
  }
  sample.generation =
      static_cast<double>(options_.generated_tokens) / (Now() - generation_start);
  return sample;
}

SampleSummary SummarizeSamples(std::vector<double> samples) {
  SampleSummary summary;
  summary.median = Median(samples);
  summary.interval = MedianInterval(samples);
  summary.samples = std::move(samples);
  return summary;
}

Result<std::vector<std::vector<SpeedSample>>> Interleave(
    const std::vector<std::unique_ptr<SpeedProbe>>& probes, int repetitions,
    const std::function<Status(int done, int total)>& between) {
  std::vector<std::vector<SpeedSample>> samples(probes.size());
  const int total = static_cast<int>(probes.size()) * (repetitions + 1);
  int done = 0;
  for (int round = 0; round <= repetitions; ++round) {  // round 0 warms up
    for (size_t i = 0; i < probes.size(); ++i) {
      const size_t turn = round % 2 == 0 ? i : probes.size() - 1 - i;
      CRUMB_RETURN_IF_ERROR(between(done++, total));
      CRUMB_ASSIGN_OR_RETURN(const SpeedSample sample, probes[turn]->Run());
      if (round > 0) samples[turn].push_back(sample);
    }
  }
  return samples;
}

int64_t BytesPerToken(const Model& model) {
  int64_t bytes = 0;
  for (const NamedMatrix& named : model.matrices()) {
    const PartBytes parts = named.matrix.codec->SizeOf(named.matrix.rows, named.matrix.cols);
    if (named.role == MatrixRole::kEmbedding && !model.config().tied_head) {
      bytes += parts.total() / std::max<int64_t>(1, named.matrix.rows);
    } else {
      bytes += parts.total();
    }
  }
  return bytes;
}

}  // namespace crumb
