#include "lab/serve_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace crumb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Time stands still but for what the engine does; powers of two keep every sum exact.
class FakeClock : public ServeClock {
 public:
  double Now() override { return now; }
  void SleepUntil(double time) override { now = std::max(now, time); }
  double now = 0;
};

// A prompt takes 1/4 s for each token; a pass 1/2 s and 1/8 s more for each slot.
class FakeEngine : public ServeEngine {
 public:
  explicit FakeEngine(FakeClock& clock) : clock_(clock) {}
  Status Prefill(int64_t slot, const ServeRequest& request) override {
    order += "p" + std::to_string(slot) + " ";
    if (request.prompt_tokens > 100) return InvalidArgument("no room for 101 tokens");
    clock_.now += 0.25 * static_cast<double>(request.prompt_tokens);
    return OkStatus();
  }
  Status Step(std::span<const int64_t> slots) override {
    if (broken) return NumericsError("2 of 7 logits are not finite");
    order += "s" + std::to_string(slots.size()) + " ";
    clock_.now += 0.5 + 0.125 * static_cast<double>(slots.size());
    return OkStatus();
  }
  std::string order;
  bool broken = false;

 private:
  FakeClock& clock_;
};

struct Outcome {
  std::vector<RequestTimes> times;
  std::vector<std::string> errors;
  std::string order;
};
Outcome Play(const ServePlan& plan) {
  FakeClock clock;
  FakeEngine engine(clock);
  const Result<ServeRun> run = RunSchedule(plan, engine, clock, nullptr);
  EXPECT_TRUE(run.ok());
  return {run->times, run->errors, engine.order};
}

TEST(Schedule, OneRequestAloneTakesItsPromptAndItsPasses) {
  const Outcome outcome =
      Play({.requests = {{.scheduled = 2, .prompt_tokens = 4, .output_tokens = 3}}});
  EXPECT_EQ(outcome.order, "p0 s1 s1 ");
  EXPECT_EQ(outcome.times[0].started, 2);
  EXPECT_THAT(outcome.times[0].tokens, ElementsAre(3, 3.625, 4.25));
  EXPECT_EQ(outcome.times[0].Ttft(), 1);
}

TEST(Schedule, LatencyCountsFromWhenARequestWasDue) {
  // One slot: the second, due at 0.5, waits until the first is done at 2.25.
  const Outcome outcome = Play({.requests = {{0, 4, 3}, {0.5, 4, 1}}, .max_batch = 1});
  EXPECT_EQ(outcome.order, "p0 s1 s1 p0 ");
  EXPECT_EQ(outcome.times[1].started, 2.25);
  EXPECT_THAT(outcome.times[1].tokens, ElementsAre(3.25));
  EXPECT_EQ(outcome.times[1].Ttft(), 2.75);
  EXPECT_EQ(ComputeServeMetrics(outcome.times, {}).queue.max, 1.75);
}

TEST(Schedule, ANewRequestJoinsTheBatchBetweenTwoPasses) {
  const Outcome outcome = Play({.requests = {{0, 4, 4}, {1.25, 2, 2}}, .max_batch = 2});
  // Pass to 1.625; the second comes in (to 2.125, the first waits); passes of two, then of one.
  EXPECT_EQ(outcome.order, "p0 s1 p1 s2 s1 ");
  EXPECT_THAT(outcome.times[0].tokens, ElementsAre(1, 1.625, 2.875, 3.5));
  EXPECT_THAT(outcome.times[1].tokens, ElementsAre(2.125, 2.875));
}

TEST(Schedule, ASlotThatIsFreeAgainIsGivenToTheOneWhoWaitedLongest) {
  const Outcome outcome = Play({.requests = {{0, 1, 1}, {0, 1, 2}, {0, 1, 1}}, .max_batch = 2});
  EXPECT_EQ(outcome.order, "p0 p0 p1 s1 ");
  EXPECT_EQ(outcome.times[2].started, 0.5);
}

TEST(Schedule, WhoIsPastTheDeadlineFailsWaitingOrRunning) {
  const Outcome outcome =
      Play({.requests = {{0, 4, 9}, {0, 4, 1}, {3, 4, 1}}, .max_batch = 1, .deadline_seconds = 2});
  EXPECT_TRUE(outcome.times[0].failed);  // after its third token, at 2.25
  EXPECT_TRUE(outcome.times[1].failed);  // never began
  EXPECT_FALSE(outcome.times[2].failed);
  EXPECT_EQ(outcome.order, "p0 s1 s1 p0 ");
  EXPECT_THAT(outcome.errors, ElementsAre("past its deadline"));
  EXPECT_EQ(ComputeServeMetrics(outcome.times, {}).failed, 2);
}

TEST(Schedule, ARequestThatTheEngineRefusesFailsAlone) {
  const Outcome outcome = Play({.requests = {{0, 101, 1}, {0, 4, 1}}, .max_batch = 1});
  EXPECT_TRUE(outcome.times[0].failed);
  EXPECT_FALSE(outcome.times[1].failed);
  EXPECT_THAT(outcome.errors, ElementsAre(HasSubstr("no room")));
}

TEST(Schedule, UsersOfAClosedLoopSendWhenTheyAreServed) {
  const Outcome outcome =
      Play({.requests = {{9, 4, 2}, {9, 4, 2}, {9, 4, 1}}, .max_batch = 4, .users = 1});
  EXPECT_EQ(outcome.order, "p0 s1 p0 s1 p0 ");
  EXPECT_EQ(outcome.times[0].scheduled, 0);
  EXPECT_EQ(outcome.times[1].scheduled, 1.625);
  EXPECT_EQ(outcome.times[2].scheduled, 3.25);
  for (const RequestTimes& times : outcome.times) EXPECT_EQ(times.Ttft(), 1);
}

TEST(Schedule, MoreUsersThanRequestsAreServedToo) {
  const Outcome outcome = Play({.requests = {{0, 4, 1}}, .max_batch = 2, .users = 8});
  EXPECT_EQ(outcome.order, "p0 ");
  EXPECT_THAT(Play({}).times, IsEmpty());
}

TEST(Schedule, StopsWhenAskedToAndWhenAPassFails) {
  FakeClock clock;
  FakeEngine engine(clock);
  const ServePlan plan = {.requests = {{0, 1, 1}, {0, 1, 1}}};
  const auto stop = [](int64_t done, int64_t total) {
    EXPECT_EQ(total, 2);
    return done < 1 ? OkStatus() : Interrupted("stopped");
  };
  EXPECT_EQ(RunSchedule(plan, engine, clock, stop).status().code(), StatusCode::kInterrupted);
  engine.broken = true;
  const ServePlan longer = {.requests = {{0, 1, 2}}};
  EXPECT_EQ(RunSchedule(longer, engine, clock, nullptr).status().code(), StatusCode::kNumerics);
}

// An M/D/1 queue: with fixed service time s and Poisson arrivals at rate r, the mean wait is
// r s^2 / (2 (1 - r s)). Over 40000 requests at r s = 1/2 the waits (standard deviation about 0.8
// s, correlated over some ten requests) have a standard error of the mean near 0.8 sqrt(10 / 40000)
// = 0.013 s of 0.5 s; three of these.
TEST(Schedule, WaitsAsQueueingTheorySays) {
  ServePlan plan;
  double time = 0;
  uint64_t state = 1;
  for (int i = 0; i < 40000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    time += -std::log1p(-static_cast<double>(state >> 11) * 0x1p-53) / 0.5;
    plan.requests.push_back({time, 4, 1});  // 1 s each
  }
  const Outcome outcome = Play(plan);
  EXPECT_NEAR(ComputeServeMetrics(outcome.times, {}).queue.mean, 0.5, 0.04);
}

}  // namespace
}  // namespace crumb
