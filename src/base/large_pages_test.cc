#include "base/large_pages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>

#include "base/files.h"
#include "base/temporary_folder_for_test.h"

namespace crumb {
namespace {

TEST(LargePages, BeginAtALargePageAndAreZero) {
  constexpr size_t kBytes = 5'000'000;
  const auto memory = AllocateLargePages(kBytes);
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.get()) % (uintptr_t{2} << 20), 0u);
  EXPECT_EQ(std::count(memory.get(), memory.get() + kBytes, std::byte{0}),
            static_cast<ptrdiff_t>(kBytes));
  memory.get()[kBytes - 1] = std::byte{1};
}

TEST(LargePages, TooManyAreNullNotACrash) {
  EXPECT_EQ(AllocateLargePages(std::numeric_limits<size_t>::max()), nullptr);
  EXPECT_EQ(AllocateLargePages(size_t{1} << 60), nullptr);
}

TEST(LargePages, AreOfferedWhereTheModeInBracketsSaysSo) {
  const TemporaryFolder root;
  EXPECT_FALSE(LargePagesOffered(root.path()));  // no such file
  const std::string folder = root / "sys/kernel/mm/transparent_hugepage";
  std::filesystem::create_directories(folder);
  const auto offered = [&](const char* text) {
    EXPECT_TRUE(WriteFileAtomic(JoinPath(folder, "enabled"), text).ok());
    return LargePagesOffered(root.path());
  };
  EXPECT_TRUE(offered("always [madvise] never\n"));
  EXPECT_TRUE(offered("[always] madvise never\n"));
  EXPECT_FALSE(offered("always madvise [never]\n"));
}

}  // namespace
}  // namespace crumb
