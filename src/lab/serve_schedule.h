// Continuous batching of requests that come on a schedule: who runs when, and when each token was
// there. The engine and the clock are interfaces, so that the order and every latency can be
// checked without a model.
#ifndef CRUMB_LAB_SERVE_SCHEDULE_H_
#define CRUMB_LAB_SERVE_SCHEDULE_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "measure/latency.h"

namespace crumb {

struct ServeRequest {
  double scheduled = 0;  // seconds from the start; not used in a closed loop
  int64_t prompt_tokens = 1;
  int64_t output_tokens = 1;
};

class ServeClock {
 public:
  virtual ~ServeClock() = default;
  virtual double Now() = 0;  // seconds from the start of the run
  virtual void SleepUntil(double time) = 0;
};

// Runs tokens in slots 0 .. max_batch - 1, each the sequence of one request.
class ServeEngine {
 public:
  virtual ~ServeEngine() = default;
  // The prompt of a request, from an empty slot; its first token is then there. An error is that of
  // this request alone.
  virtual Status Prefill(int64_t slot, const ServeRequest& request) = 0;
  // One more token in each of these slots, in one pass. An error ends the run.
  virtual Status Step(std::span<const int64_t> slots) = 0;
};

struct ServePlan {
  std::vector<ServeRequest> requests;  // open loop: ascending by `scheduled`
  int64_t max_batch = 1;               // requests that run at once
  // Closed loop: so many users, each of whom sends the next request when the last one is done. 0:
  // open loop, where requests come when they are due.
  int64_t users = 0;
  // A request that is not done so long after it was due is dropped and counts as failed.
  double deadline_seconds = std::numeric_limits<double>::infinity();
};

struct ServeRun {
  std::vector<RequestTimes> times;  // of plan.requests
  std::vector<std::string> errors;  // of requests that failed, the first of each kind
};

// Prompts come first: as long as somebody waits and a slot is free, the one who waits longest gets
// it, while the others stand still; then one token for everybody. `between` is called after each
// pass with the number of requests that are done; an error of it ends the run.
Result<ServeRun> RunSchedule(const ServePlan& plan, ServeEngine& engine, ServeClock& clock,
                             const std::function<Status(int64_t done, int64_t total)>& between);

}  // namespace crumb

#endif  // CRUMB_LAB_SERVE_SCHEDULE_H_
