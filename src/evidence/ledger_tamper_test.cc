// Whatever is changed in a ledger behind its back is found by Verify.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "evidence/columns.h"
#include "evidence/ledger.h"
#include "evidence/ledger_test_util.h"
#include "evidence/schema.h"

namespace crumb {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class LedgerTamperTest : public LedgerFolder {
 protected:
  void SetUp() override {
    {
      const auto ledger = OpenOrDie();
      for (int i = 1; i <= 5; ++i) ASSERT_TRUE(ledger->Append(SampleRow(i)).ok());
      for (const char* name : {"a.gguf", "b.gguf", "c.gguf"}) {
        ASSERT_TRUE(ledger->RecordInput("model", name, Sha256Hex(name)).ok());
      }
    }
    ASSERT_TRUE(VerifyStatus().ok());
    pristine_ = ReadFile(path()).value();
  }

  // The file as it was after SetUp.
  const std::string& pristine() const { return pristine_; }
  void Restore() const { Write(pristine_); }
  // Without the care that real files need, for the sake of time.
  void Write(const std::string& content) const {
    std::ofstream file(path(), std::ios::binary);
    ASSERT_TRUE(file << content);
  }

  // Runs the statements with all triggers gone, and puts the triggers back: only the rows tell.
  void TamperWithoutTriggers(const std::string& statements) {
    std::string sql = "BEGIN;";
    for (const auto& entry : LedgerSchema()) {
      if (entry.second.starts_with("CREATE TRIGGER")) sql += "DROP TRIGGER " + entry.first + ";";
    }
    sql += statements + ";";
    for (const auto& entry : LedgerSchema()) {
      if (entry.second.starts_with("CREATE TRIGGER")) sql += entry.second + ";";
    }
    Sql(sql + "COMMIT");
  }

  void ExpectFound(const std::string& where, const std::string& what) {
    const Status status = VerifyStatus();
    EXPECT_EQ(status.code(), StatusCode::kCorrupt) << what;
    EXPECT_THAT(status.message(), AllOf(HasSubstr(path()), HasSubstr(where))) << what;
  }

 private:
  std::string pristine_;
};

TEST_F(LedgerTamperTest, TriggersRefuseEveryChange) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path().c_str(), &db), SQLITE_OK);
  for (const char* sql :
       {"UPDATE evidence SET value = 1 WHERE id = 2", "DELETE FROM evidence WHERE id = 5",
        "DELETE FROM evidence", "UPDATE input SET name = 'x'", "DELETE FROM input WHERE id = 1",
        "INSERT OR REPLACE INTO evidence SELECT * FROM evidence WHERE id = 2",
        "INSERT OR REPLACE INTO input SELECT * FROM input WHERE id = 2", "DELETE FROM chain"}) {
    EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_CONSTRAINT) << sql;
  }
  sqlite3_close(db);
  EXPECT_TRUE(VerifyStatus().ok());
}

TEST_F(LedgerTamperTest, AChangeOfAnyColumnIsFound) {
  std::vector<std::string> columns = {"id", "previous_hash", "hash", "key"};
  for (const EvidenceColumn& column : EvidenceColumns()) columns.emplace_back(column.name);
  for (const std::string& column : columns) {
    // Numbers change in about the last digit that a double has, texts by one letter. For the last
    // row no other row's previous_hash can help.
    for (const int id : {1, 3, 5}) {
      Restore();
      TamperWithoutTriggers(fmt::format(
          "UPDATE evidence SET \"{0}\" = CASE typeof(\"{0}\") WHEN 'text' THEN \"{0}\" || 'x' WHEN "
          "'integer' THEN \"{0}\" + 100 ELSE \"{0}\" * 1.0000000000000003 END WHERE id = {1}",
          column, id));
      ExpectFound("row", column);
    }
  }
}

TEST_F(LedgerTamperTest, AChangeOfAnyColumnOfAnInputIsFound) {
  for (const char* column : {"id", "role", "name", "sha256", "previous_hash", "hash"}) {
    Restore();
    TamperWithoutTriggers(
        fmt::format("UPDATE input SET \"{0}\" = CASE typeof(\"{0}\") WHEN 'text' THEN \"{0}\" || "
                    "'x' ELSE 9 END "
                    "WHERE id = 3",
                    column));
    ExpectFound("input", column);
  }
}

TEST_F(LedgerTamperTest, ANullIsNotAnEmptyNumber) {
  TamperWithoutTriggers("UPDATE evidence SET low = NULL WHERE id = 2");
  ExpectFound("row 2", "low");
}

TEST_F(LedgerTamperTest, AnIntegerThatDoesNotFitIsNotCutToOneThatDoes) {
  TamperWithoutTriggers("UPDATE evidence SET threads = threads + 4294967296 WHERE id = 2");
  ExpectFound("row 2", "threads");
}

TEST_F(LedgerTamperTest, RemovedRowsAreFoundWhereverTheyWere) {
  TamperWithoutTriggers("DELETE FROM evidence WHERE id = 1");
  ExpectFound("row 1 is missing", "first row");
  Restore();
  TamperWithoutTriggers("DELETE FROM evidence WHERE id = 3");
  ExpectFound("row 3 is missing", "middle row");
  Restore();
  TamperWithoutTriggers("DELETE FROM evidence WHERE id >= 4");
  ExpectFound("wrote 5 rows", "last rows");
  Restore();
  TamperWithoutTriggers("DELETE FROM evidence; DELETE FROM chain");
  ExpectFound("chain", "everything");
  Restore();
  TamperWithoutTriggers("DELETE FROM input WHERE id = 3");
  ExpectFound("wrote 3 inputs", "last input");
}

TEST_F(LedgerTamperTest, RenumberedAndSwappedRowsAreFound) {
  TamperWithoutTriggers(
      "DELETE FROM evidence WHERE id = 3; UPDATE evidence SET id = 3 WHERE id = 4;"
      "UPDATE evidence SET id = 4 WHERE id = 5; UPDATE chain SET rows = 4 WHERE name = 'evidence'");
  ExpectFound("row 3", "renumbered");
  Restore();
  TamperWithoutTriggers(
      "UPDATE evidence SET id = 99 WHERE id = 2; UPDATE evidence SET id = 2 WHERE id = 3;"
      "UPDATE evidence SET id = 3 WHERE id = 99");
  ExpectFound("row 2", "swapped");
}

TEST_F(LedgerTamperTest, AChangedChainEndIsFound) {
  Sql("UPDATE chain SET rows = 6 WHERE name = 'evidence'");
  ExpectFound("wrote 6 rows", "rows");
  Restore();
  Sql("UPDATE chain SET head = 'x' WHERE name = 'input'");
  ExpectFound("input", "head");
}

TEST_F(LedgerTamperTest, AMissingChangedOrAddedTriggerIsFound) {
  for (const auto& entry : LedgerSchema()) {
    if (!entry.second.starts_with("CREATE TRIGGER")) continue;
    Restore();
    Sql("DROP TRIGGER " + entry.first);
    ExpectFound("\"" + entry.first + "\" is missing", "dropped");
  }
  Restore();
  Sql("DROP TRIGGER evidence_no_update; CREATE TRIGGER evidence_no_update BEFORE UPDATE ON "
      "evidence "
      "BEGIN SELECT 1; END");
  ExpectFound("\"evidence_no_update\" is not what crumb made", "weakened");
  Restore();
  Sql("CREATE TABLE extra(x)");
  ExpectFound("\"extra\"", "added");
  // A writer does not go on with such a file either.
  EXPECT_EQ(Ledger::OpenForWriting(path()).status().code(), StatusCode::kCorrupt);
}

TEST_F(LedgerTamperTest, ADamagedPageIsFound) {
  // SQLite fills its pages from the end.
  for (size_t end = 4096; end <= pristine().size(); end += 4096) {
    std::string damaged = pristine();
    for (size_t i = end - 150; i < end; ++i) damaged[i] = static_cast<char>(~damaged[i]);
    Write(damaged);
    EXPECT_EQ(VerifyStatus().code(), StatusCode::kCorrupt) << end;
  }
}

TEST_F(LedgerTamperTest, InputsAreCheckedByTheirContent) {
  // The recorded hash of each is that of its own name.
  const std::string a = JoinPath(folder(), "a.gguf");
  const std::string b = JoinPath(folder(), "b.gguf");
  ASSERT_TRUE(WriteFileAtomic(a, "a.gguf").ok());
  ASSERT_TRUE(WriteFileAtomic(b, "another content").ok());
  const Result<std::unique_ptr<Ledger>> ledger = Ledger::OpenForReading(path());
  ASSERT_TRUE(ledger.ok());
  const Result<Ledger::VerifyReport> report = (*ledger)->Verify({a});
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->inputs_checked, 1);
  EXPECT_EQ(report->missing_inputs.size(), 2u);
  const Status changed = (*ledger)->Verify({a, b}).status();
  EXPECT_EQ(changed.code(), StatusCode::kCorrupt);
  EXPECT_THAT(changed.message(), HasSubstr(b));
  const Status unknown = (*ledger)->Verify({path()}).status();
  EXPECT_EQ(unknown.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(unknown.message(), HasSubstr("no input named ledger.db"));
  EXPECT_EQ((*ledger)->Verify({JoinPath(folder(), "c.gguf")}).status().code(),
            StatusCode::kNotFound);
}

// tools/verify_ledger.py is written from the document alone, with Python's own library.
class IndependentVerifierTest : public LedgerTamperTest {
 protected:
  int RunVerifier() const {
    const std::string command = fmt::format("python3 '{}/tools/verify_ledger.py' '{}' >'{}' 2>&1",
                                            CRUMB_SOURCE_DIR, path(), output());
    return std::system(command.c_str());  // NOLINT(cert-env33-c)
  }
  std::string output() const { return JoinPath(folder(), "verifier.txt"); }
  std::string said() const { return ReadFile(output()).value(); }
};

TEST_F(IndependentVerifierTest, AgreesOnAWholeLedger) {
  if (std::system("python3 -c 'import sqlite3' 2>/dev/null") != 0) {  // NOLINT(cert-env33-c)
    GTEST_SKIP() << "python3 is not installed";
  }
  {
    const auto ledger = OpenOrDie();
    // Doubles whose text differs between languages if anything does, and text beyond ASCII.
    for (const double value : {0.1, 1e15, 1e16, 123456789012345680.0, 1e22, 1e-4, 1e-5, 5e-324,
                               1.7976931348623157e308, -2.5, 0.0, 100000.0, 1.0 / 3}) {
      Evidence row = SampleRow(1);
      row.value = value;
      row.low.reset();
      row.text = "中文.txt";
      ASSERT_TRUE(ledger->Append(row).ok());
    }
  }
  ASSERT_EQ(RunVerifier(), 0) << said();
  const Result<std::unique_ptr<Ledger>> ledger = Ledger::OpenForReading(path());
  ASSERT_TRUE(ledger.ok());
  EXPECT_THAT(said(), HasSubstr((*ledger)->Verify({})->head_hash));
}

TEST_F(IndependentVerifierTest, FindsTheSameChanges) {
  if (std::system("python3 -c 'import sqlite3' 2>/dev/null") != 0) {  // NOLINT(cert-env33-c)
    GTEST_SKIP() << "python3 is not installed";
  }
  TamperWithoutTriggers("UPDATE evidence SET value = value + 1e-9 WHERE id = 4");
  EXPECT_NE(RunVerifier(), 0);
  EXPECT_THAT(said(), HasSubstr("row 4"));
  Restore();
  TamperWithoutTriggers("DELETE FROM evidence WHERE id = 5");
  EXPECT_NE(RunVerifier(), 0);
  Restore();
  TamperWithoutTriggers("UPDATE input SET name = 'x' WHERE id = 2");
  EXPECT_NE(RunVerifier(), 0);
  EXPECT_THAT(said(), HasSubstr("input 2"));
  Restore();
  TamperWithoutTriggers("UPDATE evidence SET key = key || 'x' WHERE id = 2");
  EXPECT_NE(RunVerifier(), 0);
  EXPECT_THAT(said(), HasSubstr("row 2"));
  Restore();
  Sql("DROP TRIGGER evidence_no_update");
  EXPECT_NE(RunVerifier(), 0);
}

}  // namespace
}  // namespace crumb
