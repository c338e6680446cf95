#include "lab/energy_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace crumb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A machine of 20 W that takes 80 W while it works; a prompt of 512 tokens takes 2 s, a run of 32
// generated tokens 1 s.
struct Machine {
  double now = 0;
  double joules = 0;
  void Pass(double seconds, double watts) {
    now += seconds;
    joules += watts * seconds;
  }
};

class FakeSource : public EnergySource {
 public:
  explicit FakeSource(Machine& machine) : machine_(machine) {}
  std::string source() const override { return "rapl"; }
  Status Start() override {
    start_ = machine_;
    return OkStatus();
  }
  Status Poll() override {
    ++polls;
    return polls == broken_at ? IoError("the energy counter package-0 can not be read any more")
                              : OkStatus();
  }
  Result<Energy> Stop() override {
    return Energy{machine_.joules - start_.joules, machine_.now - start_.now, "package-0"};
  }
  int polls = 0;
  int broken_at = 0;

 private:
  Machine& machine_;
  Machine start_;
};

struct Bench {
  explicit Bench(double busy_watts = 80) {
    auto source = std::make_unique<FakeSource>(machine);
    fake = source.get();
    sources.found.push_back(std::move(source));
    works = {{"prompt",
              [this, busy_watts]() -> Result<int64_t> {
                machine.Pass(2, busy_watts);
                return 512;
              }},
             {"generation", [this, busy_watts]() -> Result<int64_t> {
                machine.Pass(1, busy_watts);
                return 32;
              }}};
    options.now = [this] { return machine.now; };
    options.sleep = [this](double seconds) { machine.Pass(seconds, 20); };
  }
  Machine machine;
  EnergySources sources;
  FakeSource* fake;
  std::vector<EnergyWork> works;
  EnergyOptions options;
};

TEST(EnergyRun, IdleIsMeasuredFirstAndTakenOffForTheNet) {
  Bench bench;
  const auto results = MeasureEnergy(bench.sources, bench.works, bench.options);
  ASSERT_TRUE(results.ok());
  ASSERT_EQ(results->size(), 2u);
  const EnergyOfWork& prompt = results->at(0);
  EXPECT_EQ(prompt.work, "prompt");
  EXPECT_DOUBLE_EQ(prompt.idle.watts(), 20);
  EXPECT_DOUBLE_EQ(prompt.idle.seconds, 10);
  EXPECT_EQ(prompt.tokens, 15 * 512);  // 30 s; the warm-up is not among them
  EXPECT_DOUBLE_EQ(prompt.busy.watts(), 80);
  EXPECT_DOUBLE_EQ(prompt.JoulesPerToken(), 160.0 / 512);
  EXPECT_DOUBLE_EQ(prompt.NetJoulesPerToken(), 120.0 / 512);
  EXPECT_DOUBLE_EQ(results->at(1).JoulesPerToken(), 2.5);
  EXPECT_THAT(prompt.reasons, IsEmpty());
  EXPECT_GE(bench.fake->polls, 4);
}

TEST(EnergyRun, AShortWindowIsInvalid) {
  Bench bench;
  bench.options.work_seconds = 4;
  const auto results = MeasureEnergy(bench.sources, bench.works, bench.options);
  ASSERT_TRUE(results.ok());
  EXPECT_THAT(results->at(0).reasons, ElementsAre("prompt by rapl: 4.0 s; 30 are the least"));
}

TEST(EnergyRun, WorkThatTakesLessThanIdlenessIsInvalid) {
  Bench bench(8);
  const auto results = MeasureEnergy(bench.sources, bench.works, bench.options);
  ASSERT_TRUE(results.ok());
  EXPECT_THAT(results->at(0).reasons, ElementsAre("prompt by rapl: 8.0 W, and 20.0 W when idle"));
}

TEST(EnergyRun, ACounterThatBreaksIsNotMeasuredFromThereOn) {
  Bench bench;
  bench.fake->broken_at = 4;
  const auto results = MeasureEnergy(bench.sources, bench.works, bench.options);
  ASSERT_TRUE(results.ok());
  EXPECT_TRUE(results->at(0).idle.measured());
  EXPECT_THAT(results->at(0).busy.not_measured, HasSubstr("can not be read any more"));
  EXPECT_TRUE(results->at(1).busy.measured());  // a stretch of its own
}

TEST(EnergyRun, StopsWhenAskedToOrWhenTheWorkFails) {
  Bench bench;
  bench.options.between = [](const std::string& step) {
    return step == "idle" ? OkStatus() : Interrupted("stopped");
  };
  EXPECT_EQ(MeasureEnergy(bench.sources, bench.works, bench.options).status().code(),
            StatusCode::kInterrupted);
  bench.works[0].run = []() -> Result<int64_t> { return NumericsError("NaN"); };
  EXPECT_EQ(MeasureEnergy(bench.sources, bench.works, bench.options).status().code(),
            StatusCode::kNumerics);
}

}  // namespace
}  // namespace crumb
