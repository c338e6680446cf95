// What the tests of this room share: where models lie, and the stored numbers to compare with.
#ifndef CRUMB_MODEL_MODEL_TEST_UTIL_H_
#define CRUMB_MODEL_MODEL_TEST_UTIL_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/thread_pool.h"
#include "model/session.h"

namespace crumb::model_test {

inline std::string TestData(const std::string& name) {
  return std::string(CRUMB_SOURCE_DIR) + "/src/model/testdata/" + name;
}

// $CRUMB_DATA/../models/NAME, by default beside the checkout. Empty: not there.
inline std::string SharedModel(const std::string& name) {
  const char* data = std::getenv("CRUMB_DATA");
  const std::string root =
      data != nullptr ? data : std::string(CRUMB_SOURCE_DIR) + "/../shared/data";
  const std::string path = root + "/../models/" + name;
  return PathExists(path) ? path : "";
}

// The first path below crumb's cache folder that has `part` in it and ends with `ending`. Empty:
// none.
inline std::string CachedModel(const std::string& part, const std::string& ending) {
  std::error_code error;
  const auto options = std::filesystem::directory_options::follow_directory_symlink |
                       std::filesystem::directory_options::skip_permission_denied;
  std::vector<std::string> found;
  for (std::filesystem::recursive_directory_iterator it(CacheFolder(), options, error), end;
       !error && it != end; it.increment(error)) {
    const std::string path = it->path().string();
    if (path.find(part) != path.npos && path.ends_with(ending)) found.push_back(path);
  }
  std::sort(found.begin(), found.end());
  return found.empty() ? "" : found.front();
}

inline Json LoadJson(const std::string& name) {
  Result<Json> json = ReadJsonFile(TestData(name));
  EXPECT_TRUE(json.ok()) << json.status().message();
  return json.ok() ? *std::move(json) : Json();
}

inline std::unique_ptr<Model> LoadOrFail(const std::string& path, const std::string& decode_to) {
  Result<std::unique_ptr<Model>> model = Model::Load(path, {.decode_to = decode_to});
  EXPECT_TRUE(model.ok()) << model.status().message();
  return model.ok() ? *std::move(model) : nullptr;
}

// A session that computes in float32 throughout.
inline std::unique_ptr<Session> ExactSession(const Model& model, ThreadPool& pool,
                                             int64_t max_tokens = 0) {
  Result<std::unique_ptr<Session>> session = Session::Create(
      model, pool,
      {.max_tokens = max_tokens, .activations = ActivationType::kFloat32, .kv = KvType::kFloat32});
  EXPECT_TRUE(session.ok()) << session.status().message();
  return session.ok() ? *std::move(session) : nullptr;
}

inline std::vector<float> AllLogits(Session& session, std::span<const int32_t> tokens) {
  std::vector<float> logits;
  const Status status = session.Forward(tokens, std::ssize(tokens), &logits);
  EXPECT_TRUE(status.ok()) << status.message();
  return logits;
}

inline double LargestDifference(std::span<const float> a, std::span<const float> b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(difference <= largest)) largest = difference;  // NaN stays
  }
  return largest;
}

}  // namespace crumb::model_test

#endif  // CRUMB_MODEL_MODEL_TEST_UTIL_H_
