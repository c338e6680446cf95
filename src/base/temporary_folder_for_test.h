// For tests: a folder that is removed with everything in it.
#ifndef CRUMB_BASE_TEMPORARY_FOLDER_FOR_TEST_H_
#define CRUMB_BASE_TEMPORARY_FOLDER_FOR_TEST_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/files.h"

namespace crumb {

class TemporaryFolder {
 public:
  TemporaryFolder() : path_(testing::TempDir() + "crumb-test-XXXXXX") {
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);
  }
  ~TemporaryFolder() { EXPECT_TRUE(RemoveAll(path_).ok()); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return JoinPath(path_, name); }

 private:
  std::string path_;
};

}  // namespace crumb

#endif  // CRUMB_BASE_TEMPORARY_FOLDER_FOR_TEST_H_
