// The figures that llama.cpp's own perplexity tool gives on the same file and text, where both are
// there.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "eval/perplexity.h"
#include "eval/text_source.h"
#include "model/model_test_util.h"

namespace crumb {
namespace {

#if defined(__has_feature)
#define CRUMB_HAS_FEATURE(x) __has_feature(x)
#else
#define CRUMB_HAS_FEATURE(x) 0
#endif

constexpr bool SlowBuild() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(NDEBUG)
  return true;
#else
  return CRUMB_HAS_FEATURE(address_sanitizer) || CRUMB_HAS_FEATURE(thread_sanitizer);
#endif
}

// In $CRUMB_DATA, by default in the data folder beside the checkout.
std::string DataFile(const std::string& name) {
  const Result<std::string> found = FindDataFile(name);
  return found.ok() ? *found : std::string(CRUMB_SOURCE_DIR) + "/../shared/data/" + name;
}

// llama-perplexity on SmolLM2-135M-Instruct.Q4_1 converted to F16, wiki.test.raw, context 512:
// 24.4980 after 8 windows (23.5127 after 40). The first 8 take a few seconds.
TEST(Perplexity, AgreesWithLlamaPerplexityToOneInAThousand) {
  if (SlowBuild()) GTEST_SKIP() << "8 windows of SmolLM2 take too long in this build";
  const std::string path = model_test::CachedModel("SmolLM2-135M-Instruct", ".Q4_1.gguf");
  if (path.empty()) GTEST_SKIP() << "SmolLM2-135M-Instruct.Q4_1.gguf is not in the cache folder";
  const std::string text = DataFile("wikitext-2-raw/wiki.test.raw");
  if (!PathExists(text)) GTEST_SKIP() << text << " is not there";

  ThreadPool pool(UsableCpus());
  const std::unique_ptr<Model> model = model_test::LoadOrFail(path, "f16");
  ASSERT_NE(model, nullptr);
  const auto session = model_test::ExactSession(*model, pool, 512);
  ASSERT_NE(session, nullptr);
  const std::string content = TextFile(text).value().content;
  const auto windows = MakeWindows(model->tokenizer(), content, {.max_windows = 8});
  ASSERT_TRUE(windows.ok()) << windows.status().message();
  std::vector<WindowScore> scores;
  for (const std::vector<int32_t>& window : *windows) {
    const auto score = ScoreWindow(*session, window, nullptr, nullptr);
    ASSERT_TRUE(score.ok()) << score.status().message();
    scores.push_back(*score);
  }
  EXPECT_NEAR(Summarize(scores).perplexity, 24.4980, 24.4980 * 1e-3);
}

}  // namespace
}  // namespace crumb
