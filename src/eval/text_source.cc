#include "eval/text_source.h"

#include <fmt/format.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/files.h"
#include "base/sha256.h"
#include "eval/html_text.h"
#include "text/utf8.h"

namespace crumb {
namespace {

// What is known of a language edition of the book.
struct Edition {
  std::string_view language;   // as users say it
  std::string_view suffix;     // as the files say it
  std::string_view kind;       // of the paragraphs that are kept
  int64_t shortest_paragraph;  // in code points; below it are fragments such as list entries
};
constexpr Edition kEnglish = {"en", "en", "prose paragraphs", 40};
constexpr Edition kChinese = {"zh", "zh-cn", "paragraphs mostly Han", 15};

// Chapters are whole, so no sentence of calibration is near one of evaluation. About half each.
struct ChapterRange {
  int first;
  int last;
};
constexpr ChapterRange kEvaluationChapters = {1, 5};
constexpr ChapterRange kCalibrationChapters = {6, 12};

struct LetterCount {
  int64_t letters = 0;
  int64_t han = 0;
  int64_t code_points = 0;
};

LetterCount CountLetters(std::string_view text) {
  LetterCount count;
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<UChar32>(NextCodePoint(text, &i));
    ++count.code_points;
    if (u_isalpha(c) == 0) continue;
    ++count.letters;
    UErrorCode error = U_ZERO_ERROR;
    if (uscript_getScript(c, &error) == USCRIPT_HAN) ++count.han;
  }
  return count;
}

bool IsKept(const Edition& edition, std::string_view paragraph) {
  const LetterCount count = CountLetters(paragraph);
  if (count.code_points < edition.shortest_paragraph) return false;
  const bool mostly_han = 2 * count.han >= count.letters && count.han > 0;
  return edition.language == "zh" ? mostly_han : !mostly_han;
}

Status AppendChapter(const Edition& edition, const std::string& path, std::string* content) {
  if (!PathExists(path)) {
    return NotFound(
        fmt::format("{}: not there; install the Debian package debian-reference-{}, or give a text "
                    "file of your own",
                    path, edition.suffix));
  }
  CRUMB_ASSIGN_OR_RETURN(const std::string html, ReadFile(path, int64_t{64} << 20));
  for (const std::string& paragraph : HtmlParagraphs(html)) {
    if (!IsKept(edition, paragraph)) continue;
    content->append(paragraph);
    content->append("\n\n");
  }
  return OkStatus();
}

std::vector<std::string_view> SplitTabs(std::string_view line) {
  std::vector<std::string_view> fields;
  size_t begin = 0;
  for (size_t tab = line.find('\t'); tab != std::string_view::npos; tab = line.find('\t', begin)) {
    fields.push_back(line.substr(begin, tab - begin));
    begin = tab + 1;
  }
  fields.push_back(line.substr(begin));
  return fields;
}

Result<SentencePair> ParsePair(std::string_view line) {
  const std::vector<std::string_view> fields = SplitTabs(line);
  if (fields.size() < 7) {
    return Corrupt(
        fmt::format("has {} tab-separated columns, at least 7 are needed", fields.size()));
  }
  SentencePair pair;
  const std::string_view score = fields[4];
  const auto [end, error] = std::from_chars(score.data(), score.data() + score.size(), pair.score);
  if (error != std::errc() || end != score.data() + score.size() || !(pair.score >= 0) ||
      pair.score > 5) {
    return Corrupt(fmt::format("column 5 should be a score from 0 to 5, it is \"{}\"", score));
  }
  pair.a = fields[5];
  pair.b = fields[6];
  if (pair.a.empty() || pair.b.empty()) return Corrupt("a sentence is empty");
  return pair;
}

}  // namespace

Result<EvaluationText> DebianReference(const std::string& language, bool for_calibration,
                                       const std::string& root) {
  if (language != kEnglish.language && language != kChinese.language) {
    return InvalidArgument(
        fmt::format("there is no built-in text in \"{}\"; choose en or zh", language));
  }
  const Edition& edition = language == kEnglish.language ? kEnglish : kChinese;
  const ChapterRange range = for_calibration ? kCalibrationChapters : kEvaluationChapters;
  EvaluationText text;
  text.name = language;
  text.source = fmt::format("Debian Reference ({}), chapters {}-{}, {}", edition.suffix,
                            range.first, range.last, edition.kind);
  const std::string folder = JoinPath(root, "usr/share/debian-reference");
  for (int chapter = range.first; chapter <= range.last; ++chapter) {
    const std::string name = fmt::format("ch{:02}.{}.html", chapter, edition.suffix);
    CRUMB_RETURN_IF_ERROR(AppendChapter(edition, JoinPath(folder, name), &text.content));
  }
  if (text.content.empty()) {
    return Corrupt(fmt::format("{}: no {} found in chapters {}-{}", folder, edition.kind,
                               range.first, range.last));
  }
  text.sha256 = Sha256Hex(text.content);
  return text;
}

Result<EvaluationText> TextFile(const std::string& path) {
  constexpr int64_t kMaxBytes = int64_t{1} << 30;
  EvaluationText text;
  CRUMB_ASSIGN_OR_RETURN(text.content, ReadFile(path, kMaxBytes));
  if (text.content.empty())
    return Corrupt(fmt::format("{}: is empty, there is nothing to read", path));
  const int64_t bad = FirstInvalidUtf8(text.content);
  if (bad >= 0) {
    return Corrupt(fmt::format(
        "{}: byte {} is not UTF-8; convert the file, for example with iconv -t UTF-8", path, bad));
  }
  text.name = BaseName(path);
  text.source = fmt::format("file {}", text.name);
  text.sha256 = Sha256Hex(text.content);
  return text;
}

Result<std::vector<SentencePair>> ReadStsb(const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(const std::string content, ReadFile(path, int64_t{64} << 20));
  std::vector<SentencePair> pairs;
  std::string_view rest = content;
  for (int64_t line_number = 1; !rest.empty(); ++line_number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    Result<SentencePair> pair = ParsePair(line);
    if (!pair.ok()) return pair.status().WithContext(fmt::format("{}: line {}", path, line_number));
    pairs.push_back(std::move(pair).value());
  }
  if (pairs.empty()) return Corrupt(fmt::format("{}: holds no sentence pairs", path));
  return pairs;
}

Result<std::string> FindDataFile(std::string_view name) {
  const char* folder = std::getenv("CRUMB_DATA");
  if (folder == nullptr || *folder == '\0') {
    return NotFound(fmt::format(
        "{}: not looked for; set CRUMB_DATA to the folder that holds the data sets", name));
  }
  const std::string path = JoinPath(folder, name);
  if (!PathExists(path)) {
    return NotFound(
        fmt::format("{}: not there; CRUMB_DATA names the folder of the data sets", path));
  }
  return path;
}

}  // namespace crumb
