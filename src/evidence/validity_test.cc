#include "evidence/validity.h"

#include <gtest/gtest.h>

namespace crumb {
namespace {

TEST(SaysBusy, OnlyWhatTheRowItselfSays) {
  Evidence row;
  EXPECT_FALSE(SaysBusy(row));
  row.detail = R"({"samples":[1,2],"valid":true,"reasons":[]})";
  EXPECT_FALSE(SaysBusy(row));
  row.detail = R"({"samples":[1,2],"valid":false,"reasons":["steal"]})";
  EXPECT_TRUE(SaysBusy(row));
  row.detail =
      R"({"valid":false,"machine_busy":false,"reasons":["the last 3 rounds differ by 15 %"]})";
  EXPECT_FALSE(SaysBusy(row)) << "its interval is wide enough";
  row.detail = R"({"valid":false,"machine_busy":true,"reasons":["steal"]})";
  EXPECT_TRUE(SaysBusy(row));
  row.detail = R"({"note":"\"valid\": false"})";
  EXPECT_FALSE(SaysBusy(row));
}

}  // namespace
}  // namespace crumb
