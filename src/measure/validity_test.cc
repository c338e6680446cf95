#include "measure/validity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crumb {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Validity, FiveSteadySamplesAreBelieved) {
  EXPECT_THAT(SampleReasons("prompt", std::vector<double>{100, 101, 99, 100, 100}), IsEmpty());
}

TEST(Validity, FewSamplesAreTold) {
  EXPECT_THAT(SampleReasons("prompt", std::vector<double>{100, 101, 99, 100}),
              ElementsAre("prompt: 4 repetitions; 5 are the least"));
}

TEST(Validity, OnlyTheLastThreeRoundsHaveToAgree) {
  // A slow start is what warming up looks like; a slow end is not.
  EXPECT_THAT(SampleReasons("x", std::vector<double>{50, 70, 100, 105, 109}), IsEmpty());
  EXPECT_THAT(SampleReasons("x", std::vector<double>{100, 100, 100, 100, 80}),
              ElementsAre("x: the last 3 rounds differ by 25 % (at most 10 %)"));
}

TEST(Validity, TheBoundItselfIsAllowed) {
  EXPECT_DOUBLE_EQ(LastWindowsRatio(std::vector<double>{1, 1, 1.1}), 1.1);
  EXPECT_THAT(SampleReasons("x", std::vector<double>{10, 10, 10, 10, 11}), IsEmpty());
  EXPECT_EQ(LastWindowsRatio(std::vector<double>{1, 5}), 1);
}

}  // namespace
}  // namespace crumb
