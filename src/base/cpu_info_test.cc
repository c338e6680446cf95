#include "base/cpu_info.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

namespace crumb {
namespace {

// The features that the kernel reports, which also looks at what the system saves.
std::vector<std::string> KernelFlags() {
  std::ifstream file("/proc/cpuinfo");
  std::vector<std::string> flags;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("flags") && !line.starts_with("Features")) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    for (std::string word; words >> word;) flags.push_back(word);
    break;
  }
  return flags;
}

TEST(CpuInfo, AgreesWithTheKernel) {
  const std::vector<std::string> flags = KernelFlags();
  if (flags.empty()) GTEST_SKIP() << "/proc/cpuinfo has no flags here";
  for (const std::string& feature : HostCpu().features) {
    EXPECT_NE(std::find(flags.begin(), flags.end(), feature), flags.end()) << feature;
  }
  for (const char* feature :
       {"avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512vbmi", "asimddp"}) {
    const bool there = std::find(flags.begin(), flags.end(), feature) != flags.end();
    EXPECT_EQ(HostCpu().Has(feature), there) << feature;
  }
  EXPECT_FALSE(HostCpu().Has("avx3"));
}

TEST(CpuInfo, CachesGrowByLevel) {
  const CpuInfo& cpu = HostCpu();
  EXPECT_FALSE(cpu.model.empty());
  for (size_t i = 0; i < cpu.caches.size(); ++i) {
    EXPECT_GE(cpu.caches[i].shared_by, 1);
    EXPECT_GE(cpu.caches[i].bytes, 1024);
    EXPECT_GE(cpu.LastLevelCacheBytes(), cpu.caches[i].bytes);
    if (i > 0) {
      EXPECT_GE(cpu.caches[i].level, cpu.caches[i - 1].level);
    }
  }
}

}  // namespace
}  // namespace crumb
