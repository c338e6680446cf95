// For the tests of this folder: writes small wheels.
#ifndef CRUMB_FETCH_TEST_WHEEL_H_
#define CRUMB_FETCH_TEST_WHEEL_H_

#include <gtest/gtest.h>
#include <zip.h>

#include <string>
#include <utility>
#include <vector>

namespace crumb {

using TestMembers = std::vector<std::pair<std::string, std::string>>;

inline void WriteZip(const std::string& path, const TestMembers& members) {
  int error = 0;
  zip_t* zip = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
  ASSERT_NE(zip, nullptr);
  for (const auto& [name, content] : members) {
    zip_source_t* source = zip_source_buffer(zip, content.data(), content.size(), 0);
    ASSERT_GE(zip_file_add(zip, name.c_str(), source, ZIP_FL_ENC_UTF_8), 0) << name;
  }
  ASSERT_EQ(zip_close(zip), 0);
}

// A wheel that pip accepts, `name` with underscores, in `folder`.
inline void WriteWheel(const std::string& folder, const std::string& name, TestMembers members,
                       const std::string& more_metadata = "") {
  const std::string info = name + "-1.0.dist-info/";
  members.push_back({info + "METADATA",
                     "Metadata-Version: 2.1\nName: " + name + "\nVersion: 1.0\n" + more_metadata});
  members.push_back({info + "WHEEL",
                     "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
                     "Tag: py3-none-any\n"});
  members.push_back({info + "RECORD", ""});
  WriteZip(folder + "/" + name + "-1.0-py3-none-any.whl", members);
}

}  // namespace crumb

#endif  // CRUMB_FETCH_TEST_WHEEL_H_
