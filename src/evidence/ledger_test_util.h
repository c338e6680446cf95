// What the tests of the ledger share: a folder of their own and rows to put into it.
#ifndef CRUMB_EVIDENCE_LEDGER_TEST_UTIL_H_
#define CRUMB_EVIDENCE_LEDGER_TEST_UTIL_H_

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "base/files.h"
#include "evidence/ledger.h"

namespace crumb {

inline Evidence SampleRow(int i) {
  Evidence row;
  row.metric = "perplexity";
  row.subject = "int4+embed8";
  row.value = 20.5 + 1.0 / (i + 1);
  row.low = row.value - 0.1;
  row.high = row.value + 0.1;
  row.standard_error = 0.05;
  row.n = 3060;
  row.n_of = "tokens";
  row.method = "perplexity-llama";
  row.model = "model.gguf";
  row.model_sha256 = std::string(64, 'a');
  row.text = "en";
  row.text_sha256 = std::string(64, 'b');
  row.codec = "int4";
  row.options = R"({"context":512})";
  row.commit = "0123456789ab";
  row.cpu_model = "Test CPU";
  row.kernel_set = "scalar";
  row.threads = 2;
  row.quarter = "2026-Q4";
  row.time_utc = "2026-11-22T03:24:05Z";
  row.detail = "{}";
  return row;
}

class LedgerFolder : public testing::Test {
 protected:
  LedgerFolder() : folder_(testing::TempDir() + "crumb-ledger-XXXXXX") {
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  ~LedgerFolder() override { static_cast<void>(RemoveAll(folder_).ok()); }

  const std::string& folder() const { return folder_; }
  std::string path() const { return JoinPath(folder_, "ledger.db"); }

  std::unique_ptr<Ledger> OpenOrDie() const {
    Result<std::unique_ptr<Ledger>> ledger = Ledger::OpenForWriting(path());
    EXPECT_TRUE(ledger.ok()) << ledger.status().message();
    return std::move(ledger).value();
  }

  // Does to the file what an attacker with SQLite could do.
  void Sql(const std::string& statements) const {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path().c_str(), &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA synchronous = OFF", nullptr, nullptr, nullptr);
    const int code = sqlite3_exec(db, statements.c_str(), nullptr, nullptr, nullptr);
    EXPECT_EQ(code, SQLITE_OK) << sqlite3_errmsg(db) << " in " << statements;
    sqlite3_close(db);
  }

  // The status of Verify through a reader of its own.
  Status VerifyStatus(const std::vector<std::string>& inputs = {}) const {
    Result<std::unique_ptr<Ledger>> reader = Ledger::OpenForReading(path());
    if (!reader.ok()) return reader.status();
    return (*reader)->Verify(inputs).status();
  }

 private:
  std::string folder_;
};

}  // namespace crumb

#endif  // CRUMB_EVIDENCE_LEDGER_TEST_UTIL_H_
