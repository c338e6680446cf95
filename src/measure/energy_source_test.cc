#include "measure/energy_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "measure/battery.h"
#include "measure/fake_root.h"
#include "measure/meter_file.h"
#include "measure/nvml_energy.h"

namespace crumb {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Energy, NineJoulesATokenAreTwoAndAHalfKilowattHoursAMillion) {
  EXPECT_DOUBLE_EQ(KwhPerMillionTokens(9.0), 2.5);
  EXPECT_DOUBLE_EQ(KwhPerMillionTokens(3.6), 1.0);
}

TEST(Energy, EverySourceThatIsMissingSaysWhy) {
  const FakeRoot root;
  const Result<EnergySources> sources =
      FindEnergySources({.root = root.path(), .nvml_library = "libno-such-thing.so.1"});
  ASSERT_TRUE(sources.ok());
  EXPECT_TRUE(sources->found.empty());
  ASSERT_EQ(sources->missing.size(), 4u);
  for (const MissingSource& missing : sources->missing) {
    EXPECT_THAT(missing.why, StartsWith("not measured: ")) << missing.source;
  }
}

TEST(Energy, ACounterThatStandsStillIsNotMeasuredAndNotZero) {
  FakeRoot root;
  const std::string zone = "sys/class/powercap/intel-rapl:0/";
  root.Write(zone + "name", "package-0\n");
  root.Write(zone + "energy_uj", "5000000\n");
  root.Write(zone + "max_energy_range_uj", "262143328850\n");
  const Result<EnergySources> sources =
      FindEnergySources({.root = root.path(), .nvml_library = "libno-such-thing.so.1"});
  ASSERT_TRUE(sources.ok());
  ASSERT_EQ(sources->found.size(), 1u);
  EnergySource& rapl = *sources->found.front();
  EXPECT_EQ(rapl.source(), "rapl");
  ASSERT_TRUE(rapl.Start().ok());
  EXPECT_THAT(rapl.Stop().status().message(), HasSubstr("did not move"));
  ASSERT_TRUE(rapl.Start().ok());
  root.Write(zone + "energy_uj", "7500000\n");
  EXPECT_DOUBLE_EQ(rapl.Stop()->joules, 2.5);
}

// Two GPUs whose counters the test moves.
unsigned long long gpu_mj[2];
int gpu_error = 0;
int gpu_users = 0;
NvmlApi FakeNvml() {
  NvmlApi api;
  api.init = [] { return ++gpu_users, 0; };
  api.shutdown = [] { return --gpu_users, 0; };
  api.count = [](unsigned* count) { return *count = 2, 0; };
  api.device = [](unsigned i, NvmlApi::Device* device) { return *device = &gpu_mj[i], 0; };
  api.total_energy = [](NvmlApi::Device device, unsigned long long* mj) {
    *mj = *static_cast<unsigned long long*>(device);
    return gpu_error;
  };
  return api;
}

TEST(NvmlEnergy, AddsAllGpusInMillijoules) {
  gpu_mj[0] = 1000;
  gpu_mj[1] = 5000;
  gpu_error = 0;
  {
    Result<std::unique_ptr<EnergySource>> source = MakeNvmlSource(FakeNvml());
    ASSERT_TRUE(source.ok()) << source.status().message();
    EXPECT_EQ(gpu_users, 1);
    ASSERT_TRUE((*source)->Start().ok());
    gpu_mj[0] += 1500;
    gpu_mj[1] += 250;
    const Result<Energy> energy = (*source)->Stop();
    ASSERT_TRUE(energy.ok());
    EXPECT_DOUBLE_EQ(energy->joules, 1.75);
    EXPECT_EQ(energy->scope, "gpu-0 + gpu-1");
    ASSERT_TRUE((*source)->Start().ok());
    EXPECT_THAT((*source)->Stop().status().message(), HasSubstr("did not move"));
    gpu_mj[1] = 3;
    EXPECT_THAT((*source)->Stop().status().message(), HasSubstr("started anew"));
  }
  EXPECT_EQ(gpu_users, 0);
}

TEST(NvmlEnergy, AGpuWithoutACounterIsNotMeasured) {
  gpu_error = 3;  // NVML_ERROR_NOT_SUPPORTED
  const Result<std::unique_ptr<EnergySource>> source = MakeNvmlSource(FakeNvml());
  ASSERT_FALSE(source.ok());
  EXPECT_THAT(source.status().message(), StartsWith("not measured: GPU 0"));
  EXPECT_EQ(gpu_users, 0);
}

constexpr char kBattery[] = "sys/class/power_supply/BAT0/";

TEST(Battery, CountsWhatItGaveWhileItIsDischarged) {
  FakeRoot root;
  root.Write(std::string(kBattery) + "type", "Battery\n");
  root.Write(std::string(kBattery) + "status", "Discharging\n");
  root.Write(std::string(kBattery) + "energy_now", "40000000\n");  // 40 Wh
  root.Write("sys/class/power_supply/AC/type", "Mains\n");
  root.Write("sys/class/power_supply/mouse/type", "Battery\n");
  root.Write("sys/class/power_supply/mouse/scope", "Device\n");
  Result<std::unique_ptr<EnergySource>> source = MakeBatterySource(root.path());
  ASSERT_TRUE(source.ok()) << source.status().message();
  ASSERT_TRUE((*source)->Start().ok());
  root.Write(std::string(kBattery) + "energy_now", "39990000\n");  // 10 mWh less
  const Result<Energy> energy = (*source)->Stop();
  ASSERT_TRUE(energy.ok());
  EXPECT_NEAR(energy->joules, 36, 1e-9);
  EXPECT_EQ(energy->scope, "whole machine by BAT0");
}

TEST(Battery, TakesChargeTimesVoltageWhereThereIsNoEnergy) {
  FakeRoot root;
  root.Write(std::string(kBattery) + "type", "Battery\n");
  root.Write(std::string(kBattery) + "status", "Discharging\n");
  root.Write(std::string(kBattery) + "charge_now", "4000000\n");    // 4 Ah
  root.Write(std::string(kBattery) + "voltage_now", "12000000\n");  // 12 V
  Result<std::unique_ptr<EnergySource>> source = MakeBatterySource(root.path());
  ASSERT_TRUE(source.ok());
  ASSERT_TRUE((*source)->Start().ok());
  root.Write(std::string(kBattery) + "charge_now", "3999000\n");
  EXPECT_NEAR((*source)->Stop()->joules, 1e-3 * 12 * 3600, 1e-6);
}

TEST(Battery, OneOnTheMainsTellsNothing) {
  FakeRoot root;
  root.Write(std::string(kBattery) + "type", "Battery\n");
  root.Write(std::string(kBattery) + "status", "Charging\n");
  root.Write(std::string(kBattery) + "energy_now", "40000000\n");
  EXPECT_THAT(MakeBatterySource(root.path()).status().message(), HasSubstr("not being discharged"));
}

TEST(MeterFile, PowerIsIntegratedByTrapezoids) {
  const Result<MeterLog> log =
      ParseMeterLog("time,volts,watts\n100,230,10\n101,230,20\n\n103,229,20\n", 0, "meter.csv");
  ASSERT_TRUE(log.ok()) << log.status().message();
  EXPECT_DOUBLE_EQ(JoulesBetween(*log, 100, 103).value(), 15 + 40);
  EXPECT_DOUBLE_EQ(JoulesBetween(*log, 101, 102).value(), 20);
}

TEST(MeterFile, ACounterThatStartsAnewIsCarriedOn) {
  const char* text = "joules,time\n900,1\n980,2\n40,3\n60,4\n";
  const Result<MeterLog> log = ParseMeterLog(text, 1000, "meter.csv");
  ASSERT_TRUE(log.ok()) << log.status().message();
  EXPECT_DOUBLE_EQ(JoulesBetween(*log, 1, 4).value(), 80 + 60 + 20);
  EXPECT_DOUBLE_EQ(JoulesBetween(*log, 2, 3).value(), 60);
  const Result<MeterLog> unknown = ParseMeterLog(text, 0, "meter.csv");
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(unknown.status().message(), HasSubstr("meter.csv: line 4: the counter"));
}

TEST(MeterFile, WorkOutsideTheLogIsNotMeasured) {
  const Result<MeterLog> log = ParseMeterLog("time,watts\n100,10\n200,10\n", 0, "m");
  EXPECT_THAT(JoulesBetween(*log, 99, 150).status().message(), StartsWith("not measured: "));
  EXPECT_THAT(JoulesBetween(*log, 150, 201).status().message(), HasSubstr("covers 100.000"));
  const Result<MeterLog> empty = ParseMeterLog("time,watts\n", 0, "m");
  EXPECT_THAT(JoulesBetween(*empty, 1, 2).status().message(), HasSubstr("no lines of data"));
}

TEST(MeterFile, WhatIsNoLogIsRefusedWithItsLine) {
  const auto refused = [](const char* text, const char* words) {
    const Result<MeterLog> log = ParseMeterLog(text, 0, "m.csv");
    ASSERT_FALSE(log.ok()) << text;
    EXPECT_EQ(log.status().code(), StatusCode::kCorrupt);
    EXPECT_THAT(log.status().message(), HasSubstr(words));
  };
  refused("", "m.csv: is empty");
  refused("seconds,watts\n", "line 1");
  refused("time,watts,joules\n", "line 1");
  refused("time,watts\n1,x\n", "line 2 has no number in column 2");
  refused("time,watts\n1,nan\n", "line 2");
  refused("time,watts\n1\n", "line 2");
  refused("time,watts\n1,2\n1,2\n", "line 3: the time does not go on");
}

TEST(MeterFile, ASourceReadsTheFileThatAnotherWrites) {
  FakeRoot root;
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  // 50 W for a minute around now, and the half line of somebody who is still writing.
  root.Write("meter.csv", "time,watts\n" + std::to_string(now - 30) + ",50\n" +
                              std::to_string(now + 30) + ",50\n" +
                              std::to_string(now + 31).substr(0, 5));
  Result<std::unique_ptr<EnergySource>> source =
      MakeMeterSource(JoinPath(root.path(), "meter.csv"), 0);
  ASSERT_TRUE(source.ok()) << source.status().message();
  ASSERT_TRUE((*source)->Start().ok());
  const Result<Energy> energy = (*source)->Stop();
  ASSERT_TRUE(energy.ok()) << energy.status().message();
  EXPECT_EQ(energy->scope, "external meter meter.csv");
  // Times near 2^31 seconds have a resolution of 2^-22 s.
  EXPECT_NEAR(energy->joules, 50 * energy->seconds, 50 * 1e-6);
}

}  // namespace
}  // namespace crumb
