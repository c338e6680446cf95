#include "lint/sample.h"

#include <charconv>
#include <utility>

#include "base/check.h"
#include "base/sha256.h"
#include "lint/word_list.h"

namespace crumb::lint {
namespace {

Subject Read(std::string_view text) {
  Result<Document> document =
      text.starts_with('<') ? ReadHtml(text, "sample") : ReadText(text, "sample");
  CRUMB_CHECK(document.ok());
  return Subject(std::move(document).value());
}

std::optional<int64_t> Id(std::string_view text) {
  int64_t id = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), id).ec != std::errc()) return {};
  return id;
}

// The first `old` of an edit "old=>new" in `text` replaced.
std::string Edited(std::string text, std::string_view edit) {
  const size_t arrow = edit.find("=>");
  if (arrow == std::string_view::npos) return text;
  const std::string_view old = edit.substr(0, arrow);
  const size_t at = text.find(old);
  CRUMB_CHECK(at != std::string::npos);
  return text.replace(at, old.size(), edit.substr(arrow + 2));
}

constexpr std::string_view kTraceEdit = "@trace:";
constexpr std::string_view kStaleEdit = "@stale:";

}  // namespace

std::string SampleText(std::string_view sample) {
  if (!sample.starts_with('@')) return std::string(sample);
  std::string text(DataFile("sample_article.txt"));
  if (sample.starts_with(kTraceEdit)) return text;
  return Edited(text, sample.substr(sample.starts_with(kStaleEdit) ? kStaleEdit.size() : 1));
}

Trace SampleTrace(std::string_view sample) {
  const Subject subject = Read(SampleText("@"));
  Trace trace;
  trace.text_sha256 = Sha256Hex(NormalizedText(subject.document));
  trace.audiences = {"government staff", "enterprise IT managers"};
  std::string edited(DataFile("sample_trace.txt"));
  if (sample.starts_with(kTraceEdit)) edited = Edited(edited, sample.substr(kTraceEdit.size()));
  const std::vector<Fields> lines = ParseLines(edited);
  size_t next = 0;
  for (const Numeral& numeral : subject.numerals) {
    TraceEntry entry;
    entry.text = numeral.text;
    entry.closed = numeral.closed;
    entry.digits = numeral.digits;
    entry.direction = "level";
    if (entry.closed.empty() && next < lines.size()) {
      const Fields& line = lines[next++];
      entry.text = line[0];
      entry.evidence = Id(line[1]);
      entry.baseline = Id(line[2]);
      entry.scale = line[3];
      entry.direction = line[4];
    }
    trace.numerals.push_back(std::move(entry));
  }
  return trace;
}

Subject SampleSubject(std::string_view sample) {
  static const Rows rows(SampleRows());
  Subject subject = Read(SampleText(sample));
  if (!sample.starts_with('@')) return subject;
  subject.trace = SampleTrace(sample);
  if (!sample.starts_with(kStaleEdit)) {
    subject.trace->text_sha256 = Sha256Hex(NormalizedText(subject.document));
  }
  subject.rows = &rows;
  return subject;
}

}  // namespace crumb::lint
