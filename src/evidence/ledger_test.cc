#include "evidence/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <thread>

#include "base/files.h"
#include "base/json.h"
#include "evidence/ledger_test_util.h"
#include "evidence/metrics.h"

namespace crumb {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

class LedgerTest : public LedgerFolder {};

TEST_F(LedgerTest, GivesBackWhatWasAppended) {
  Evidence row = SampleRow(1);
  row.low = 0.1;
  row.high = 1e300;
  row.standard_error = 5e-324;
  row.n = std::numeric_limits<int64_t>::max();
  row.text = "文本 \"quoted\" 'text'; DROP TABLE evidence";
  row.detail = R"({"samples":[1.5,2]})";
  {
    const auto ledger = OpenOrDie();
    const Result<int64_t> id = ledger->Append(row);
    ASSERT_TRUE(id.ok()) << id.status().message();
    EXPECT_EQ(*id, 1);
  }
  const Result<std::unique_ptr<Ledger>> reader = Ledger::OpenForReading(path());
  ASSERT_TRUE(reader.ok());
  const Result<Evidence> read = (*reader)->Get(1);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->id, 1);
  EXPECT_THAT(read->hash, MatchesRegex("[0-9a-f]{64}"));
  EXPECT_EQ(read->previous_hash, std::string(64, '0'));
  // Everything else, compared as text in which every digit of a double stands.
  row.id = 1;
  row.previous_hash = read->previous_hash;
  row.hash = read->hash;
  EXPECT_EQ(EvidenceToJson(*read), EvidenceToJson(row));
}

TEST_F(LedgerTest, FillsTimeAndQuarter) {
  const auto ledger = OpenOrDie();
  Evidence row = SampleRow(1);
  row.time_utc.clear();
  row.quarter.clear();
  ASSERT_TRUE(ledger->Append(row).ok());
  const Evidence read = *ledger->Get(1);
  EXPECT_THAT(read.time_utc, MatchesRegex("20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-9:]{8}Z"));
  EXPECT_THAT(read.quarter, MatchesRegex("20[0-9][0-9]-Q[1-4]"));
}

TEST_F(LedgerTest, TakesTheQuarterFromTheTime) {
  const auto ledger = OpenOrDie();
  const std::pair<const char*, const char*> times[] = {{"2026-01-01T00:00:00Z", "2026-Q1"},
                                                       {"2026-03-31T23:59:59Z", "2026-Q1"},
                                                       {"2026-04-01T00:00:00Z", "2026-Q2"},
                                                       {"2026-09-30T12:00:00Z", "2026-Q3"},
                                                       {"2026-12-31T12:00:00Z", "2026-Q4"}};
  for (const auto& entry : times) {
    Evidence row = SampleRow(1);
    row.time_utc = entry.first;
    row.quarter.clear();
    const Result<int64_t> id = ledger->Append(row);
    ASSERT_TRUE(id.ok());
    EXPECT_EQ(ledger->Get(*id)->quarter, entry.second);
  }
}

TEST_F(LedgerTest, RowsFormAChain) {
  const auto ledger = OpenOrDie();
  for (int i = 1; i <= 5; ++i) ASSERT_EQ(*ledger->Append(SampleRow(i)), i);
  std::string previous(64, '0');
  for (int i = 1; i <= 5; ++i) {
    const Evidence row = *ledger->Get(i);
    EXPECT_EQ(row.previous_hash, previous);
    previous = row.hash;
  }
  const Result<Ledger::VerifyReport> report = ledger->Verify({});
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->rows, 5);
  EXPECT_EQ(report->head_hash, previous);
}

TEST_F(LedgerTest, GetOfAMissingRowNamesTheRange) {
  const auto ledger = OpenOrDie();
  EXPECT_THAT(ledger->Get(1).status().message(), HasSubstr("the ledger is empty"));
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(ledger->Append(SampleRow(i)).ok());
  const Status status = ledger->Get(7).status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("no row 7"), HasSubstr("rows 1 to 3")));
}

TEST_F(LedgerTest, SelectFiltersByEachField) {
  const auto ledger = OpenOrDie();
  for (const char* text : {"en", "zh"}) {
    for (const char* subject : {"reference", "int4+embed8"}) {
      Evidence row = SampleRow(1);
      row.text = text;
      row.subject = subject;
      ASSERT_TRUE(ledger->Append(row).ok());
    }
  }
  Evidence other = SampleRow(1);
  other.metric = metric::kLoadTime;
  other.unit = "s";
  other.kind = "computed";
  ASSERT_TRUE(ledger->Append(other).ok());
  const auto ids = [&](const EvidenceFilter& filter) {
    std::vector<int64_t> found;
    const Result<std::vector<Evidence>> rows = ledger->Select(filter);
    for (const Evidence& row : *rows) found.push_back(row.id);
    return found;
  };
  EXPECT_THAT(ids({}), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(ids({.metric = "load_seconds", .subject = "", .text = "", .kind = ""}),
              ElementsAre(5));
  EXPECT_THAT(ids({.metric = "", .subject = "reference", .text = "", .kind = ""}),
              ElementsAre(1, 3));
  EXPECT_THAT(ids({.metric = "", .subject = "reference", .text = "zh", .kind = ""}),
              ElementsAre(3));
  EXPECT_THAT(ids({.metric = "", .subject = "", .text = "", .kind = "computed"}), ElementsAre(5));
  EXPECT_THAT(ids({.metric = "", .subject = "nobody", .text = "", .kind = ""}), ElementsAre());
}

TEST_F(LedgerTest, FindByKeyGivesTheNewestRow) {
  const auto ledger = OpenOrDie();
  Evidence row = SampleRow(1);
  const std::string key = EvidenceKey(row);
  EXPECT_FALSE(ledger->FindByKey(key)->has_value());
  ASSERT_TRUE(ledger->Append(row).ok());
  row.value = 99;
  ASSERT_TRUE(ledger->Append(row).ok());
  row.subject = "other";
  ASSERT_TRUE(ledger->Append(row).ok());
  const Result<std::optional<Evidence>> found = ledger->FindByKey(key);
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->id, 2);
  EXPECT_EQ((*found)->value, 99);
}

TEST_F(LedgerTest, AppendRefusesWhatIsNotFinite) {
  const auto ledger = OpenOrDie();
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    Evidence row = SampleRow(1);
    row.value = bad;
    EXPECT_EQ(ledger->Append(row).status().code(), StatusCode::kNumerics);
    row = SampleRow(1);
    row.high = bad;
    EXPECT_EQ(ledger->Append(row).status().code(), StatusCode::kNumerics);
  }
  EXPECT_EQ(ledger->Verify({})->rows, 0);
}

TEST_F(LedgerTest, ZeroHasNoSign) {
  const auto ledger = OpenOrDie();
  Evidence row = SampleRow(1);
  row.value = -0.0;  // SQLite would give back 0, and the hash would differ
  ASSERT_TRUE(ledger->Append(row).ok());
  EXPECT_TRUE(ledger->Verify({}).ok());
}

TEST_F(LedgerTest, AppendRefusesPathsAndSaysWhere) {
  const auto ledger = OpenOrDie();
  const auto refused = [&](const std::function<void(Evidence&)>& change) {
    Evidence row = SampleRow(1);
    change(row);
    const Status status = ledger->Append(row).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return status.message();
  };
  EXPECT_THAT(refused([](Evidence& row) { row.model = "models/m.gguf"; }), HasSubstr("model"));
  EXPECT_THAT(refused([](Evidence& row) { row.text = "texts/a.txt"; }), HasSubstr("text"));
  EXPECT_THAT(refused([](Evidence& row) { row.options = R"({"a":[{"b":"/tmp/x"}]})"; }),
              HasSubstr("options"));
  EXPECT_THAT(refused([](Evidence& row) { row.detail = R"({"file":"/tmp/x"})"; }),
              HasSubstr("detail"));
}

TEST_F(LedgerTest, AppendRefusesWhatIsNotARow) {
  const auto ledger = OpenOrDie();
  const auto code = [&](const std::function<void(Evidence&)>& change) {
    Evidence row = SampleRow(1);
    change(row);
    return ledger->Append(row).status().code();
  };
  const StatusCode kRefused = StatusCode::kInvalidArgument;
  EXPECT_EQ(code([](Evidence& row) { row.metric = "perplexitty"; }), kRefused);
  EXPECT_EQ(code([](Evidence& row) { row.unit = "bits"; }), kRefused);
  EXPECT_EQ(code([](Evidence& row) { row.kind = "guessed"; }), kRefused);
  EXPECT_EQ(code([](Evidence& row) { row.low = 2, row.high = 1; }), kRefused);
  EXPECT_EQ(code([](Evidence& row) { row.n = 0; }), kRefused);
  EXPECT_EQ(code([](Evidence& row) { row.subject = "\xc3("; }), kRefused);
  EXPECT_EQ(code([](Evidence& row) { row.subject = std::string("a\0b", 3); }), kRefused);
  EXPECT_EQ(code([](Evidence& row) { row.subject = "\xed\xa0\x80"; }), kRefused);  // a surrogate
  EXPECT_EQ(code([](Evidence& row) { row.time_utc = "yesterday"; }), kRefused);
  EXPECT_EQ(code([](Evidence& row) { row.quarter = "2026-Q1"; }), kRefused);
  EXPECT_EQ(code([](Evidence& row) { row.supersedes = "1"; }), kRefused);  // the ledger is empty
  EXPECT_EQ(code([](Evidence& row) { row.options = "{not json"; }), StatusCode::kCorrupt);
  EXPECT_EQ(ledger->Verify({})->rows, 0);
  EXPECT_EQ(code([](Evidence&) {}), StatusCode::kOk);
  EXPECT_EQ(code([](Evidence& row) { row.supersedes = "1"; }), StatusCode::kOk);
  EXPECT_EQ(code([](Evidence& row) { row.supersedes = "3"; }), kRefused);  // itself
}

TEST_F(LedgerTest, RecordsAnInputOnce) {
  const auto ledger = OpenOrDie();
  const std::string hash(64, 'a');
  ASSERT_TRUE(ledger->RecordInput("model", "m.gguf", hash).ok());
  ASSERT_TRUE(ledger->RecordInput("model", "m.gguf", hash).ok());
  ASSERT_TRUE(ledger->RecordInput("text", "t.txt", hash).ok());
  EXPECT_FALSE(ledger->RecordInput("model", "dir/m.gguf", hash).ok());
  EXPECT_FALSE(ledger->RecordInput("model", "m.gguf", "abc").ok());
  EXPECT_FALSE(ledger->RecordInput("tokenizer", "m.gguf", hash).ok());
  const Result<Ledger::VerifyReport> report = ledger->Verify({});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->inputs_checked, 0);
  EXPECT_THAT(report->missing_inputs,
              ElementsAre(HasSubstr("model m.gguf"), HasSubstr("text t.txt")));
}

TEST_F(LedgerTest, ReadersSeeWhatAWriterAppends) {
  const auto writer = OpenOrDie();
  ASSERT_TRUE(writer->Append(SampleRow(1)).ok());
  const Result<std::unique_ptr<Ledger>> reader = Ledger::OpenForReading(path());
  ASSERT_TRUE(reader.ok()) << reader.status().message();
  EXPECT_EQ((*reader)->Select({})->size(), 1u);
  ASSERT_TRUE(writer->Append(SampleRow(2)).ok());
  EXPECT_EQ((*reader)->Select({})->size(), 2u);
  EXPECT_FALSE((*reader)->Append(SampleRow(3)).ok());
  EXPECT_FALSE((*reader)->RecordInput("model", "m", std::string(64, 'a')).ok());
}

TEST_F(LedgerTest, AVerifyingReaderAndAWriterDoNotDisturbEachOther) {
  const auto writer = OpenOrDie();
  ASSERT_TRUE(writer->Append(SampleRow(0)).ok());
  std::thread verifier([this] {
    for (int i = 0; i < 20; ++i) {
      const Result<std::unique_ptr<Ledger>> reader = Ledger::OpenForReading(path());
      ASSERT_TRUE(reader.ok()) << reader.status().message();
      const Result<Ledger::VerifyReport> report = (*reader)->Verify({});
      ASSERT_TRUE(report.ok()) << report.status().message();
    }
  });
  for (int i = 1; i < 20; ++i) {
    const Result<int64_t> id = writer->Append(SampleRow(i));
    EXPECT_TRUE(id.ok()) << id.status().message();
  }
  verifier.join();
  EXPECT_EQ(writer->Verify({})->rows, 20);
}

TEST_F(LedgerTest, JsonHasEveryFieldInTheOrderOfTheStruct) {
  Evidence row = SampleRow(1);
  row.low = 0.25;
  row.high.reset();
  const Result<Json> json = ParseJson(EvidenceToJson(row), "row");
  ASSERT_TRUE(json.ok());
  std::string keys;
  for (const auto& item : json->items()) keys += item.key() + " ";
  EXPECT_EQ(
      keys,
      "id kind metric subject value unit low high standard_error n n_of method method_version "
      "model model_sha256 text text_sha256 codec options commit cpu_model kernel_set threads "
      "quarter time_utc detail supersedes previous_hash hash ");
  EXPECT_EQ((*json)["low"], 0.25);
  EXPECT_TRUE((*json)["high"].is_null());
  EXPECT_EQ(EvidenceToJson(row).find('\n'), std::string::npos);
}

TEST(EvidenceKeyTest, DependsOnWhatDecidesTheValueAndOnNothingElse) {
  const Evidence row = SampleRow(1);
  const auto changed = [&](const std::function<void(Evidence&)>& change) {
    Evidence copy = row;
    change(copy);
    return EvidenceKey(copy) != EvidenceKey(row);
  };
  EXPECT_TRUE(changed([](Evidence& r) { r.metric = "x"; }));
  EXPECT_TRUE(changed([](Evidence& r) { r.subject = "x"; }));
  EXPECT_TRUE(changed([](Evidence& r) { r.unit = "x"; }));
  EXPECT_TRUE(changed([](Evidence& r) { r.method = "x"; }));
  EXPECT_TRUE(changed([](Evidence& r) { r.method_version = 2; }));
  EXPECT_TRUE(changed([](Evidence& r) { r.model_sha256 = "x"; }));
  EXPECT_TRUE(changed([](Evidence& r) { r.text_sha256 = "x"; }));
  EXPECT_TRUE(changed([](Evidence& r) { r.codec = "x"; }));
  EXPECT_TRUE(changed([](Evidence& r) { r.options = "x"; }));
  EXPECT_TRUE(changed([](Evidence& r) { r.kernel_set = "x"; }));
  EXPECT_TRUE(changed([](Evidence& r) { r.threads = 9; }));
  EXPECT_TRUE(changed([](Evidence& r) { r.cpu_model = "x"; }));
  EXPECT_FALSE(changed([](Evidence& r) { r.value = 5, r.low = 1, r.n = 3, r.detail = "x"; }));
  EXPECT_FALSE(changed([](Evidence& r) { r.time_utc = "x", r.commit = "y", r.id = 7; }));
  EXPECT_FALSE(changed([](Evidence& r) { r.model = "the same file under another name"; }));
}

TEST(EvidenceKeyTest, FieldsCanNotRunIntoEachOther) {
  Evidence a = SampleRow(1);
  Evidence b = a;
  a.metric = "ab", a.subject = "c";
  b.metric = "a", b.subject = "bc";
  EXPECT_NE(EvidenceKey(a), EvidenceKey(b));
}

TEST(Metrics, EveryNameOfTheHeaderIsInTheTable) {
  const Result<std::string> header =
      ReadFile(std::string(CRUMB_SOURCE_DIR) + "/src/evidence/metrics.h");
  ASSERT_TRUE(header.ok());
  const std::string start = "inline constexpr std::string_view k";
  const size_t end = header->find("}  // namespace metric");
  ASSERT_NE(end, std::string::npos);
  size_t names = 0;
  for (size_t at = header->find(start); at < end; at = header->find(start, at + 1)) {
    const size_t open = header->find('"', at) + 1;
    const std::string name = header->substr(open, header->find('"', open) - open);
    EXPECT_NE(FindMetric(name), nullptr) << name;
    ++names;
  }
  EXPECT_EQ(names, AllMetrics().size());
  EXPECT_EQ(FindMetric("nothing"), nullptr);
}

TEST(Metrics, EachIsExplainedInTheDocumentAndNamedInBothLanguages) {
  const Result<std::string> document =
      ReadFile(std::string(CRUMB_SOURCE_DIR) + "/docs/measuring.md");
  ASSERT_TRUE(document.ok());
  for (const MetricInfo& info : AllMetrics()) {
    EXPECT_THAT(*document, HasSubstr("`" + std::string(info.name) + "`"));
    EXPECT_FALSE(info.english.empty());
    EXPECT_FALSE(info.chinese.empty());
  }
}

}  // namespace
}  // namespace crumb
