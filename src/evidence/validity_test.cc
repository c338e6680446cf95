#include "evidence/validity.h"

#include <gtest/gtest.h>

namespace crumb {
namespace {

TEST(SaysInvalid, OnlyWhatTheRowItselfSays) {
  Evidence row;
  EXPECT_FALSE(SaysInvalid(row));
  row.detail = R"({"samples":[1,2],"valid":true,"reasons":[]})";
  EXPECT_FALSE(SaysInvalid(row));
  row.detail = R"({"samples":[1,2],"valid":false,"reasons":["steal"]})";
  EXPECT_TRUE(SaysInvalid(row));
  row.detail = R"({"note":"\"valid\": false"})";
  EXPECT_FALSE(SaysInvalid(row));
}

}  // namespace
}  // namespace crumb
