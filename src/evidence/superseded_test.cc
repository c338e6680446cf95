#include "evidence/superseded.h"

#include <gtest/gtest.h>

namespace crumb {
namespace {

TEST(SupersededIds, AreTheWholeNumbersThatRowsName) {
  std::vector<Evidence> rows(6);
  rows[1].supersedes = "3";
  rows[2].supersedes = "12";
  rows[3].supersedes = "3";
  rows[4].supersedes = "7, or so";
  rows[5].supersedes = "none";
  EXPECT_EQ(SupersededIds(rows), (std::set<int64_t>{3, 12}));
  EXPECT_TRUE(SupersededIds({}).empty());
}

}  // namespace
}  // namespace crumb
