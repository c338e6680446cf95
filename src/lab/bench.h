// Speed of one loaded model: prompts and generation, and how often a sentence can be embedded. Used
// by the study and by `crumb bench`.
#ifndef CRUMB_LAB_BENCH_H_
#define CRUMB_LAB_BENCH_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "evidence/evidence.h"
#include "measure/repeat.h"
#include "model/session.h"

namespace crumb {

struct BenchOptions {
  int64_t prompt_tokens = 512;
  int64_t generated_tokens = 48;  // one at a time, from an empty context
  ActivationType activations = ActivationType::kInt8;
  KvType kv = KvType::kFloat16;
};

// One model with what its runs need. Tokens per second; tokenization and sampling are excluded
// (llama-bench's pp and tg).
class SpeedProbe {
 public:
  static Result<std::unique_ptr<SpeedProbe>> Create(const Model& model, ThreadPool& pool,
                                                    const BenchOptions& options);
  Result<double> RunPrompt();
  Result<double> RunGeneration();
  // What a run really has, where the model's context is shorter than was asked for.
  const BenchOptions& options() const { return options_; }
  // Of each token of all generations so far, in their order.
  const std::vector<double>& token_seconds() const { return token_seconds_; }

 private:
  SpeedProbe() = default;
  std::vector<double> token_seconds_;
  BenchOptions options_;
  std::unique_ptr<Session> session_;
  std::vector<int32_t> prompt_;
  std::vector<float> logits_;
};

struct SpeedSamples {
  RepeatedSamples prompt;
  RepeatedSamples generation;
  std::vector<double> token_seconds;  // of each generated token of the rounds that count
};
struct SpeedResult {
  std::vector<SpeedSamples> of;  // in the order of the probes
  RepeatedSamples bandwidth;     // bytes per second, read once a round
  int64_t last_level_cache_bytes = 0;
  int64_t buffer_bytes = 0;          // that was read for the bandwidth
  std::vector<std::string> notes;    // why the machine may have been slower than it is
  std::vector<std::string> reasons;  // why all of it is INVALID; each series has its own beside
};

// One round to warm up, then `repetitions` rounds over all probes in turns (measure/repeat.h). The
// read bandwidth, the limit of generation, takes its turn too, so that both see the same machine.
Result<SpeedResult> MeasureSpeeds(const std::vector<std::unique_ptr<SpeedProbe>>& probes,
                                  ThreadPool& pool, int repetitions,
                                  const std::function<Status(int done, int total)>& between);

// Fills value, interval, n and the samples (in detail) of a row from repeated measurements.
void FillFromSamples(const std::vector<double>& samples, std::string_view n_of, Evidence& row);

// Puts "valid", "machine_busy" and "reasons" into the detail of a row: those of the machine and
// those of the series.
void FillValidity(std::vector<std::string> reasons, const std::vector<std::string>& own,
                  Evidence& row);

// Any tokens do for timing and weighing; these are spread over the vocabulary so that no cache
// helps the embedding table.
std::vector<int32_t> SpreadTokens(int64_t count, int64_t vocabulary_size);

// Bytes of weights that one generated token reads: all matrices but an embedding table that is not
// also the head (of which one row is read).
int64_t BytesPerToken(const Model& model);

}  // namespace crumb

#endif  // CRUMB_LAB_BENCH_H_
