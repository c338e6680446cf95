#include "lab/serve_load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>

namespace crumb {
namespace {

TEST(ServeLoad, AnotherRateMeetsTheSameRequestsAtOtherTimes) {
  ServeLoadOptions options;
  options.rate = 2;
  options.length_spread = 0.5;
  const std::vector<ServeRequest> slow = DrawRequests(options);
  options.rate = 4;
  const std::vector<ServeRequest> fast = DrawRequests(options);
  ASSERT_EQ(slow.size(), 100u);
  bool lengths_differ = false;
  for (size_t i = 0; i < slow.size(); ++i) {
    EXPECT_EQ(slow[i].prompt_tokens, fast[i].prompt_tokens);
    EXPECT_EQ(slow[i].output_tokens, fast[i].output_tokens);
    EXPECT_DOUBLE_EQ(slow[i].scheduled, 2 * fast[i].scheduled);
    lengths_differ = lengths_differ || slow[i].prompt_tokens != slow[0].prompt_tokens;
  }
  EXPECT_TRUE(lengths_differ);
}

TEST(ServeLoad, AClosedLoopHasNoTimes) {
  ServeLoadOptions options;
  options.users = 3;
  for (const ServeRequest& request : DrawRequests(options)) EXPECT_EQ(request.scheduled, 0);
}

ServeLoadResult WithGoodput(int64_t batch, int64_t good, double seconds) {
  ServeLoadResult result;
  result.max_batch = batch;
  result.metrics.good = good;
  result.metrics.request_goodput = static_cast<double>(good) / seconds;
  return result;
}

TEST(ServeLoad, TheBestBatchOfAnOpenLoopServesTheMostAndIsTheSmallestOfEquals) {
  const std::vector<ServeLoadResult> results = {WithGoodput(1, 20, 10), WithGoodput(4, 50, 9.9),
                                                WithGoodput(2, 50, 10), WithGoodput(8, 30, 10)};
  EXPECT_EQ(BestBatch(results, true), 2);
  EXPECT_EQ(BestBatch({WithGoodput(1, 0, 1), WithGoodput(2, 0, 1)}, true), -1);
  EXPECT_EQ(BestBatch({}, true), -1);
}

TEST(ServeLoad, TheBestBatchOfAClosedLoopIsTheFastest) {
  EXPECT_EQ(BestBatch({WithGoodput(1, 50, 10), WithGoodput(4, 50, 5)}, false), 1);
}

// A random model of a few thousand weights that lies in the repository.
std::unique_ptr<Model> TinyModel() {
  Result<std::unique_ptr<Model>> model =
      Model::Load(std::string(CRUMB_SOURCE_DIR) + "/src/model/testdata/llama");
  EXPECT_TRUE(model.ok()) << model.status().message();
  return std::move(model).value();
}

TEST(ServeLoad, EveryRequestGetsItsTokensInEveryBatch) {
  const std::unique_ptr<Model> model = TinyModel();
  ThreadPool pool(1);
  ServeLoadOptions options;
  options.rate = 5000;
  options.requests = 20;
  options.prompt_tokens = 8;
  options.output_tokens = 4;
  options.length_spread = 0.5;
  options.max_batches = {1, 3};
  int64_t wanted = 0;
  for (const ServeRequest& request : DrawRequests(options)) wanted += request.output_tokens;
  const auto results = MeasureServeLoad(*model, pool, options, nullptr);
  ASSERT_TRUE(results.ok()) << results.status().message();
  ASSERT_EQ(results->size(), 2u);
  for (const ServeLoadResult& result : *results) {
    EXPECT_EQ(result.metrics.completed, 20);
    EXPECT_EQ(result.metrics.total_output_tokens, wanted);
    for (const RequestTimes& times : result.run.times) {
      EXPECT_GE(times.started, times.scheduled);
      EXPECT_TRUE(std::ranges::is_sorted(times.tokens));
    }
    // Twenty requests are no ground for a claim.
    EXPECT_THAT(result.reasons, testing::Contains("20 requests; a p99 needs 662"));
  }
}

TEST(ServeLoad, OptionsThatCanNotBeMeantAreRefused) {
  const std::unique_ptr<Model> model = TinyModel();
  ThreadPool pool(1);
  const auto refused = [&](ServeLoadOptions options, const char* word) {
    const auto results = MeasureServeLoad(*model, pool, options, nullptr);
    ASSERT_FALSE(results.ok()) << word;
    EXPECT_EQ(results.status().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(results.status().message(), testing::HasSubstr(word));
  };
  for (const double rate : {0.0, -3.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    ServeLoadOptions options;
    options.rate = rate;
    refused(options, "--rate");
  }
  ServeLoadOptions both;
  both.rate = 1;
  both.users = 1;
  refused(both, "give one");
  ServeLoadOptions spread;
  spread.rate = 1;
  spread.length_spread = 2;
  refused(spread, "--length-spread");
  ServeLoadOptions longer;
  longer.rate = 1;
  longer.prompt_tokens = model->config().max_positions;
  refused(longer, "does not fit the context");
}

}  // namespace
}  // namespace crumb
