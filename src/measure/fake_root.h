// A tree of small files that stands for / in tests.
#ifndef CRUMB_MEASURE_FAKE_ROOT_H_
#define CRUMB_MEASURE_FAKE_ROOT_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "base/files.h"

namespace crumb {

class FakeRoot {
 public:
  FakeRoot() : path_(testing::TempDir() + "crumb-root-XXXXXX") {
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);
  }
  ~FakeRoot() { static_cast<void>(RemoveAll(path_).ok()); }
  FakeRoot(const FakeRoot&) = delete;
  FakeRoot& operator=(const FakeRoot&) = delete;

  void Write(const std::string& name, const std::string& content) {
    const std::string file = JoinPath(path_, name);
    ASSERT_TRUE(MakeFolders(DirName(file)).ok());
    ASSERT_TRUE(WriteFileAtomic(file, content).ok());
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace crumb

#endif  // CRUMB_MEASURE_FAKE_ROOT_H_
