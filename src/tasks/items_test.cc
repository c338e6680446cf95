#include "tasks/items.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/files.h"
#include "base/temporary_folder_for_test.h"

namespace crumb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Items : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomic(folder_.path() + "/" + name, text).ok());
  }
  Result<TaskItems> Load(const std::string& yaml, int64_t limit = 0) {
    Result<Task> task = ParseTask(yaml, "t.yaml");
    EXPECT_TRUE(task.ok()) << task.status().message();
    return LoadItems(*task, folder_.path(), limit);
  }
  std::string ErrorOf(const std::string& yaml) {
    const auto items = Load(yaml);
    return items.ok() ? "" : items.status().message();
  }
  TemporaryFolder folder_;
};

constexpr char kYesNo[] = R"(
task: t
dataset_kwargs: {data_files: d.jsonl, format: jsonl}
doc_to_text: "Q: {{q}}\nA:"
doc_to_target: "{{gold}}"
doc_to_choice: ["no", "yes"]
)";

TEST_F(Items, PutTheRecordIntoTheTemplates) {
  Write("d.jsonl", "{\"q\": \"is it?\", \"gold\": 1}\n{\"q\": \"and now?\", \"gold\": \"no\"}\n");
  const auto items = Load(kYesNo);
  ASSERT_TRUE(items.ok()) << items.status().message();
  ASSERT_EQ(items->items.size(), 2u);
  const TaskItem& item = items->items[0];
  EXPECT_THAT(item.contexts, ElementsAre("Q: is it?\nA:", "Q: is it?\nA:"));
  EXPECT_THAT(item.continuations, ElementsAre(" no", " yes"));
  EXPECT_THAT(item.choices, ElementsAre("no", "yes"));
  EXPECT_EQ(item.gold, 1);
  EXPECT_EQ(items->items[1].gold, 0);  // by its text
  EXPECT_FALSE(items->has_clusters);
}

TEST_F(Items, DigitsAreTheNumberOfAChoiceEvenWhereAChoiceReadsTheSame) {
  Write("d.jsonl", "{\"q\": \"2 - 1\", \"gold\": \"1\"}\n");
  std::string yaml = kYesNo;
  yaml.replace(yaml.find("[\"no\", \"yes\"]"), 13, "[\"1\", \"2\"]");
  EXPECT_EQ(Load(yaml)->items[0].gold, 1);
}

TEST_F(Items, ExamplesStandBeforeTheQuestionAndAreNotAsked) {
  Write("d.jsonl",
        "{\"q\": \"a\", \"gold\": 1}\n{\"q\": \"b\", \"gold\": 0}\n{\"q\": \"c\", \"gold\": 0}\n");
  const auto items = Load(std::string(kYesNo) + "num_fewshot: 1\ndescription: \"Answer.\\n\\n\"\n");
  ASSERT_TRUE(items.ok()) << items.status().message();
  ASSERT_EQ(items->items.size(), 2u);
  EXPECT_EQ(items->items[0].contexts[0], "Answer.\n\nQ: a\nA: yes\n\nQ: b\nA:");
}

TEST_F(Items, OfSeveralFilesComeEvenlyWithTheExamplesOfTheirOwnSubject) {
  Write("law_test.csv", "l1,A\nl2,A\nl3,B\n");
  Write("art_test.csv", "a1,B\n");
  Write("law_dev.csv", "ld,B\n");
  Write("art_dev.csv", "ad,A\n");
  const auto items = Load(R"(
task: t
dataset_kwargs: {data_files: "*_test.csv", fewshot_files: "*_dev.csv", format: csv, columns: [q, answer]}
description: "{{subject}}: "
doc_to_text: "{{q}}"
doc_to_target: "{{answer}}"
doc_to_choice: ["A", "B"]
num_fewshot: 1
)",
                          3);
  ASSERT_TRUE(items.ok()) << items.status().message();
  ASSERT_EQ(items->items.size(), 3u);
  EXPECT_EQ(items->items[0].id, "art/0");
  EXPECT_EQ(items->items[0].contexts[0], "art: ad A\n\na1");
  EXPECT_EQ(items->items[1].contexts[0], "law: ld B\n\nl1");
  EXPECT_EQ(items->items[2].id, "law/1");
}

TEST_F(Items, WithChoicesAsContextsShareTheirEnd) {
  Write("d.jsonl", "{\"options\": [\"so A\", \"so B\"], \"rest\": \"won.\", \"gold\": 1}\n");
  const auto items = Load(R"(
task: t
dataset_kwargs: {data_files: d.jsonl, format: jsonl}
doc_to_text: "{{gold}}"
doc_to_target: "{{rest}}"
doc_to_choice: "{{options}}"
metadata: {choices_are_contexts: true}
)");
  ASSERT_TRUE(items.ok()) << items.status().message();
  EXPECT_THAT(items->items[0].contexts, ElementsAre("so A", "so B"));
  EXPECT_THAT(items->items[0].continuations, ElementsAre(" won.", " won."));
  EXPECT_EQ(items->items[0].gold, 1);
}

TEST_F(Items, OfOnePassageAreOneCluster) {
  Write(
      "d.jsonl",
      "{\"q\": \"p1\", \"gold\": 1}\n{\"q\": \"p2\", \"gold\": 1}\n{\"q\": \"p1\", \"gold\": 0}\n");
  const auto items = Load(std::string(kYesNo) + "metadata: {cluster: \"{{q}}\"}\n");
  ASSERT_TRUE(items.ok());
  EXPECT_TRUE(items->has_clusters);
  EXPECT_EQ(items->items[0].cluster, items->items[2].cluster);
  EXPECT_NE(items->items[0].cluster, items->items[1].cluster);
}

TEST_F(Items, HashChangesWithAnythingThatIsRun) {
  Write("d.jsonl", "{\"q\": \"a\", \"gold\": 1}\n");
  const std::string first = Load(kYesNo)->sha256;
  EXPECT_EQ(Load(kYesNo)->sha256, first);
  Write("d.jsonl", "{\"q\": \"a\", \"gold\": 0}\n");
  EXPECT_NE(Load(kYesNo)->sha256, first);
}

TEST_F(Items, BadRecordsAreRefusedByName) {
  Write("d.jsonl", "{\"q\": \"a\", \"gold\": 2}\n");
  EXPECT_THAT(ErrorOf(kYesNo),
              HasSubstr("item 0: task t: the answer \"2\" is none of the 2 choices"));
  Write("d.jsonl", "{\"gold\": 1}\n");
  EXPECT_THAT(ErrorOf(kYesNo), HasSubstr("item 0"));
  Write("d.jsonl", "{\"q\": \"a\", \"gold\": 1}\n");
  EXPECT_THAT(ErrorOf(std::string(kYesNo) + "num_fewshot: 1\n"),
              HasSubstr("1 records, of which the first 1 are examples"));
  std::string one = kYesNo;
  one.replace(one.find("[\"no\", \"yes\"]"), 13, "[\"no\"]");
  EXPECT_THAT(ErrorOf(one), HasSubstr("1 choice to choose from"));
  EXPECT_FALSE(Load(kYesNo, -1).ok());
}

}  // namespace
}  // namespace crumb
