// The ledger as a file: one writer, processes that die, files that are no ledger, disks that are
// full.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "evidence/ledger.h"
#include "evidence/ledger_test_util.h"
#include "evidence/schema.h"

namespace crumb {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class LedgerFileTest : public LedgerFolder {
 protected:
  Status WriteStatus() const { return Ledger::OpenForWriting(path()).status(); }
  Status ReadStatus() const { return Ledger::OpenForReading(path()).status(); }
};

TEST_F(LedgerFileTest, ASecondWriterIsRefusedAndToldWhoWrites) {
  std::unique_ptr<Ledger> first = OpenOrDie();
  const Status busy = WriteStatus();
  EXPECT_EQ(busy.code(), StatusCode::kBusy);
  EXPECT_EQ(busy.message(),
            fmt::format("the ledger {} is in use by process {}; wait for it or use --ledger for "
                        "another file",
                        path(), ::getpid()));
  first.reset();
  EXPECT_TRUE(WriteStatus().ok());
  EXPECT_FALSE(PathExists(path() + ".lock"));
}

TEST_F(LedgerFileTest, AClosedLedgerIsOneFile) {
  {
    const auto ledger = OpenOrDie();
    ASSERT_TRUE(ledger->Append(SampleRow(1)).ok());
  }
  EXPECT_EQ(ListFolder(folder()).value(), std::vector<std::string>{"ledger.db"});
}

TEST_F(LedgerFileTest, AWriterClosesAtOnceWhileAReaderIsThere) {
  auto writer = OpenOrDie();
  ASSERT_TRUE(writer->Append(SampleRow(1)).ok());
  Result<std::unique_ptr<Ledger>> reader = Ledger::OpenForReading(path());
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ((*reader)->Select({})->size(), 1u);
  const auto start = std::chrono::steady_clock::now();
  writer.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ((*reader)->Verify({})->rows, 1);
  writer = OpenOrDie();
  EXPECT_EQ(*writer->Append(SampleRow(2)), 2);
  EXPECT_EQ((*reader)->Verify({})->rows, 2);
}

TEST_F(LedgerFileTest, AWriterInAnotherProcessIsNamed) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const Result<std::unique_ptr<Ledger>> ledger = Ledger::OpenForWriting(path());
    const char said = ledger.ok() ? 'y' : 'n';
    if (::write(ready[1], &said, 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char said = 0;
  ASSERT_EQ(::read(ready[0], &said, 1), 1);
  EXPECT_EQ(said, 'y');
  const Status busy = WriteStatus();
  EXPECT_EQ(busy.code(), StatusCode::kBusy);
  EXPECT_THAT(busy.message(), HasSubstr(fmt::format("process {};", child)));
  EXPECT_TRUE(ReadStatus().ok());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  EXPECT_TRUE(WriteStatus().ok()) << "the lock of a dead process does not count";
}

// A writer that appends until it is killed. Every row of which it told is there afterwards.
TEST_F(LedgerFileTest, AKilledWriterLosesNothingAndLeavesAWholeChain) {
  Rng rng(7);
  int64_t rows = 0;
  for (int round = 0; round < 6; ++round) {
    int told[2];
    ASSERT_EQ(::pipe(told), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Result<std::unique_ptr<Ledger>> ledger = Ledger::OpenForWriting(path());
      if (!ledger.ok()) ::_exit(1);
      for (int i = 0;; ++i) {
        const Result<int64_t> id = (*ledger)->Append(SampleRow(i));
        if (!id.ok() || ::write(told[1], &*id, sizeof(int64_t)) != sizeof(int64_t)) ::_exit(1);
      }
    }
    ::close(told[1]);
    int64_t id = 0;
    ASSERT_EQ(::read(told[0], &id, sizeof(id)), static_cast<ssize_t>(sizeof(id)));
    ::usleep(static_cast<useconds_t>(rng.Below(60000)));
    ::kill(child, SIGKILL);
    int how = 0;
    ::waitpid(child, &how, 0);
    EXPECT_TRUE(WIFSIGNALED(how));
    while (::read(told[0], &id, sizeof(id)) == sizeof(id)) {
    }
    ::close(told[0]);

    // Reading first: a reader must be able to undo what was left half done.
    Result<std::unique_ptr<Ledger>> reader = Ledger::OpenForReading(path());
    ASSERT_TRUE(reader.ok()) << reader.status().message();
    const Result<Ledger::VerifyReport> report = (*reader)->Verify({});
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_GE(report->rows, id);
    EXPECT_LE(report->rows, id + 1) << "the one row that was being told";
    EXPECT_GT(report->rows, rows);
    rows = report->rows;
  }
  const auto ledger = OpenOrDie();
  EXPECT_EQ(*ledger->Append(SampleRow(0)), rows + 1);
}

TEST_F(LedgerFileTest, AWriterKilledWhileCreatingLeavesAFileThatIsMadeAnew) {
  // The states that such a file can have on disk: no bytes at all.
  ASSERT_TRUE(WriteFileAtomic(path(), "").ok());
  EXPECT_EQ(ReadStatus().code(), StatusCode::kCorrupt);
  EXPECT_TRUE(WriteStatus().ok());
  EXPECT_TRUE(ReadStatus().ok());
}

TEST_F(LedgerFileTest, AFileThatIsNotSqliteIsCorruptAndStaysAsItIs) {
  const std::string text =
      "This is a text of some length, and surely not a ledger. " + std::string(2000, '.');
  ASSERT_TRUE(WriteFileAtomic(path(), text).ok());
  for (const Status& status : {WriteStatus(), ReadStatus()}) {
    EXPECT_EQ(status.code(), StatusCode::kCorrupt);
    EXPECT_THAT(status.message(), AllOf(HasSubstr(path()), HasSubstr("is not a ledger"),
                                        HasSubstr("choose another file with --ledger")));
  }
  EXPECT_EQ(ReadFile(path()).value(), text);
}

TEST_F(LedgerFileTest, AnSqliteFileOfAnotherProgramIsCorrupt) {
  Sql("CREATE TABLE bookmarks(url TEXT)");
  for (const Status& status : {WriteStatus(), ReadStatus()}) {
    EXPECT_EQ(status.code(), StatusCode::kCorrupt);
    EXPECT_THAT(status.message(), HasSubstr("not a ledger of crumb"));
  }
}

TEST_F(LedgerFileTest, ANewerSchemaIsRefused) {
  OpenOrDie().reset();
  Sql(fmt::format("PRAGMA user_version = {}", kLedgerSchemaVersion + 1));
  for (const Status& status : {WriteStatus(), ReadStatus()}) {
    EXPECT_EQ(status.code(), StatusCode::kUnsupported);
    EXPECT_THAT(status.message(), AllOf(HasSubstr("schema 2"), HasSubstr("use a newer crumb")));
  }
}

TEST_F(LedgerFileTest, ATruncatedLedgerIsCorrupt) {
  {
    const auto ledger = OpenOrDie();
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(ledger->Append(SampleRow(i)).ok());
  }
  const std::string whole = ReadFile(path()).value();
  for (const size_t size : {whole.size() / 2, whole.size() - 4096, size_t{4096}, size_t{100}}) {
    ASSERT_TRUE(WriteFileAtomic(path(), whole.substr(0, size)).ok());
    EXPECT_EQ(VerifyStatus().code(), StatusCode::kCorrupt) << size;
  }
}

TEST_F(LedgerFileTest, PlacesThatCanNotHoldALedgerSaySo) {
  EXPECT_EQ(ReadStatus().code(), StatusCode::kNotFound);
  EXPECT_FALSE(PathExists(path())) << "reading makes no file";
  const Status no_folder = Ledger::OpenForWriting(JoinPath(folder(), "no/ledger.db")).status();
  EXPECT_EQ(no_folder.code(), StatusCode::kNotFound);
  EXPECT_THAT(no_folder.message(), HasSubstr("there is no folder"));
  EXPECT_EQ(Ledger::OpenForWriting(folder()).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Ledger::OpenForReading(folder()).status().code(), StatusCode::kInvalidArgument);
  // Where even root may not write.
  EXPECT_EQ(Ledger::OpenForWriting("/proc/ledger.db").status().code(), StatusCode::kNotFound);
}

TEST_F(LedgerFileTest, AReadOnlyLedgerCanBeReadAndNotWritten) {
  OpenOrDie().reset();
  ASSERT_EQ(::chmod(path().c_str(), 0444), 0);
  ASSERT_EQ(::chmod(folder().c_str(), 0555), 0);
  if (::geteuid() == 0) {
    ::chmod(folder().c_str(), 0755);
    GTEST_SKIP() << "root may write everywhere";
  }
  EXPECT_EQ(WriteStatus().code(), StatusCode::kIoError);
  EXPECT_TRUE(VerifyStatus().ok());
  ASSERT_EQ(::chmod(folder().c_str(), 0755), 0);
  const Status status = WriteStatus();
  EXPECT_EQ(status.code(), StatusCode::kIoError);
  EXPECT_THAT(status.message(), HasSubstr("read-only"));
}

// A limit on the size of files stands for a full disk: a write fails in the middle.
TEST_F(LedgerFileTest, AFullDiskIsAnErrorAndTheLedgerKeepsItsRows) {
  const auto ledger = OpenOrDie();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(ledger->Append(SampleRow(i)).ok());
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit limit = old_limit;
  limit.rlim_cur = static_cast<rlim_t>(FileSize(path()).value() + 4096);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  int64_t last = 5;
  Status failed;
  for (int i = 0; i < 100 && failed.ok(); ++i) {
    Evidence row = SampleRow(i);
    row.detail = "\"" + std::string(3000, 'x') + "\"";
    const Result<int64_t> id = ledger->Append(row);
    if (id.ok()) last = *id;
    failed = id.status();
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(failed.code(), StatusCode::kIoError) << failed.message();
  EXPECT_THAT(failed.message(), HasSubstr(path()));
  const Result<Ledger::VerifyReport> report = ledger->Verify({});
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->rows, last);
  EXPECT_EQ(*ledger->Append(SampleRow(1)), last + 1);
}

TEST(LedgerSchemaTest, TheDocumentShowsTheTablesAsTheyAre) {
  const auto without_space = [](std::string text) {
    std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
    return text;
  };
  const Result<std::string> document =
      ReadFile(std::string(CRUMB_SOURCE_DIR) + "/docs/formats/ledger.md");
  ASSERT_TRUE(document.ok());
  const std::string shown = without_space(*document);
  for (const auto& entry : LedgerSchema()) {
    if (entry.second.starts_with("CREATE TRIGGER")) continue;
    EXPECT_THAT(shown, HasSubstr(without_space(entry.second)));
  }
}

TEST_F(LedgerFileTest, NamesWithAMeaningForSqliteAreFilesLikeOthers) {
  const std::string before = folder() + "/file:ledger?mode=memory";
  ASSERT_TRUE(Ledger::OpenForWriting(before).ok());
  EXPECT_TRUE(PathExists(before));
}

}  // namespace
}  // namespace crumb
