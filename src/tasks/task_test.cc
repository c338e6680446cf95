#include "tasks/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace crumb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kMinimal[] = R"(
task: tiny
dataset_kwargs: {data_files: tiny.jsonl, format: jsonl}
doc_to_text: "{{question}}"
doc_to_target: "{{gold}}"
doc_to_choice: ["no", "yes"]
)";

std::string ErrorOf(const std::string& yaml) {
  const Result<Task> task = ParseTask(yaml, "tiny.yaml");
  return task.ok() ? "" : task.status().message();
}

TEST(BuiltInTasks, AllParseAndAreNamedAsTheirFiles) {
  EXPECT_GE(TaskNames().size(), 9u);
  for (const std::string& name : TaskNames()) {
    const Result<Task> task = FindTask(name);
    ASSERT_TRUE(task.ok()) << task.status().message();
    EXPECT_EQ(task->name, name);
    EXPECT_FALSE(task->version.empty()) << name;
    EXPECT_FALSE(task->category.empty()) << name;
    EXPECT_EQ(task->sha256.size(), 64u);
  }
}

TEST(ParseTask, TakesTheDefaultsOfTheHarness) {
  const Result<Task> task = ParseTask(kMinimal, "tiny.yaml");
  ASSERT_TRUE(task.ok()) << task.status().message();
  EXPECT_EQ(task->kind, TaskKind::kMultipleChoice);
  EXPECT_EQ(task->target_delimiter, " ");
  EXPECT_EQ(task->fewshot_delimiter, "\n\n");
  EXPECT_EQ(task->fewshot, 0);
  EXPECT_THAT(task->metrics, ElementsAre("acc"));
  EXPECT_THAT(task->choices, ElementsAre("no", "yes"));
}

TEST(ParseTask, ReadsFiltersAndStopsOfGeneratedAnswers) {
  const Result<Task> task = FindTask("gsm8k");
  ASSERT_TRUE(task.ok()) << task.status().message();
  EXPECT_EQ(task->kind, TaskKind::kGenerate);
  ASSERT_EQ(task->filters.size(), 2u);
  EXPECT_EQ(task->filters[0].name, "strict-match");
  EXPECT_EQ(task->filters[0].group_select, 0);
  EXPECT_EQ(task->filters[1].group_select, -1);
  EXPECT_THAT(task->stops, ElementsAre("Question:", "</s>", "<|im_end|>"));
}

TEST(ParseTask, NamesTheKeyThatIsMissing) {
  std::string yaml = kMinimal;
  yaml.replace(yaml.find("doc_to_target"), 13, "fewshot_split");
  EXPECT_THAT(ErrorOf(yaml), HasSubstr("tiny.yaml: the key \"doc_to_target\" is missing"));
  EXPECT_THAT(ErrorOf("task: x\ndoc_to_text: a\ndoc_to_target: b\n"), HasSubstr("dataset_kwargs"));
  EXPECT_THAT(ErrorOf(""), HasSubstr("is no map of keys"));
}

TEST(ParseTask, RefusesWhatItDoesNotUnderstandRatherThanScoreItWrongly) {
  EXPECT_THAT(ErrorOf(std::string(kMinimal) + "process_docs: !function utils.f\n"),
              HasSubstr("\"process_docs\" (line 7) is not known to crumb"));
  EXPECT_THAT(ErrorOf(std::string(kMinimal) + "output_type: loglikelihood_rolling\n"),
              HasSubstr("output_type \"loglikelihood_rolling\""));
  EXPECT_THAT(ErrorOf(std::string(kMinimal) + "metric_list: [{metric: f1}]\n"),
              HasSubstr("the metric \"f1\" is none of"));
  EXPECT_THAT(ErrorOf(std::string(kMinimal) + "num_fewshot: many\n"),
              HasSubstr("should be a whole number"));
  EXPECT_THAT(ErrorOf("task: [\n"), HasSubstr("is not YAML"));
  EXPECT_THAT(ErrorOf("task: \xff\n"), HasSubstr("is not UTF-8"));
}

TEST(FindTask, ListsWhatThereIs) {
  EXPECT_THAT(FindTask("hellasweg").status().message(), HasSubstr("hellaswag"));
  EXPECT_EQ(FindTask("/nowhere/x.yaml").status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace crumb
