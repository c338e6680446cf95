#include "measure/memory_map.h"

#include <gtest/gtest.h>

#include <vector>

#include "measure/fake_root.h"

namespace crumb {
namespace {

constexpr char kSmaps[] =
    "55d0-55e0 r-xp 00000000 08:01 12      /usr/bin/crumb\n"
    "Size:                100 kB\nRss:                  40 kB\nAnonymous:             4 kB\n"
    "7f00-7f80 r--p 00000000 08:01 99      /models/a model/model.safetensors\n"
    "Rss:                 300 kB\nAnonymous:             0 kB\n"
    "7f80-7f90 r--p 00000000 08:01 98      /models/a model b/model.safetensors\n"
    "Rss:                   8 kB\nAnonymous:             0 kB\n"
    "01a0-01b0 rw-p 00000000 00:00 0       [heap]\n"
    "Rss:                  20 kB\nAnonymous:            20 kB\n"
    "7fa0-7fb0 rw-p 00000000 00:00 0 \n"
    "Rss:                   6 kB\nAnonymous:             6 kB\n"
    "VmFlags: rd wr\n";

TEST(MemoryMap, PagesGoToWhatStandsBehindThem) {
  FakeRoot root;
  root.Write("proc/self/smaps", kSmaps);
  const Result<MemoryMap> map = ReadMemoryMap("/models/a model", root.path());
  ASSERT_TRUE(map.ok());
  EXPECT_EQ(map->model_file_bytes, 300 << 10);
  EXPECT_EQ(map->other_file_bytes, (36 + 8) << 10);     // the program's written pages are not it
  EXPECT_EQ(map->anonymous_bytes, (20 + 6 + 4) << 10);  // but here
  EXPECT_EQ(map->all(), 374 << 10);
}

TEST(MemoryMap, WithoutItNothingIsMadeUp) {
  const FakeRoot root;
  EXPECT_EQ(ReadMemoryMap("/x", root.path()).status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(ReadAvailableMemory(root.path()).source, "");
}

TEST(MemoryMap, TouchedMemoryOfThisProcessIsSeenTwice) {
  const Result<MemoryMap> before = ReadMemoryMap("");
  ASSERT_TRUE(before.ok());
  const AllocatorMemory books = ReadAllocatorMemory();
  constexpr int64_t kBytes = 32 << 20;
  const std::vector<char> touched(kBytes, 1);
  const Result<MemoryMap> after = ReadMemoryMap("");
  // Some pages of others come and go meanwhile; a sixteenth is more than enough for them.
  EXPECT_NEAR(static_cast<double>(after->anonymous_bytes - before->anonymous_bytes), kBytes,
              kBytes / 16.0);
  EXPECT_EQ(touched.back(), 1);
  if (books.in_use_bytes == 0) GTEST_SKIP() << "this allocator keeps no books (a sanitizer's)";
  EXPECT_GE(ReadAllocatorMemory().in_use_bytes - books.in_use_bytes, kBytes);
}

TEST(AvailableMemory, TheTighterLimitCounts) {
  FakeRoot root;
  root.Write("proc/meminfo", "MemTotal: 2000 kB\nMemAvailable:    1000 kB\n");
  EXPECT_EQ(ReadAvailableMemory(root.path()).bytes, 1000 << 10);
  root.Write("sys/fs/cgroup/memory.max", "max\n");
  root.Write("sys/fs/cgroup/memory.current", "500\n");
  EXPECT_EQ(ReadAvailableMemory(root.path()).source, "MemAvailable");
  root.Write("sys/fs/cgroup/memory.max", "600000\n");
  EXPECT_EQ(ReadAvailableMemory(root.path()).bytes, 599500);
  EXPECT_EQ(ReadAvailableMemory(root.path()).source, "control group");
  root.Write("sys/fs/cgroup/memory.current", "700000\n");
  EXPECT_EQ(ReadAvailableMemory(root.path()).bytes, 0);
}

}  // namespace
}  // namespace crumb
