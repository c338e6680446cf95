// Terms spelled out and defined, simplified characters, half-width digits.
#include <algorithm>
#include <array>
#include <set>

#include "lint/families.h"
#include "lint/word_list.h"
#include "text/pattern.h"

namespace crumb::lint {
namespace {

std::string SpelledOut(std::string_view abbreviation) {
  const WordFinder::Match match = Words("abbreviations.txt").MatchAt(abbreviation, 0);
  return match.line == nullptr ? "" : "write " + std::string(match.line->at(1));
}

void Headings(const Subject& subject, Sink& sink) {
  static const Pattern acronym(
      R"((?<![A-Za-z])(?:[A-Z]{2,}[A-Za-z0-9.\-]*|[A-Za-z]+[-]?\d[A-Za-z0-9_.]*|\d+[A-Za-z]+))");
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    const Block& block = subject.document.blocks[i];
    if (block.IsBody()) continue;
    for (const Span& span : acronym.FindAll(subject.utf16[i])) {
      sink.Add(i, span, "", SpelledOut(std::string_view(block.text).substr(span.begin)));
    }
  }
}

bool HasDefinition(std::string_view behind) {
  constexpr std::array<std::string_view, 8> kMarks = {"指",     "即",     "就是", "是一种",
                                                      "意思是", "也就是", "：",   "（"};
  return std::ranges::any_of(
      kMarks, [&](std::string_view mark) { return behind.find(mark) != std::string_view::npos; });
}

void FirstUse(const Subject& subject, Sink& sink) {
  std::set<std::string_view> seen;
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    const Block& block = subject.document.blocks[i];
    if (!block.IsBody()) continue;
    for (const WordFinder::Match& match : Words("terms.txt").FindAll(block.text)) {
      if (!seen.insert(match.line->at(0)).second) continue;
      const Span sentence = SentenceAround(block.text, match.span.begin);
      const std::string_view behind =
          std::string_view(block.text).substr(match.span.end, sentence.end - match.span.end);
      if (HasDefinition(behind)) continue;
      sink.Add(i, match.span, "",
               std::string(match.line->at(0)) + "是指" + std::string(match.line->at(1)));
    }
  }
}

// An abbreviation is allowed once its full form stood before it: 键值缓存（KV）.
void Abbreviations(const Subject& subject, Sink& sink) {
  static const Pattern latin(
      R"((?<![A-Za-z0-9])(?=[A-Za-z0-9\-]*[A-Z])(?:[A-Z]{2,}|[A-Za-z]+\d)[A-Za-z0-9\-]*)");
  std::set<std::string> expanded;
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    const Block& block = subject.document.blocks[i];
    if (!block.IsBody()) continue;
    const std::string_view text = block.text;
    for (const Span& span : latin.FindAll(subject.utf16[i])) {
      const std::string word(text.substr(span.begin, span.end - span.begin));
      const WordFinder::Match unit = Words("units.txt").MatchAt(text, span.begin);
      if (unit.line != nullptr && unit.span.end >= span.end) continue;
      const WordFinder::Match name = Words("names.txt").MatchAt(text, span.begin);
      if (name.line != nullptr && name.span.end >= span.end) continue;
      if (expanded.contains(word)) continue;
      const bool in_brackets =
          text.substr(0, span.begin).ends_with("（") && text.substr(span.end).starts_with("）");
      if (in_brackets) {
        expanded.insert(word);
        continue;
      }
      sink.Add(i, span, "", SpelledOut(word));
    }
  }
}

void Traditional(const Subject& subject, Sink& sink) {
  static const std::set<char32_t> characters = [] {
    std::set<char32_t> set;
    const std::string_view text = DataLines("traditional.txt").front().front();
    for (size_t at = 0; at < text.size();) set.insert(NextCodePoint(text, &at));
    return set;
  }();
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    const std::string& text = subject.document.blocks[i].text;
    Span run{0, 0};
    for (size_t at = 0; at < text.size();) {
      const size_t begin = at;
      if (!characters.contains(NextCodePoint(text, &at))) continue;
      if (run.end != begin && run.end > run.begin) sink.Add(i, run);
      run = run.end == begin && run.end > 0 ? Span{run.begin, at} : Span{begin, at};
    }
    if (run.end > run.begin) sink.Add(i, run);
  }
}

// Latin words in a row: an English phrase in a Chinese text.
void LatinRuns(const Subject& subject, Sink& sink) {
  static const Pattern phrase(R"([A-Za-z][A-Za-z'\-]*(?:\s+[A-Za-z][A-Za-z'\-]*){2,})");
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    for (const Span& span : phrase.FindAll(subject.utf16[i])) sink.Add(i, span);
  }
}

void FullWidth(const Subject& subject, Sink& sink) {
  static const Pattern digits("[０-９．％Ａ-Ｚａ-ｚ]+");
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    for (const Span& span : digits.FindAll(subject.utf16[i])) sink.Add(i, span);
  }
}

// A comma of ASCII between or behind Chinese characters.
void Punctuation(const Subject& subject, Sink& sink) {
  static const Pattern half(R"((?<=[\p{Han}%％”）])[,;:?](?!\d)|[,;:?](?=\p{Han}))");
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    for (const Span& span : half.FindAll(subject.utf16[i])) sink.Add(i, span);
  }
}

void Controls(const Subject& subject, Sink& sink) {
  static const Pattern invisible(R"([\p{Cc}\p{Cf}\x{FFFD}\x{2028}\x{2029}])");
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    for (const Span& span : invisible.FindAll(subject.utf16[i])) sink.Add(i, span);
  }
}

}  // namespace

std::vector<Rule> TermRules() {
  return {
      {"R06-traditional", Severity::kError, "traditional characters in a simplified text",
       "write the simplified ones", "　　記憶體下降。", "　　内存下降。", Traditional},
      {"R06-latin-run", Severity::kWarning, "an English phrase", "write it in Chinese",
       "　　这叫post training quantization。", "　　这叫训练后量化。", LatinRuns},
      {"R06-invisible", Severity::kError, "an invisible or broken character", "delete it",
       "　　内存\u200b下降。", "　　内存下降。", Controls},
      {"R06-full-width", Severity::kError, "full-width digits or letters",
       "write them half-width (--fix does)", "　　内存下降６５％。", "　　内存下降65%。",
       FullWidth},
      {"R06-punctuation", Severity::kWarning, "a half-width mark in Chinese text",
       "use the full-width mark", "　　内存下降,速度上升。", "　　内存下降，速度上升。",
       Punctuation},
      {"R07-heading-term", Severity::kError, "an abbreviation in the title or a heading",
       "spell the term out", "用INT4省内存", "用四位整数省内存", Headings},
      {"R09-first-use", Severity::kError, "a term without its definition at its first use",
       "define it in the same sentence", "　　困惑度没有变化。",
       "　　困惑度是指模型读一段文字时的意外程度。", FirstUse},
      {"R10-abbreviation", Severity::kError, "an abbreviation before its full form",
       "spell it out, or write 全称（ABC） first", "　　AWQ保护重要的权重。",
       "　　激活感知权重量化（AWQ）保护重要的权重，AWQ要读文字。", Abbreviations},
  };
}

}  // namespace crumb::lint
