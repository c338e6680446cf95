#include "publish/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <map>
#include <regex>
#include <set>

#include "base/files.h"
#include "base/json.h"
#include "publish/fake_study.h"
#include "publish/html_report.h"
#include "publish/plots.h"
#include "publish/text_width.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "crumb-report-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { EXPECT_TRUE(RemoveAll(path_).ok()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Restores PATH, which decides whether gnuplot is found.
class WithPath {
 public:
  explicit WithPath(const char* path) : old_(getenv("PATH")) { setenv("PATH", path, 1); }
  ~WithPath() { setenv("PATH", old_.c_str(), 1); }

 private:
  std::string old_;
};

// The page without plots: fast, and all that most tests look at.
std::string Html(const std::vector<Evidence>& rows, const std::string& language = "en") {
  const Result<Texts> texts = Texts::For(language);
  const Result<StudyRows> study = StudyRows::Index(rows);
  const Result<std::string> html = HtmlReport(*study, *texts, {}, "");
  EXPECT_TRUE(html.ok()) << html.status().message();
  return html.ok() ? *html : "";
}

std::string Content(const std::string& folder, const std::string& name) {
  const Result<std::string> content = ReadFile(JoinPath(folder, name));
  EXPECT_TRUE(content.ok()) << name;
  return content.ok() ? *content : "";
}

std::set<int64_t> MatchedIds(const std::string& html, const std::string& pattern) {
  const std::regex expression(pattern);
  std::set<int64_t> ids;
  for (auto it = std::sregex_iterator(html.begin(), html.end(), expression);
       it != std::sregex_iterator(); ++it) {
    ids.insert(std::stoll((*it)[1]));
  }
  return ids;
}

bool HasGnuplot() { return system("gnuplot --version >/dev/null 2>&1") == 0; }

TEST(Report, EveryNumberCarriesAnIdThatExistsAndHasAnAnchor) {
  for (const FakeStudy& study :
       {FakeStudy::Decoder(), FakeStudy::Methods(), FakeStudy::Encoder()}) {
    const std::string html = Html(study.rows);
    std::set<int64_t> known;
    for (const Evidence& row : study.rows) known.insert(row.id);
    const std::set<int64_t> cited = MatchedIds(html, "data-evidence=\"(\\d+)\"");
    const std::set<int64_t> linked = MatchedIds(html, "href=\"#e(\\d+)\"");
    const std::set<int64_t> anchors = MatchedIds(html, " id=\"e(\\d+)\"");
    EXPECT_GT(cited.size(), 50u);
    for (const int64_t id : cited) EXPECT_TRUE(known.contains(id)) << id;
    for (const int64_t id : linked) EXPECT_TRUE(anchors.contains(id)) << id;
  }
}

TEST(Report, TablesNameTheMethodAndShowActivationsSideBySide) {
  const std::string english = Html(FakeStudy::Methods().rows);
  for (const std::string text :
       {"<th>method</th>", "<td class=\"method\">trellis code</td>",
        "<td class=\"method\">round to nearest</td>", "<td class=\"method\">mixed widths</td>",
        "Mixed, 2.50 bits", "id=\"activations-0\"", "INT8, scale per token", "scored tokens: 1020",
        "16 windows of 512 tokens"}) {
    EXPECT_THAT(english, HasSubstr(text));
  }
  const std::string chinese = Html(FakeStudy::Methods().rows, "zh");
  for (const std::string text : {"直接取整", "网格编码", "三值优化", "混合位宽", "只量化权重"}) {
    EXPECT_THAT(chinese, HasSubstr(text));
  }
}

TEST(Report, EncodersHaveTheCosineOfEachTypeOfActivations) {
  const std::string html = Html(FakeStudy::Encoder().rows);
  for (const std::string text :
       {"id=\"activations-0\"", "INT8, scale per token", "first sentences of the text (64)"}) {
    EXPECT_THAT(html, HasSubstr(text));
  }
  EXPECT_THAT(html, Not(HasSubstr("activations-1")));
}

TEST(Report, TasksShowScoresAndPairedChangesWithWhatTheyProve) {
  FakeStudy study = FakeStudy::Decoder();
  for (const std::string subject : {"reference", "int4+embed8", "int2+embed8"}) {
    study.Add(subject, metric::kTaskAccuracy, 0.61, 0.07, 200, "items").text = "piqa:acc_norm";
  }
  Evidence& same = study.Add("int4+embed8", metric::kTaskChange, -0.005, 0.02, 200, "items");
  same.text = "piqa:acc_norm";
  same.detail = R"({"verdict":"no difference shown"})";
  Evidence& worse = study.Add("int2+embed8", metric::kTaskChange, -0.15, 0.05, 200, "items");
  worse.text = "piqa:acc_norm";
  worse.detail = R"({"verdict":"worse"})";
  const std::string html = Html(study.rows);
  EXPECT_THAT(html, HasSubstr("<th class=\"n\">piqa:acc_norm, %</th>"));
  EXPECT_THAT(html, HasSubstr("<span class=\"badge kept\">no difference shown</span>"));
  EXPECT_THAT(html, HasSubstr("<span class=\"badge broken\">worse</span>"));
  EXPECT_THAT(html, HasSubstr("over 200 items of each task"));
  EXPECT_THAT(Html(FakeStudy::Decoder().rows), Not(HasSubstr("Questions answered right")));
}

TEST(Report, NumberCellsOfTablesAllCarryTheirId) {
  const std::string html = Html(FakeStudy::Methods().rows);
  const size_t evidence = html.find("<section id=\"evidence\"");
  ASSERT_NE(evidence, std::string::npos);
  const std::string tables = html.substr(0, evidence);
  const std::regex cell("<td class=\"n( none)?\"([^>]*)>([^<]*)");
  int plain = 0;
  for (auto it = std::sregex_iterator(tables.begin(), tables.end(), cell);
       it != std::sregex_iterator(); ++it) {
    if ((*it)[2].length() > 0) continue;
    ++plain;
    EXPECT_EQ((*it)[3].str().find_first_of("0123456789"), std::string::npos) << it->str();
  }
  EXPECT_GT(plain, 0);
}

TEST(Report, AnchorsAreUnique) {
  const std::string html = Html(FakeStudy::Methods().rows);
  std::map<std::string, int> counts;
  const std::regex id(" id=[\"']([^\"']+)[\"']");
  for (auto it = std::sregex_iterator(html.begin(), html.end(), id); it != std::sregex_iterator();
       ++it) {
    ++counts[(*it)[1]];
  }
  for (const auto& [name, count] : counts) EXPECT_EQ(count, 1) << name;
}

TEST(Report, RefersToNothingOutsideOfThePage) {
  const TemporaryFolder folder;
  for (const std::string language : {"en", "zh"}) {
    ASSERT_TRUE(WriteReport(FakeStudy::Decoder().rows, folder.path(), {language}).ok());
    const std::string html = Content(folder.path(), "report.html");
    EXPECT_THAT(html, Not(HasSubstr("http")));
    EXPECT_THAT(html, Not(HasSubstr("//")));
    EXPECT_THAT(html, Not(HasSubstr("<script")));
    EXPECT_THAT(html, Not(HasSubstr("url(")));
    EXPECT_THAT(html, Not(HasSubstr("@import")));
  }
}

TEST(Report, SameRowsGiveTheSameBytes) {
  const TemporaryFolder first;
  const TemporaryFolder second;
  const FakeStudy study = FakeStudy::Decoder();
  ASSERT_TRUE(WriteReport(study.rows, first.path(), {"zh"}).ok());
  ASSERT_TRUE(WriteReport(study.rows, second.path(), {"zh"}).ok());
  std::vector<std::string> names = {"report.html", "study.json", "study.csv"};
  if (HasGnuplot()) {
    for (const std::string plot : {"quality", "speed", "memory"}) {
      for (const std::string ending : {".svg", ".png", ".json"}) {
        names.push_back("plots/" + plot + ending);
      }
    }
  }
  for (const std::string& name : names) {
    EXPECT_TRUE(Content(first.path(), name) == Content(second.path(), name)) << name;
  }
}

TEST(Report, EscapesNamesFromOutside) {
  FakeStudy study = FakeStudy::Decoder();
  const std::string bad = "<img src=x onerror=alert(1)>{{t.eyebrow}}'`touch /tmp/x`\"&";
  for (Evidence& row : study.rows) {
    row.model = bad;
    row.cpu_model = bad;
    row.method = bad;
    row.n_of = bad;
    row.commit = bad;
    if (row.text == "zh") row.text = bad;
    if (row.subject == "int3+embed8") row.subject = bad;
  }
  study.AddNote("other", "<b>note</b>", "<b>note</b>");
  const TemporaryFolder folder;
  ASSERT_TRUE(WriteReport(study.rows, folder.path(), {}).ok());
  const std::string html = Content(folder.path(), "report.html");
  EXPECT_THAT(html, Not(HasSubstr("<img")));
  EXPECT_THAT(html, Not(HasSubstr("<b>note")));
  EXPECT_THAT(html, HasSubstr("&lt;img src=x onerror=alert(1)&gt;{{t.eyebrow}}&apos;"));
  EXPECT_EQ(HasGnuplot(), html.find("<svg") != std::string::npos);
}

TEST(Report, AnyMetricMayBeMissing) {
  for (const std::string language : {"en", "zh"}) {
    for (const FakeStudy& whole :
         {FakeStudy::Decoder(), FakeStudy::Methods(), FakeStudy::Encoder()}) {
      for (const MetricInfo& info : AllMetrics()) {
        FakeStudy study = whole;
        study.Remove(info.name);
        const std::string html = Html(study.rows, language);
        EXPECT_THAT(html, HasSubstr("</html>")) << info.name;
        const Result<std::string> screen = OneScreen(study.rows, language);
        EXPECT_TRUE(screen.ok()) << info.name;
        const Result<StudyRows> rows = StudyRows::Index(study.rows);
        QualityPlot(*rows, *Texts::For(language));
        SpeedPlot(*rows, *Texts::For(language));
        MemoryPlot(*rows, *Texts::For(language));
      }
    }
  }
}

TEST(Report, SaysWhatWasNotMeasuredAndWhy) {
  const std::string html = Html(FakeStudy::Decoder().rows);
  EXPECT_THAT(html, HasSubstr("<dt>not measured</dt><dd>energy per token</dd>"));
  EXPECT_THAT(html, HasSubstr("this machine offers no readable energy counter"));
  FakeStudy without = FakeStudy::Decoder();
  without.Remove(metric::kPeakBytes);
  EXPECT_THAT(Html(without.rows), HasSubstr("peak resident memory"));
}

TEST(Report, OneMissingCellIsMarkedAsNotMeasured) {
  FakeStudy study = FakeStudy::Decoder();
  std::erase_if(study.rows, [](const Evidence& row) {
    return row.metric == metric::kDiskBytes && row.subject == "int2+embed8";
  });
  EXPECT_THAT(Html(study.rows), HasSubstr("badge missing\">not measured"));
}

TEST(Report, ChinesePageHasNoEnglishSentences) {
  const std::string html = Html(FakeStudy::Decoder().rows, "zh");
  EXPECT_THAT(html, HasSubstr("<html lang=\"zh-CN\">"));
  EXPECT_THAT(html, HasSubstr("四位整数，嵌入八位整数"));
  EXPECT_THAT(html, HasSubstr("参照模型本身由4位文件"));
  for (const std::string word : {"the ", "measured", "reference<", "embedding INT"}) {
    const std::string body = html.substr(html.find("<body>"));
    EXPECT_THAT(body, Not(HasSubstr(word))) << word;
  }
}

TEST(Report, WithoutReferenceNamesWhatIsMissing) {
  FakeStudy study = FakeStudy::Decoder();
  std::erase_if(study.rows, [](const Evidence& row) { return row.subject == "reference"; });
  const TemporaryFolder folder;
  const Status status = WriteReport(study.rows, folder.path(), {});
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("reference"));
  EXPECT_FALSE(PathExists(JoinPath(folder.path(), "report.html")));
  EXPECT_EQ(OneScreen({}, "en").status().code(), StatusCode::kNotFound);
}

TEST(Report, UnknownLanguageIsAnError) {
  const TemporaryFolder folder;
  const Status status = WriteReport(FakeStudy::Decoder().rows, folder.path(), {"fr"});
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("--lang"));
}

TEST(Report, WithoutGnuplotIsStillWrittenAndSaysWhatToInstall) {
  const TemporaryFolder folder;
  const WithPath no_programs("/nonexistent");
  ASSERT_TRUE(WriteReport(FakeStudy::Decoder().rows, folder.path(), {}).ok());
  const std::string html = Content(folder.path(), "report.html");
  EXPECT_THAT(html, HasSubstr("install the Debian package gnuplot-nox"));
  EXPECT_THAT(html, Not(HasSubstr("<svg")));
}

TEST(Report, FolderThatCanNotBeWrittenIsAnError) {
  const TemporaryFolder folder;
  const std::string file = JoinPath(folder.path(), "file");
  ASSERT_TRUE(WriteFileAtomic(file, "x").ok());
  const WithPath no_programs("/nonexistent");
  EXPECT_FALSE(WriteReport(FakeStudy::Decoder().rows, JoinPath(file, "report"), {}).ok());
}

TEST(Report, PlotsHaveSideFilesOfExistingIds) {
  if (!HasGnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  const TemporaryFolder folder;
  const FakeStudy study = FakeStudy::Decoder();
  ASSERT_TRUE(WriteReport(study.rows, folder.path(), {"zh"}).ok());
  std::set<int64_t> known;
  for (const Evidence& row : study.rows) known.insert(row.id);
  for (const std::string plot : {"quality", "speed", "memory"}) {
    const std::string base = "plots/" + plot;
    EXPECT_TRUE(Content(folder.path(), base + ".png").starts_with("\x89PNG"));
    EXPECT_THAT(Content(folder.path(), base + ".svg"), HasSubstr("四位"));
    const Result<Json> side = ReadJsonFile(JoinPath(folder.path(), base + ".json"));
    ASSERT_TRUE(side.ok());
    EXPECT_GT((*side)["evidence"].size(), 20u);
    for (const Json& one : (*side)["evidence"]) {
      EXPECT_TRUE(known.contains(one["id"].get<int64_t>()));
    }
  }
}

TEST(OneScreen, FitsEightyColumnsAndTwentyFourLines) {
  for (const std::string language : {"en", "zh"}) {
    for (const FakeStudy& study :
         {FakeStudy::Decoder(), FakeStudy::Methods(), FakeStudy::Encoder()}) {
      const Result<std::string> screen = OneScreen(study.rows, language);
      ASSERT_TRUE(screen.ok());
      int lines = 0;
      for (size_t at = 0; at < screen->size(); ++lines) {
        const size_t end = screen->find('\n', at);
        ASSERT_NE(end, std::string::npos);
        EXPECT_LE(ColumnsOf(screen->substr(at, end - at)), 80) << screen->substr(at, end - at);
        at = end + 1;
      }
      EXPECT_LE(lines, 24) << *screen;
      EXPECT_GE(lines, 18) << *screen;
    }
  }
}

TEST(OneScreen, NamesBothFiguresOfBitsOfTheChosenVariant) {
  const Result<std::string> screen = OneScreen(FakeStudy::Decoder().rows, "en");
  ASSERT_TRUE(screen.ok());
  EXPECT_THAT(*screen, HasSubstr("4.500 matrix bits and 4.510 total bits per weight"));
}

TEST(OneScreen, KeepsTerminalCommandsOutOfTheTitle) {
  FakeStudy study = FakeStudy::Decoder();
  for (Evidence& row : study.rows) row.model = "a\x1b[2J\nb" + std::string(200, 'x');
  const Result<std::string> screen = OneScreen(study.rows, "en");
  ASSERT_TRUE(screen.ok());
  EXPECT_EQ(screen->find('\x1b'), std::string::npos);
  EXPECT_TRUE(screen->starts_with("a[2Jb")) << *screen;
}

}  // namespace
}  // namespace crumb
