// Where tests find fixtures, and models and texts that are not part of the repository.
#ifndef CRUMB_TOKENIZERS_FILES_FOR_TEST_H_
#define CRUMB_TOKENIZERS_FILES_FOR_TEST_H_

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/files.h"
#include "base/json.h"

namespace crumb {

inline std::string DataFolder() {
  const char* folder = std::getenv("CRUMB_DATA");
  return folder != nullptr ? folder : CRUMB_SOURCE_DIR "/../shared/data";
}

inline std::string SharedModel(const std::string& name) {
  return DataFolder() + "/../models/" + name;
}

// The path of the first file of this name below the cache's models folder; empty for none.
inline std::string CachedModel(const std::string& file_name) {
  std::error_code error;
  const auto options = std::filesystem::directory_options::skip_permission_denied;
  std::filesystem::recursive_directory_iterator it(JoinPath(CacheFolder(), "models"), options,
                                                   error);
  for (; !error && it != std::filesystem::recursive_directory_iterator(); it.increment(error)) {
    if (it->path().filename() == file_name) return it->path().string();
  }
  return "";
}

inline Json Fixture(const std::string& name) {
  Result<Json> json = ReadJsonFile(CRUMB_SOURCE_DIR "/src/tokenizers/testdata/" + name);
  CRUMB_CHECK(json.ok());  // part of the repository
  return *std::move(json);
}

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_FILES_FOR_TEST_H_
