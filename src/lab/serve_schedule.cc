#include "lab/serve_schedule.h"

#include <algorithm>
#include <deque>
#include <functional>

#include "base/check.h"

namespace crumb {
namespace {

class Scheduler {
 public:
  Scheduler(const ServePlan& plan, ServeEngine& engine, ServeClock& clock)
      : plan_(plan), engine_(engine), clock_(clock) {
    for (const ServeRequest& request : plan.requests) {
      run_.times.push_back({.scheduled = request.scheduled, .input_tokens = request.prompt_tokens});
    }
    // The lowest slot is given out first: a batch that is not full reads the fewest caches.
    for (int64_t slot = plan.max_batch; slot > 0; --slot) free_.push_back(slot - 1);
    if (plan.users == 0) return;
    for (int64_t user = 0; user < std::min(plan.users, total()); ++user) Send(0);
  }

  Result<ServeRun> Run(const std::function<Status(int64_t, int64_t)>& between) {
    while (done_ < total()) {
      Admit(clock_.Now());
      DropLate(clock_.Now());
      if (!waiting_.empty() && !free_.empty()) {
        Start();
      } else if (!running_.empty()) {
        CRUMB_RETURN_IF_ERROR(Step());
      } else if (done_ < total()) {
        // Nobody waits and nobody runs: somebody is yet to come.
        clock_.SleepUntil(plan_.requests[next_].scheduled);
        continue;
      }
      if (between) CRUMB_RETURN_IF_ERROR(between(done_, total()));
    }
    return std::move(run_);
  }

 private:
  struct Running {
    size_t request;
    int64_t slot;
  };

  int64_t total() const { return std::ssize(plan_.requests); }

  // Requests of the open loop that are due.
  void Admit(double now) {
    while (plan_.users == 0 && next_ < plan_.requests.size() &&
           plan_.requests[next_].scheduled <= now) {
      waiting_.push_back(next_++);
    }
  }

  // A user of the closed loop sends a request.
  void Send(double now) {
    if (next_ >= plan_.requests.size()) return;
    run_.times[next_].scheduled = now;
    waiting_.push_back(next_++);
  }

  bool IsLate(size_t request, double now) const {
    return now - run_.times[request].scheduled > plan_.deadline_seconds;
  }

  void DropLate(double now) {
    const auto late = [&](size_t request) {
      if (!IsLate(request, now)) return false;
      Fail(request, "past its deadline");
      return true;
    };
    // Finish may send the next request of a user, which goes to the end of the queue.
    for (size_t left = waiting_.size(); left > 0; --left) {
      const size_t request = waiting_.front();
      waiting_.pop_front();
      if (late(request)) {
        Finish(now);
      } else {
        waiting_.push_back(request);
      }
    }
    for (size_t i = 0; i < running_.size();) {
      if (late(running_[i].request)) {
        Leave(i, now);
      } else {
        ++i;
      }
    }
  }

  void Start() {
    const size_t request = waiting_.front();
    waiting_.pop_front();
    const int64_t slot = free_.back();
    RequestTimes& times = run_.times[request];
    times.started = clock_.Now();
    const Status status = engine_.Prefill(slot, plan_.requests[request]);
    const double now = clock_.Now();
    if (!status.ok()) {
      Fail(request, status.message());
      Finish(now);
      return;
    }
    free_.pop_back();
    running_.push_back({request, slot});
    Token(running_.size() - 1, now);
  }

  Status Step() {
    std::vector<int64_t> slots;
    for (const Running& running : running_) slots.push_back(running.slot);
    CRUMB_RETURN_IF_ERROR(engine_.Step(slots));
    const double now = clock_.Now();
    for (size_t i = running_.size(); i > 0; --i) Token(i - 1, now);
    return OkStatus();
  }

  void Token(size_t running, double now) {
    const size_t request = running_[running].request;
    std::vector<double>& tokens = run_.times[request].tokens;
    tokens.push_back(now);
    if (std::ssize(tokens) >= plan_.requests[request].output_tokens) Leave(running, now);
  }

  void Leave(size_t running, double now) {
    free_.push_back(running_[running].slot);
    std::ranges::sort(free_, std::greater<>());
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(running));
    Finish(now);
  }

  void Finish(double now) {
    ++done_;
    if (plan_.users > 0) Send(now);
  }

  void Fail(size_t request, const std::string& why) {
    run_.times[request].failed = true;
    if (std::ranges::find(run_.errors, why) == run_.errors.end()) run_.errors.push_back(why);
  }

  const ServePlan& plan_;
  ServeEngine& engine_;
  ServeClock& clock_;
  ServeRun run_;
  size_t next_ = 0;  // request to come
  int64_t done_ = 0;
  std::deque<size_t> waiting_;
  std::vector<Running> running_;
  std::vector<int64_t> free_;  // descending
};

}  // namespace

Result<ServeRun> RunSchedule(const ServePlan& plan, ServeEngine& engine, ServeClock& clock,
                             const std::function<Status(int64_t done, int64_t total)>& between) {
  CRUMB_CHECK(plan.max_batch >= 1 && plan.users >= 0);
  return Scheduler(plan, engine, clock).Run(between);
}

}  // namespace crumb
