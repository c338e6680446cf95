#include "tasks/generated.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "model/generator.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;

TEST(FilterAnswer, TakesTheFirstOrLastMatchAsTheHarnessDoes) {
  const Task task = FindTask("gsm8k").value();
  const AnswerFilter& strict = task.filters[0];
  const AnswerFilter& flexible = task.filters[1];
  const std::string text = "3 + 4 = 7 so #### 7. Then #### 8";
  EXPECT_EQ(FilterAnswer(strict, text).value(), "7.");
  EXPECT_EQ(FilterAnswer(flexible, "it costs $1,234.50 or 12 apples").value(), "12");
  EXPECT_EQ(FilterAnswer(flexible, "about 5").value(), "5");  // the second group: one digit
  EXPECT_EQ(FilterAnswer(strict, "no number").value(), "[invalid]");
  EXPECT_EQ(FilterAnswer({"all", "", 0}, text).value(), text);
}

TEST(FilterAnswer, RefusesAPatternThatIsNone) {
  EXPECT_THAT(FilterAnswer({"x", "(", 0}, "a").status().message(),
              HasSubstr("is no regular expression"));
}

TEST(FilterAnswer, EndsOnAPatternThatWouldTryForAges) {
  const std::string text(64, 'a');
  EXPECT_THAT(FilterAnswer({"x", "(a+)+b", 0}, text).status().message(),
              HasSubstr("takes too long"));
}

TEST(ExactMatch, LeavesOutWhatTheTaskIgnoresOnBothSides) {
  const Task task = FindTask("gsm8k").value();
  EXPECT_TRUE(ExactMatch(task, "1,234.", "so it is\n#### 1234").value());
  EXPECT_TRUE(ExactMatch(task, "$18", "#### 18").value());
  EXPECT_FALSE(ExactMatch(task, "[invalid]", "#### 18").value());
  EXPECT_FALSE(ExactMatch(task, "180", "#### 18").value());
}

class Answers : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string path = std::string(CRUMB_SOURCE_DIR) + "/src/model/testdata/llama";
    model_ = Model::Load(path, {.decode_to = "f32"}).value();
    task_.name = "t";
    task_.kind = TaskKind::kGenerate;
    task_.max_new_tokens = 12;
    for (const char* question : {"the cat", "the cat and the dog", "a", "the dog", "the cat"}) {
      TaskItem item;
      item.id = question;
      item.contexts = {question};
      items_.items.push_back(item);
    }
  }
  TaskAnswers Run(int64_t sequences) {
    SessionOptions options;
    options.sequences = sequences;
    options.max_tokens = std::min<int64_t>(64, model_->config().max_positions);
    const auto session = Session::Create(*model_, pool_, options).value();
    auto answers = AnswerByGeneration(*session, task_, items_, nullptr);
    EXPECT_TRUE(answers.ok()) << answers.status().message();
    return answers.ok() ? *std::move(answers) : TaskAnswers();
  }
  ThreadPool pool_{1};
  std::unique_ptr<Model> model_;
  Task task_;
  TaskItems items_;
};

TEST_F(Answers, AreThoseOfPlainGenerationHoweverManyWorkSideBySide) {
  const TaskAnswers one = Run(1);
  const TaskAnswers three = Run(3);
  ASSERT_EQ(one.of.size(), items_.items.size());
  ASSERT_EQ(three.of.size(), items_.items.size());
  SessionOptions options;
  options.max_tokens = std::min<int64_t>(64, model_->config().max_positions);
  const auto session = Session::Create(*model_, pool_, options).value();
  for (size_t i = 0; i < items_.items.size(); ++i) {
    session->Reset();
    const auto tokens = model_->tokenizer().Encode(items_.items[i].contexts[0]).value();
    GenerateOptions generate;
    generate.max_new_tokens = task_.max_new_tokens;
    const auto plain =
        Generate(*session, *model_, tokens, generate, [](std::string_view) { return true; });
    ASSERT_TRUE(plain.ok()) << plain.status().message();
    EXPECT_EQ(one.of[i].text, plain->text) << i;
    EXPECT_EQ(three.of[i].text, plain->text) << i;
  }
  EXPECT_EQ(one.of[0].text, one.of[4].text);
}

TEST_F(Answers, EndBeforeAStopText) {
  const std::string whole = Run(1).of[0].text;
  ASSERT_GE(whole.size(), 3u);
  task_.stops = {whole.substr(2, 1)};
  const std::string cut = Run(2).of[0].text;
  EXPECT_EQ(cut, whole.substr(0, whole.find(task_.stops[0])));
}

TEST_F(Answers, NeedRoomInTheContext) {
  task_.max_new_tokens = 64;
  SessionOptions options;
  options.max_tokens = 32;
  const auto session = Session::Create(*model_, pool_, options).value();
  EXPECT_THAT(AnswerByGeneration(*session, task_, items_, nullptr).status().message(),
              HasSubstr("have no room in a context of 32"));
}

}  // namespace
}  // namespace crumb
