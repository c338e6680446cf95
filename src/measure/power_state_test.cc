#include "measure/power_state.h"

#include <gtest/gtest.h>

#include "measure/fake_root.h"

namespace crumb {
namespace {

constexpr char kCpus[] = "sys/devices/system/cpu/";

TEST(PowerState, TakesTheFastestCpuAndAddsTheThrottling) {
  FakeRoot root;
  const std::string cpus = kCpus;
  for (const auto& [cpu, khz] : {std::pair("cpu0", "1800000\n"), {"cpu1", "3100000\n"}}) {
    root.Write(cpus + cpu + "/cpufreq/scaling_governor", "schedutil\n");
    root.Write(cpus + cpu + "/cpufreq/scaling_cur_freq", khz);
    root.Write(cpus + cpu + "/cpufreq/cpuinfo_max_freq", "4200000\n");
    root.Write(cpus + cpu + "/thermal_throttle/core_throttle_count", "3\n");
    root.Write(cpus + cpu + "/thermal_throttle/package_throttle_count", "4\n");
  }
  root.Write(cpus + "cpufreq/boost", "1\n");  // no CPU
  root.Write("proc/vmstat", "pgfault 5\npswpin 2\npswpout 7\n");
  const PowerState state = ReadPowerState(root.path());
  EXPECT_EQ(state.governor, "schedutil");
  EXPECT_EQ(state.clock_hz, 3100000000);
  EXPECT_EQ(state.clock_max_hz, 4200000000);
  EXPECT_EQ(state.clock_source, "cpufreq");
  EXPECT_EQ(state.throttle_events, 14);
  EXPECT_EQ(state.swapped_pages, 9);
}

TEST(PowerState, FallsBackToTheClockOfCpuinfo) {
  FakeRoot root;
  root.Write("proc/cpuinfo", "cpu MHz\t\t: 2596.5\nflags\t: x\ncpu MHz\t\t: 2600.25\n");
  const PowerState state = ReadPowerState(root.path());
  EXPECT_EQ(state.clock_hz, 2600250000);
  EXPECT_EQ(state.clock_source, "cpuinfo");
  EXPECT_EQ(state.clock_max_hz, 0);
  EXPECT_EQ(state.governor, "");
}

TEST(PowerState, SaysWhereNothingIsTold) {
  const FakeRoot root;
  const PowerState state = ReadPowerState(root.path());
  EXPECT_EQ(state.clock_hz, 0);
  EXPECT_EQ(state.clock_source, "not told");
  EXPECT_EQ(state.throttle_events, -1);
  EXPECT_EQ(state.swapped_pages, -1);
}

}  // namespace
}  // namespace crumb
