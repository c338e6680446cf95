#include "measure/energy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "measure/fake_root.h"
#include "measure/machine.h"

namespace crumb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kPackage[] = "sys/class/powercap/intel-rapl:0/";
constexpr char kDram[] = "sys/class/powercap/intel-rapl:0/intel-rapl:0:2/";

void AddZone(FakeRoot& root, const std::string& folder, const std::string& name, int64_t energy) {
  root.Write(folder + "name", name + "\n");
  root.Write(folder + "energy_uj", std::to_string(energy) + "\n");
  root.Write(folder + "max_energy_range_uj", "262143328850\n");
}

// A laptop: package with core, uncore and dram, and the whole platform as psys, whose parts the
// kernel also shows at the top level.
void AddLaptop(FakeRoot& root) {
  AddZone(root, kPackage, "package-0", 1000000);
  AddZone(root, kDram, "dram", 500000);
  AddZone(root, "sys/class/powercap/intel-rapl:0/intel-rapl:0:0/", "core", 7000000);
  AddZone(root, "sys/class/powercap/intel-rapl:0:0/", "core", 7000000);
  AddZone(root, "sys/class/powercap/intel-rapl:1/", "psys", 9000000);
}

TEST(EnergyCounters, OverlappingZonesAreLeftOut) {
  FakeRoot root;
  AddLaptop(root);
  const MachineInfo info = DescribeMachine(root.path());
  EXPECT_THAT(info.energy_counters, ElementsAre("package-0", "package-0/dram"));
  EXPECT_EQ(info.energy_note, "");
}

TEST(EnergyCounters, AMachineWithoutThemIsNotMeasured) {
  FakeRoot root;
  const MachineInfo info = DescribeMachine(root.path());
  EXPECT_TRUE(info.energy_counters.empty());
  EXPECT_THAT(info.energy_note, StartsWith("not measured: "));
  const Result<EnergyMeter> meter = EnergyMeter::Create(root.path());
  ASSERT_FALSE(meter.ok());
  EXPECT_EQ(meter.status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(meter.status().message(), info.energy_note);
}

TEST(EnergyCounters, UnreadableOnesAreSaidToBeUnreadable) {
  FakeRoot root;
  root.Write(std::string(kPackage) + "name", "package-0\n");
  root.Write(std::string(kPackage) + "energy_uj/is_a_folder", "so reading it fails, for root too");
  EXPECT_THAT(FindEnergyCounters(root.path()).note, HasSubstr("may not read them"));
}

TEST(EnergyMeter, AddsThePackageAndItsMemory) {
  FakeRoot root;
  AddLaptop(root);
  Result<EnergyMeter> meter = EnergyMeter::Create(root.path());
  ASSERT_TRUE(meter.ok());
  ASSERT_TRUE(meter->Start().ok());
  root.Write(std::string(kPackage) + "energy_uj", "3500000\n");
  root.Write(std::string(kDram) + "energy_uj", "700000\n");
  const Result<Energy> energy = meter->Stop();
  ASSERT_TRUE(energy.ok());
  EXPECT_DOUBLE_EQ(energy->joules, 2.5 + 0.2);
  EXPECT_EQ(energy->scope, "package-0 + package-0/dram");
  EXPECT_GE(energy->seconds, 0);
}

TEST(EnergyMeter, CountsOnAcrossAWrapSeenByPoll) {
  FakeRoot root;
  AddZone(root, kPackage, "package-0", 262143328850 - 1000000);
  Result<EnergyMeter> meter = EnergyMeter::Create(root.path());
  ASSERT_TRUE(meter.ok());
  ASSERT_TRUE(meter->Start().ok());
  root.Write(std::string(kPackage) + "energy_uj", "2000000\n");
  ASSERT_TRUE(meter->Poll().ok());
  root.Write(std::string(kPackage) + "energy_uj", "2500000\n");
  const Result<Energy> energy = meter->Stop();
  ASSERT_TRUE(energy.ok());
  EXPECT_DOUBLE_EQ(energy->joules, 3.5);
}

TEST(EnergyMeter, ACounterThatVanishesIsAnError) {
  FakeRoot root;
  AddZone(root, kPackage, "package-0", 5);
  Result<EnergyMeter> meter = EnergyMeter::Create(root.path());
  ASSERT_TRUE(meter.ok());
  ASSERT_TRUE(meter->Start().ok());
  ASSERT_TRUE(RemoveAll(JoinPath(root.path(), "sys")).ok());
  EXPECT_EQ(meter->Stop().status().code(), StatusCode::kIoError);
}

TEST(EnergyMeter, MeasuresThisMachine) {
  Result<EnergyMeter> meter = EnergyMeter::Create();
  if (!meter.ok()) GTEST_SKIP() << meter.status().message();
  ASSERT_TRUE(meter->Start().ok());
  const double start = Now();
  while (Now() - start < 0.2) {
  }
  const Result<Energy> energy = meter->Stop();
  ASSERT_TRUE(energy.ok());
  // A package in use takes between a tenth of a watt and a kilowatt.
  EXPECT_GT(energy->joules / energy->seconds, 0.1);
  EXPECT_LT(energy->joules / energy->seconds, 1000);
}

}  // namespace
}  // namespace crumb
