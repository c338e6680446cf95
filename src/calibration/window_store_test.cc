#include "calibration/window_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"

namespace crumb {
namespace {

TEST(WindowStore, WindowsAreZeroAndApartInMemoryAndInAFile) {
  for (const int64_t anonymous_bytes : {WindowStore::kAnonymousBytes, int64_t{0}}) {
    const auto store = WindowStore::Create(::testing::TempDir(), 3, 5, 7, anonymous_bytes);
    ASSERT_TRUE(store.ok()) << store.status().message();
    for (int64_t w = 0; w < 3; ++w) {
      for (int64_t i = 0; i < 5 * 7; ++i) {
        EXPECT_EQ(store->Window(w)[i], 0);
        store->Window(w)[i] = static_cast<float>(100 * w + i);
      }
    }
    for (int64_t w = 0; w < 3; ++w) {
      for (int64_t i = 0; i < 5 * 7; ++i) EXPECT_EQ(store->Window(w)[i], 100 * w + i);
    }
  }
}

TEST(WindowStore, NoFileIsLeftInTheFolder) {
  const std::string folder = JoinPath(::testing::TempDir(), "crumb windows");
  ASSERT_TRUE(MakeFolders(folder).ok());
  const auto store = WindowStore::Create(folder, 3, 5, 7, 0);
  ASSERT_TRUE(store.ok());
  EXPECT_TRUE(ListFolder(folder).value().empty());
  EXPECT_TRUE(RemoveAll(folder).ok());
}

TEST(WindowStore, AFolderThatIsNotThereIsNamed) {
  const auto store = WindowStore::Create("/no/such/folder", 3, 5, 7, 0);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.status().code(), StatusCode::kIoError);
  EXPECT_THAT(store.status().message(), ::testing::HasSubstr("/no/such/folder"));
}

}  // namespace
}  // namespace crumb
