#include "kernels/kernel_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/cpu_info.h"
#include "kernels/kernel_table.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;

TEST(KernelSet, ScalarIsAlwaysThereAndLast) {
  const std::vector<std::string> sets = SupportedKernelSets();
  ASSERT_FALSE(sets.empty());
  EXPECT_EQ(sets.back(), "scalar");
}

TEST(KernelSet, SelectionIsWhatRuns) {
  for (const std::string& name : SupportedKernelSets()) {
    ASSERT_TRUE(SelectKernelSet(name).ok());
    EXPECT_EQ(ActiveKernelSet(), name);
    EXPECT_EQ(KernelSetReason(), "asked for by the user");
  }
  ASSERT_TRUE(SelectKernelSet(SupportedKernelSets().front()).ok());
}

TEST(KernelSet, UnknownNameListsTheChoices) {
  const std::string before(ActiveKernelSet());
  const Status status = SelectKernelSet("mmx");
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  EXPECT_THAT(status.message(), HasSubstr("\"mmx\""));
  EXPECT_THAT(status.message(), HasSubstr("scalar"));
  EXPECT_EQ(ActiveKernelSet(), before);
}

// Each set has tables of its own: a Highway target that was not taken would show as a repeated one.
// Only "amx" is "avx512" with another way to multiply many rows.
TEST(KernelSet, NoTwoSetsShareATable) {
  std::set<const void*> tables;
  for (const std::string& name : SupportedKernelSets()) {
    ASSERT_TRUE(SelectKernelSet(name).ok());
    EXPECT_TRUE(tables.insert(CurrentKernels().matmul).second) << name;
    EXPECT_EQ(CurrentKernels().matmul->unit != nullptr, name == "amx");
    if (name == "amx") continue;
    EXPECT_TRUE(tables.insert(CurrentKernels().layers).second) << name;
  }
  ASSERT_TRUE(SelectKernelSet(SupportedKernelSets().front()).ok());
}

// On a CPU with these features a silent fall back to scalar would be a fault.
TEST(KernelSet, Avx2CpuGetsAVectorSet) {
  if (!HostCpu().Has("avx2") || !HostCpu().Has("fma")) GTEST_SKIP() << "no AVX2 here";
  EXPECT_NE(SupportedKernelSets().front(), "scalar");
}

}  // namespace
}  // namespace crumb
