#include "lint/word_list.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>

#include "base/check.h"

namespace crumb::lint {
namespace {

constexpr std::array<std::string_view, 5> kSentenceEnds = {"。", "；", "？", "！", "\n"};

bool EndsAt(std::string_view text, size_t at, bool clause, size_t* length) {
  for (const std::string_view end : kSentenceEnds) {
    if (text.substr(at).starts_with(end)) {
      *length = end.size();
      return true;
    }
  }
  *length = 3;
  return clause && (text.substr(at).starts_with("，") || text.substr(at).starts_with("："));
}

Span Around(std::string_view text, size_t at, bool clause) {
  Span span{0, text.size()};
  for (size_t i = 0; i < text.size(); ++i) {
    size_t length = 0;
    if (!EndsAt(text, i, clause, &length)) continue;
    if (i >= at) {
      span.end = i;
      break;
    }
    span.begin = i + length;
  }
  return span;
}

}  // namespace

std::vector<Fields> ParseLines(std::string_view text) {
  std::vector<Fields> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.size(), text.find('\n'));
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    if (line.empty() || line.starts_with('#')) continue;
    Fields fields;
    while (true) {
      const size_t tab = std::min(line.size(), line.find('\t'));
      fields.push_back(line.substr(0, tab));
      if (tab == line.size()) break;
      line.remove_prefix(tab + 1);
    }
    lines.push_back(std::move(fields));
  }
  return lines;
}

std::string_view DataFile(std::string_view name) {
  for (const EmbeddedFile& file : LintData()) {
    if (file.name == name) return file.content;
  }
  CRUMB_CHECK(false);
  return {};
}

const std::vector<Fields>& DataLines(std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string_view, std::vector<Fields>> files;
  const std::scoped_lock lock(mutex);
  const auto found = files.find(name);
  if (found != files.end()) return found->second;
  return files.emplace(name, ParseLines(DataFile(name))).first->second;
}

WordFinder::WordFinder(const std::vector<Fields>& lines) {
  for (const Fields& line : lines) {
    if (line[0].empty()) continue;
    by_first_[static_cast<unsigned char>(line[0][0])].emplace_back(line[0], &line);
  }
  for (auto& words : by_first_) {
    std::ranges::stable_sort(
        words, [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  }
}

WordFinder::Match WordFinder::MatchAt(std::string_view text, size_t at) const {
  const std::string_view rest = text.substr(at);
  for (const auto& [word, line] : by_first_[static_cast<unsigned char>(rest[0])]) {
    if (rest.starts_with(word)) return {{at, at + word.size()}, line};
  }
  return {{at, at}, nullptr};
}

std::vector<WordFinder::Match> WordFinder::FindAll(std::string_view text) const {
  std::vector<Match> matches;
  for (size_t at = 0; at < text.size();) {
    const Match match = MatchAt(text, at);
    if (match.line != nullptr) matches.push_back(match);
    at = std::max(at + 1, match.span.end);
  }
  return matches;
}

const WordFinder& Words(std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string_view, WordFinder> finders;
  const std::vector<Fields>& lines = DataLines(name);
  const std::scoped_lock lock(mutex);
  const auto found = finders.find(name);
  if (found != finders.end()) return found->second;
  return finders.emplace(name, WordFinder(lines)).first->second;
}

Span SentenceAround(std::string_view text, size_t at) { return Around(text, at, false); }
Span ClauseAround(std::string_view text, size_t at) { return Around(text, at, true); }

}  // namespace crumb::lint
