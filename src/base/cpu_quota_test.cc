#include "base/cpu_quota.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "base/temporary_folder_for_test.h"

namespace crumb {
namespace {

class CpuQuotaTest : public testing::Test {
 protected:
  void Put(const std::string& path, const std::string& text) {
    const std::filesystem::path file = folder_.path() + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  double Quota() { return CpuQuota(folder_.path()); }

  TemporaryFolder folder_;
  static constexpr double kNone = std::numeric_limits<double>::infinity();
};

TEST_F(CpuQuotaTest, IsInfiniteWithoutControlGroups) { EXPECT_EQ(Quota(), kNone); }

TEST_F(CpuQuotaTest, OfAContainerStandsAtTheMount) {
  Put("/proc/self/cgroup", "0::/\n");
  Put("/sys/fs/cgroup/cpu.max", "150000 100000\n");
  EXPECT_EQ(Quota(), 1.5);
  Put("/sys/fs/cgroup/cpu.max", "max 100000\n");
  EXPECT_EQ(Quota(), kNone);
}

TEST_F(CpuQuotaTest, IsTheLeastOfAllGroupsAboveTheProcess) {
  Put("/proc/self/cgroup", "0::/user.slice/run.scope/part\n");
  Put("/sys/fs/cgroup/user.slice/cpu.max", "400000 100000\n");
  Put("/sys/fs/cgroup/user.slice/run.scope/cpu.max", "100000 50000\n");
  Put("/sys/fs/cgroup/user.slice/run.scope/part/cpu.max", "max 100000\n");
  EXPECT_EQ(Quota(), 2);
  Put("/sys/fs/cgroup/user.slice/run.scope/part/cpu.max", "30000 100000\n");
  EXPECT_DOUBLE_EQ(Quota(), 0.3);
}

TEST_F(CpuQuotaTest, OfVersionOneIsReadWhereTheCpuControllerIs) {
  Put("/proc/self/cgroup", "5:memory:/a\n3:cpu,cpuacct:/docker/b\n");
  Put("/sys/fs/cgroup/cpu/docker/b/cpu.cfs_quota_us", "300000\n");
  Put("/sys/fs/cgroup/cpu/docker/b/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(Quota(), 3);
  Put("/sys/fs/cgroup/cpu/docker/b/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(Quota(), kNone);
}

// The path of the host, as a container without a namespace of its own sees it.
TEST_F(CpuQuotaTest, AGroupThatIsNotThereHidesNotTheMount) {
  Put("/proc/self/cgroup", "0::/../../other\n");
  Put("/sys/fs/cgroup/cpu.max", "200000 100000\n");
  EXPECT_EQ(Quota(), 2);
  Put("/proc/self/cgroup", "0::/host/only\n");
  EXPECT_EQ(Quota(), 2);
}

TEST_F(CpuQuotaTest, NonsenseIsNoQuota) {
  for (const char* text : {"", "x", "0 100000", "-5 100000", "100000 0", "100000"}) {
    Put("/sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(Quota(), kNone) << text;
  }
}

}  // namespace
}  // namespace crumb
