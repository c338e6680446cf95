#include "measure/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <string>

#include "base/cpu_info.h"
#include "measure/fake_root.h"
#include "measure/read_stream.h"

namespace crumb {
namespace {

void AddCache(FakeRoot& root, int cpu, int index, const std::string& level, const std::string& type,
              const std::string& size, const std::string& shared) {
  const std::string folder = "sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cache/index" +
                             std::to_string(index) + "/";
  root.Write(folder + "level", level + "\n");
  root.Write(folder + "type", type + "\n");
  root.Write(folder + "size", size + "\n");
  root.Write(folder + "shared_cpu_list", shared + "\n");
}

TEST(DescribeMachine, ReadsAMachineWithTwoLastLevelCaches) {
  FakeRoot root;
  root.Write("proc/cpuinfo",
             "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: Test CPU 9000 8-Core\n"
             "stepping\t: 2\n\nprocessor\t: 1\nmodel name\t: Test CPU 9000 8-Core\n");
  root.Write("proc/meminfo", "MemTotal:        2048 kB\nMemFree:  1024 kB\n");
  for (int cpu = 0; cpu < 2; ++cpu) {
    const std::string self = std::to_string(cpu);
    AddCache(root, cpu, 0, "1", "Data", "48K", self);
    AddCache(root, cpu, 1, "1", "Instruction", "32K", self);
    AddCache(root, cpu, 2, "2", "Unified", "1024K", "0-1");
    AddCache(root, cpu, 3, "3", "Unified", "32M", self);
  }
  const MachineInfo info = DescribeMachine(root.path());
  EXPECT_EQ(info.cpu_model, "Test CPU 9000 8-Core");
  EXPECT_EQ(info.cpu_id, "family 25 model 1 stepping 2");
  EXPECT_EQ(info.cores, 2);
  EXPECT_EQ(info.memory_bytes, 2048 * 1024);
  EXPECT_EQ(info.last_level_cache_bytes, 2 * (int64_t{32} << 20));
  ASSERT_EQ(info.caches.size(), 4u);
  EXPECT_EQ(info.caches[0].type, "Data");
  EXPECT_EQ(info.caches[0].bytes, 48 << 10);
  EXPECT_EQ(info.caches[0].instances, 2);
  EXPECT_EQ(info.caches[2].level, 2);
  EXPECT_EQ(info.caches[2].instances, 1);
  EXPECT_EQ(info.gpu, "none found");
}

TEST(DescribeMachine, TakesTheLimitOfTheControlGroupForMemory) {
  FakeRoot root;
  root.Write("proc/meminfo", "MemTotal:        2048 kB\n");
  root.Write("sys/fs/cgroup/memory.max", "1048576\n");
  EXPECT_EQ(DescribeMachine(root.path()).memory_bytes, 1048576);
  root.Write("sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(DescribeMachine(root.path()).memory_bytes, 2048 * 1024);
}

TEST(DescribeMachine, NamesGpus) {
  FakeRoot root;
  root.Write("proc/driver/nvidia/gpus/0000:01:00.0/information",
             "Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 12\n");
  EXPECT_EQ(DescribeMachine(root.path()).gpu, "NVIDIA H100 80GB HBM3");
}

TEST(DescribeMachine, NamesAnArmCpuByItsNumbers) {
  FakeRoot root;
  root.Write("proc/cpuinfo",
             "processor\t: 0\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd40\n");
  EXPECT_EQ(DescribeMachine(root.path()).cpu_model, "ARM implementer 0x41 part 0xd40");
}

TEST(DescribeMachine, KnowsNothingOfAnEmptyTree) {
  FakeRoot root;
  const MachineInfo info = DescribeMachine(root.path());
  EXPECT_EQ(info.cpu_model, "unknown");
  EXPECT_EQ(info.last_level_cache_bytes, 0);
  EXPECT_EQ(info.memory_bytes, 0);
  EXPECT_TRUE(info.caches.empty());
}

TEST(DescribeMachine, SeesThisMachine) {
  const MachineInfo info = DescribeMachine();
  EXPECT_NE(info.cpu_model, "");
  EXPECT_GE(info.cores, info.usable_cpus);
  EXPECT_GT(info.memory_bytes, 64 << 20);
  EXPECT_EQ(info.features, HostCpu().features);
  // Either the counters or the reason why there are none.
  EXPECT_EQ(info.energy_counters.empty(), !info.energy_note.empty());
}

TEST(ResidentMemory, GrowsWithWhatIsTouchedAndThePeakCanBeReset) {
  // Pages straight from the system: they are given back when they are unmapped, whatever allocator
  // this is built with. Something else may come or go meanwhile, and the kernel's counts are some
  // pages behind, but not half of that.
  constexpr int64_t kBytes = int64_t{64} << 20;
  const Result<ResidentMemory> before = ReadResidentMemory();
  ASSERT_TRUE(before.ok());
  void* map = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(map, MAP_FAILED);
  std::memset(map, 1, kBytes);
  const Result<ResidentMemory> during = ReadResidentMemory();
  ASSERT_EQ(::munmap(map, kBytes), 0);
  ASSERT_TRUE(during.ok());
  EXPECT_GT(during->now_bytes, before->now_bytes + kBytes / 2);
  EXPECT_GE(during->peak_bytes, during->now_bytes);

  const Result<ResidentMemory> after = ReadResidentMemory();
  ASSERT_TRUE(after.ok());
  EXPECT_LT(after->now_bytes, during->now_bytes - kBytes / 2);
  EXPECT_GT(after->peak_bytes, before->now_bytes + kBytes / 2);
  if (!ResetPeakResident()) GTEST_SKIP() << "this kernel does not let a process reset its peak";
  const Result<ResidentMemory> reset = ReadResidentMemory();
  ASSERT_TRUE(reset.ok());
  EXPECT_LT(reset->peak_bytes, after->peak_bytes - kBytes / 2);
}

TEST(ReadStream, EveryInstructionSetSumsTheSameWords) {
  alignas(64) uint64_t words[kStreamWords * 5];
  uint64_t expected = 0;
  for (uint64_t i = 0; i < std::size(words); ++i) {
    words[i] = i * 0x9e3779b97f4a7c15u;  // wraps around
    expected += words[i];
  }
  EXPECT_EQ(SumWords(words, kStreamWords * 5), expected);
  EXPECT_EQ(SumWords(words, 0), 0u);
#if defined(__x86_64__)
  if (HostCpu().Has("avx2")) {
    EXPECT_EQ(SumWordsAvx2(words, kStreamWords * 5), expected);
  }
  if (HostCpu().Has("avx512f")) {
    EXPECT_EQ(SumWordsAvx512(words, kStreamWords * 5), expected);
  }
#endif
}

TEST(ReadBandwidth, IsPlausibleAndSaysWhatItRead) {
  ThreadPool pool(UsableCpus());
  const Result<Bandwidth> bandwidth = MeasureReadBandwidth(pool, 3);
  if (!bandwidth.ok() && bandwidth.status().code() == StatusCode::kUnsupported) {
    GTEST_SKIP() << bandwidth.status().message();
  }
  ASSERT_TRUE(bandwidth.ok()) << bandwidth.status().message();
  EXPECT_EQ(bandwidth->samples.size(), 3u);
  EXPECT_EQ(bandwidth->threads, UsableCpus());
  EXPECT_GE(bandwidth->buffer_bytes, 4 * bandwidth->last_level_cache_bytes);
  // No machine that runs this is slower than 50 MB/s (unoptimized, under a sanitizer) or reads
  // memory faster than 10 TB/s.
  EXPECT_GT(bandwidth->bytes_per_second, 5e7);
  EXPECT_LT(bandwidth->bytes_per_second, 1e13);
}

TEST(Now, NeverRunsBackwards) {
  double last = Now();
  for (int i = 0; i < 1000; ++i) {
    const double now = Now();
    ASSERT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace crumb
