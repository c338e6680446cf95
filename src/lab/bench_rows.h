// One timed test as a row with the field names of llama.cpp's llama-bench, so that tools for its
// output read ours, and the formats that it writes.
#ifndef CRUMB_LAB_BENCH_ROWS_H_
#define CRUMB_LAB_BENCH_ROWS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "measure/power_state.h"

namespace crumb {

struct BenchTest {
  std::string model_filename;  // base name
  std::string model_type;      // "llama 134.5 M f16"
  std::string model_sha256;
  int64_t model_size = 0;  // bytes of all weights as held
  int64_t model_n_params = 0;
  std::string cpu_info;
  std::string gpu_info;
  std::string kernel_set;
  std::string activations;
  std::string kv_type;  // "f16", "f32", "i8": type_k and type_v
  int threads = 0;
  int64_t n_prompt = 0;  // one of the two is 0
  int64_t n_gen = 0;
  std::string test_time;                  // RFC 3339, when it ended
  std::vector<double> tokens_per_second;  // every repetition, in its order
  std::vector<double> token_seconds;      // of generated tokens; may be empty
  PowerState power;
  std::vector<std::string> reasons;  // empty: valid
};

// Behind llama-bench's fields come ours: kernel set, hash, power state, percentiles of the
// repetitions and of single tokens with the number they are of (null where there are too few:
// measure/early_stopping.h), `valid` and `reasons`. avg and stddev (n - 1) are of the repetitions.
Json BenchRow(const BenchTest& test);

// "pp512" or "tg128".
std::string TestName(const Json& row);

// "json", "jsonl", "csv", "md", "sql". Lists and objects are left out of csv and sql, md has the
// few columns that people compare. kInvalidArgument: another format.
Result<std::string> FormatRows(const Json& rows, std::string_view format);

}  // namespace crumb

#endif  // CRUMB_LAB_BENCH_ROWS_H_
