// Speed of one loaded model: prompts and generation, and how often a sentence can be embedded. Used by
// the study and by `crumb bench`.
#ifndef CRUMB_LAB_BENCH_H_
#define CRUMB_LAB_BENCH_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "measure/statistics.h"
#include "model/session.h"

namespace crumb {

struct BenchOptions {
  int64_t prompt_tokens = 512;
  int64_t generated_tokens = 48;  // one at a time, from an empty context
  ActivationType activations = ActivationType::kInt8;
};

// Tokens per second of one run; tokenization and sampling excluded (llama-bench's pp and tg).
struct SpeedSample {
  double prompt = 0;
  double generation = 0;
};

class SpeedProbe {
 public:
  static Result<std::unique_ptr<SpeedProbe>> Create(const Model& model, ThreadPool& pool,
                                                    const BenchOptions& options);
  Result<SpeedSample> Run();

 private:
  SpeedProbe() = default;
  BenchOptions options_;
  std::unique_ptr<Session> session_;
  std::vector<int32_t> prompt_;
  std::vector<float> logits_;
  int64_t vocabulary_ = 0;
};

// Samples of one quantity as the ledger keeps them.
struct SampleSummary {
  double median = 0;
  Interval interval;  // 95 %, of the median
  std::vector<double> samples;
};
SampleSummary SummarizeSamples(std::vector<double> samples);

// Runs every probe once to warm up, then `repetitions` rounds over all probes, each round in the
// opposite order of the one before, so that a slow spell of the machine hits all alike.
// `between(done, total)` is called before each run; an error stops.
Result<std::vector<std::vector<SpeedSample>>> Interleave(
    const std::vector<std::unique_ptr<SpeedProbe>>& probes, int repetitions,
    const std::function<Status(int done, int total)>& between);

// Bytes of weights that one generated token reads: all matrices but an embedding table that is not also
// the head (of which one row is read).
int64_t BytesPerToken(const Model& model);

}  // namespace crumb

#endif  // CRUMB_LAB_BENCH_H_
