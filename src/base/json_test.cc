#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;

TEST(Json, RepeatedKeyIsAnError) {
  const Result<Json> twice = ParseJson(R"({"a":1,"a":2})", "x.json");
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.status().code(), StatusCode::kCorrupt);
  EXPECT_THAT(twice.status().message(), HasSubstr("x.json"));
  EXPECT_THAT(twice.status().message(), HasSubstr("\"a\""));
  EXPECT_TRUE(ParseJson(R"({"a":1,"b":{"a":2}})", "x.json").ok());
}

TEST(Json, BrokenTextIsAnErrorWithItsPlace) {
  for (const char* text : {"", "{", R"({"a":1)", "[1,]", R"({"a":1} x)", "nul", "\"\xff\"", "1e999",
                           R"({a:1})", "[1 2]"}) {
    const Result<Json> json = ParseJson(text, "x.json");
    ASSERT_FALSE(json.ok()) << text;
    EXPECT_EQ(json.status().code(), StatusCode::kCorrupt);
    EXPECT_THAT(json.status().message(), HasSubstr("x.json"));
  }
  EXPECT_THAT(ParseJson("[1,\n 2,,]", "x").status().message(), HasSubstr("line 2"));
}

TEST(Json, DepthIsLimited) {
  const std::string deep(200, '['), deeper(201, '[');
  EXPECT_TRUE(ParseJson(deep + std::string(200, ']'), "x").ok());
  EXPECT_FALSE(ParseJson(deeper + std::string(201, ']'), "x").ok());
  EXPECT_FALSE(ParseJson(std::string(1000000, '['), "x").ok());
}

TEST(Json, KeepsTheOrderOfKeys) {
  const Result<Json> json = ParseJson(R"({"z":1,"a":{"y":2,"b":[1,2.5,null,true,"ü"]}})", "x");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(DumpJson(*json), R"({"z":1,"a":{"y":2,"b":[1,2.5,null,true,"ü"]}})");
}

TEST(Json, DumpReplacesInvalidUtf8) {
  EXPECT_EQ(DumpJson(Json("a\xff"
                          "b")),
            "\"a\xef\xbf\xbd"
            "b\"");
}

TEST(Json, ReadersNameTheKeyAndTheFile) {
  const Json object = *ParseJson(
      R"({"int":3,"big":18446744073709551615,"float":1.5,"text":"t","null":null,"bool":true})",
      "x");
  EXPECT_EQ(*JsonInt(object, "int", "c.json"), 3);
  EXPECT_EQ(*JsonNumber(object, "int", "c.json"), 3.0);
  EXPECT_EQ(*JsonNumber(object, "float", "c.json"), 1.5);
  EXPECT_EQ(*JsonString(object, "text", "c.json"), "t");
  for (const char* key : {"big", "float", "text", "null", "bool", "none"}) {
    const Result<int64_t> value = JsonInt(object, key, "c.json");
    ASSERT_FALSE(value.ok()) << key;
    EXPECT_THAT(value.status().message(), HasSubstr("c.json"));
    EXPECT_THAT(value.status().message(), HasSubstr(key));
  }
  EXPECT_FALSE(JsonString(object, "int", "c").ok());
  EXPECT_FALSE(JsonNumber(object, "text", "c").ok());
  EXPECT_FALSE(JsonInt(Json::array(), "int", "c").ok());
}

TEST(Json, DefaultsAreForMissingAndNullOnly) {
  const Json object = *ParseJson(R"({"null":null,"text":"t","bool":false})", "x");
  EXPECT_EQ(*JsonIntOr(object, "none", 7, "c"), 7);
  EXPECT_EQ(*JsonIntOr(object, "null", 7, "c"), 7);
  EXPECT_FALSE(JsonIntOr(object, "text", 7, "c").ok());
  EXPECT_EQ(*JsonNumberOr(object, "none", 0.5, "c"), 0.5);
  EXPECT_FALSE(*JsonBoolOr(object, "bool", true, "c"));
  EXPECT_TRUE(*JsonBoolOr(object, "none", true, "c"));
  EXPECT_FALSE(JsonBoolOr(object, "text", true, "c").ok());
  EXPECT_EQ(*JsonStringOr(object, "none", "d", "c"), "d");
}

TEST(Json, MissingFileIsNotFound) {
  const Result<Json> json = ReadJsonFile("/nowhere/at/all.json");
  ASSERT_FALSE(json.ok());
  EXPECT_EQ(json.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(json.status().message(), HasSubstr("/nowhere/at/all.json"));
}

}  // namespace
}  // namespace crumb
