#include "lint/rows.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/temporary_folder_for_test.h"
#include "evidence/ledger.h"
#include "evidence/metrics.h"

namespace crumb::lint {
namespace {

constexpr const char* kFile = CRUMB_SOURCE_DIR "/src/lint/testdata/sample-ledger.db";

void WriteSampleLedger(const std::string& path) {
  Result<std::unique_ptr<Ledger>> ledger = Ledger::OpenForWriting(path);
  ASSERT_TRUE(ledger.ok()) << ledger.status().message();
  for (const Evidence& row : SampleRows()) {
    const Result<int64_t> id = (*ledger)->Append(row);
    ASSERT_TRUE(id.ok()) << id.status().message();
    EXPECT_EQ(*id, row.id);
  }
}

// Makes the file that the tests in Python lint with; by hand, after a change of sample_rows.txt.
TEST(SampleLedger, DISABLED_WriteTheFile) {
  ASSERT_TRUE(RemoveAll(kFile).ok());
  WriteSampleLedger(kFile);
}

TEST(SampleLedger, FileHoldsTheSampleRows) {
  const Result<Rows> rows = ReadRows(kFile);
  ASSERT_TRUE(rows.ok()) << rows.status().message();
  const std::vector<Evidence> wanted = SampleRows();
  ASSERT_EQ(rows->by_id.size(), wanted.size());
  for (const Evidence& row : wanted) {
    const Evidence* found = rows->Find(row.id);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->metric, row.metric);
    EXPECT_EQ(found->value, row.value);
    EXPECT_EQ(found->low, row.low);
    EXPECT_EQ(found->supersedes, row.supersedes);
  }
}

TEST(Rows, KnowWhichRowsWereReplaced) {
  const Rows rows(SampleRows());
  EXPECT_EQ(rows.superseded, std::set<int64_t>{10});
  EXPECT_EQ(rows.Find(99), nullptr);
}

TEST(Rows, AreNotReadFromABrokenChain) {
  const TemporaryFolder folder;
  const std::string path = folder / "ledger.db";
  WriteSampleLedger(path);
  Result<std::string> bytes = ReadFile(path);
  ASSERT_TRUE(bytes.ok());
  const size_t at = bytes->find("sample.gguf");
  ASSERT_NE(at, std::string::npos);
  bytes->replace(at, 6, "simple");
  ASSERT_TRUE(WriteFileAtomic(path, *bytes).ok());
  EXPECT_EQ(ReadRows(path).status().code(), StatusCode::kCorrupt);
}

}  // namespace
}  // namespace crumb::lint
