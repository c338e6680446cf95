#include "measure/repeat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/thread_pool.h"
#include "measure/fake_root.h"

namespace crumb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(MeasureInTurns, AlternatesTheOrderAndThrowsTheWarmUpAway) {
  std::string order;
  double next = 0;
  std::vector<NamedMeasurement> measurements;
  for (const char name : {'a', 'b', 'c'}) {
    measurements.push_back({std::string(1, name), [&order, &next, name]() -> Result<double> {
                              order += name;
                              return ++next;
                            }});
  }
  RepeatOptions options;
  options.rounds = 3;
  std::vector<int> done;
  options.between = [&](int finished, int total) {
    EXPECT_EQ(total, 12);
    done.push_back(finished);
    return OkStatus();
  };
  const Result<RepeatResult> result = MeasureInTurns(measurements, options);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(order, "abccbaabccba");
  EXPECT_THAT(done, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  ASSERT_EQ(result->of.size(), 3u);
  EXPECT_EQ(result->of[0].name, "a");
  EXPECT_THAT(result->of[0].samples, ElementsAre(6, 7, 12));
  EXPECT_THAT(result->of[2].samples, ElementsAre(4, 9, 10));
  EXPECT_EQ(result->of[0].median, 7);
  EXPECT_EQ(result->of[0].min, 6);
  EXPECT_EQ(result->of[0].max, 12);
  EXPECT_EQ(result->of[0].interval.low, 6);  // three samples: the whole range
  EXPECT_EQ(result->of[0].interval.high, 12);
  // Three samples are too few, and the last three (7 to 12) too far apart.
  EXPECT_THAT(result->of[0].reasons,
              ElementsAre("a: 3 repetitions; 5 are the least", HasSubstr("a: the last 3 rounds")));
}

TEST(MeasureInTurns, StopsAtTheFirstErrorAndSaysWhose) {
  int runs = 0;
  const std::vector<NamedMeasurement> measurements = {
      {"good", [&]() -> Result<double> { return static_cast<double>(++runs); }},
      {"bad", [&]() -> Result<double> { return NumericsError("3 of 7 logits are not finite"); }}};
  const Result<RepeatResult> result = MeasureInTurns(measurements, {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kNumerics);
  EXPECT_EQ(result.status().message(), "bad: 3 of 7 logits are not finite");
  EXPECT_EQ(runs, 1);
}

TEST(MeasureInTurns, StopsWhenAskedTo) {
  RepeatOptions options;
  options.between = [](int done, int) { return done < 4 ? OkStatus() : Interrupted("stopped"); };
  int runs = 0;
  const std::vector<NamedMeasurement> one = {
      {"one", [&]() -> Result<double> { return static_cast<double>(++runs); }}};
  EXPECT_EQ(MeasureInTurns(one, options).status().code(), StatusCode::kInterrupted);
  EXPECT_EQ(runs, 4);
}

// proc/self/stat with user and system time in the fields 14 and 15, and a name that has a space.
std::string OwnStat(int ticks) {
  return "17 (a b) R 1 1 1 0 -1 4194304 1 0 0 0 " + std::to_string(ticks) + " 0 0 0 20 0 1 0\n";
}

TEST(BusyWatch, IsSilentOnAQuietMachine) {
  FakeRoot root;
  root.Write("proc/loadavg", "0.00 0.01 0.05 1/100 1234\n");
  root.Write("proc/stat", "cpu  100 0 50 1000 0 0 0 0 0 0\ncpu0 1 2 3\n");
  root.Write("proc/self/stat", OwnStat(40));
  const BusyWatch watch(root.path());
  root.Write("proc/stat", "cpu  300 0 51 1100 0 0 0 0 0 0\n");
  root.Write("proc/self/stat", OwnStat(240));  // 200 of 201 busy ticks are our own
  EXPECT_THAT(watch.Notes(), IsEmpty());
}

TEST(BusyWatch, TellsStealOtherProcessesAndLoad) {
  FakeRoot root;
  root.Write("proc/loadavg", std::to_string(2 * UsableCpus()) + ".00 0.01 0.05 1/100 1234\n");
  root.Write("proc/stat", "cpu  100 0 50 1000 0 0 0 0 0 0\n");
  root.Write("proc/self/stat", OwnStat(40));
  const BusyWatch watch(root.path());
  root.Write("proc/stat", "cpu  300 0 50 1100 0 0 0 100 0 0\n");
  root.Write("proc/self/stat", OwnStat(140));  // of 400 ticks 100 idle, 100 stolen, 100 our own
  EXPECT_THAT(watch.Notes(), ElementsAre(HasSubstr("load average was 2.0 per CPU"),
                                         HasSubstr("other virtual machines took 25.0 %"),
                                         HasSubstr("other processes took 25.0 %")));
}

TEST(BusyWatch, SaysNothingWhereNothingIsKnown) {
  const FakeRoot root;
  BusyWatch watch(root.path());
  watch.Look();
  EXPECT_THAT(watch.Notes(), IsEmpty());
  EXPECT_THAT(watch.Judge().reasons, IsEmpty());
}

TEST(BusyWatch, AShareOfStealIsANoteBeforeItIsAVerdict) {
  FakeRoot root;
  root.Write("proc/self/stat", OwnStat(0));
  root.Write("proc/stat", "cpu  0 0 0 0 0 0 0 0 0 0\n");
  const BusyWatch watch(root.path());
  root.Write("proc/self/stat", OwnStat(500));
  root.Write("proc/stat", "cpu  500 0 0 485 0 0 0 15 0 0\n");  // 1.5 %
  EXPECT_THAT(watch.Judge().notes, ElementsAre(HasSubstr("took 1.5 %")));
  EXPECT_THAT(watch.Judge().reasons, IsEmpty());
  root.Write("proc/stat", "cpu  500 0 0 475 0 0 0 25 0 0\n");  // 2.5 %
  const BusyWatch::Verdict verdict = watch.Judge();
  EXPECT_THAT(verdict.reasons, ElementsAre("other virtual machines took 2.5 % of the CPU time"));
  EXPECT_THAT(verdict.notes, IsEmpty());  // told once
}

TEST(BusyWatch, OtherProcessesAreAVerdictAndTheLoadAverageIsNot) {
  FakeRoot root;
  root.Write("proc/loadavg", std::to_string(2 * UsableCpus()) + ".00 0.01 0.05 1/100 1234\n");
  root.Write("proc/self/stat", OwnStat(0));
  root.Write("proc/stat", "cpu  0 0 0 0 0 0 0 0 0 0\n");
  const BusyWatch watch(root.path());
  EXPECT_THAT(watch.Judge().reasons, IsEmpty());
  root.Write("proc/stat", "cpu  60 0 0 940 0 0 0 0 0 0\n");
  EXPECT_THAT(watch.Judge().reasons, ElementsAre("other processes took 6.0 % of the CPU time"));
}

TEST(BusyWatch, AClockThatFallsBetweenLooksIsAVerdict) {
  FakeRoot root;
  const std::string clock = "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq";
  root.Write(clock, "800000\n");  // idle: not a look
  BusyWatch watch(root.path());
  root.Write(clock, "4000000\n");
  watch.Look();
  root.Write(clock, "3700000\n");
  watch.Look();
  EXPECT_THAT(watch.Judge().reasons, IsEmpty());
  root.Write(clock, "3500000\n");
  watch.Look();
  EXPECT_THAT(watch.Judge().reasons,
              ElementsAre("the clock fell from 4.00 to 3.50 GHz between rounds"));
}

TEST(BusyWatch, ThrottlingAndSwappingMeanwhileAreVerdicts) {
  FakeRoot root;
  const std::string count = "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count";
  root.Write(count, "7\n");
  root.Write("proc/vmstat", "pswpin 5\npswpout 5\n");
  const BusyWatch watch(root.path());
  EXPECT_THAT(watch.Judge().reasons, IsEmpty());
  root.Write(count, "9\n");
  root.Write("proc/vmstat", "pswpin 5\npswpout 8\n");
  EXPECT_THAT(watch.Judge().reasons,
              ElementsAre("the CPU was throttled by heat 2 times", "the system swapped 3 pages"));
}

}  // namespace
}  // namespace crumb
