// Words that must not appear: one list of data/ each.
#include <fmt/format.h>

#include "lint/families.h"
#include "lint/word_list.h"

namespace crumb::lint {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// A word of Latin letters inside a longer one is another word.
bool StandsAlone(std::string_view text, Span span) {
  return !IsLetter(text[span.begin]) || ((span.begin == 0 || !IsLetter(text[span.begin - 1])) &&
                                         (span.end == text.size() || !IsLetter(text[span.end])));
}

std::function<void(const Subject&, Sink&)> Banned(std::string_view list) {
  return [list](const Subject& subject, Sink& sink) {
    for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
      const std::string& text = subject.document.blocks[i].text;
      for (const WordFinder::Match& match : Words(list).FindAll(text)) {
        if (!StandsAlone(text, match.span)) continue;
        sink.Add(i, match.span, "",
                 match.line->size() > 1 ? std::string(match.line->at(1)) : std::string());
      }
    }
  };
}

// Words that are allowed where a number stands in the same sentence.
void VagueAmount(const Subject& subject, Sink& sink) {
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    const std::string& text = subject.document.blocks[i].text;
    for (const WordFinder::Match& match : Words("vague_amount.txt").FindAll(text)) {
      if (!subject.HasNumber(i, SentenceAround(text, match.span.begin))) sink.Add(i, match.span);
    }
  }
}

// An authority needs a bound number or a source in its sentence.
void Authority(const Subject& subject, Sink& sink) {
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    const std::string& text = subject.document.blocks[i].text;
    for (const WordFinder::Match& match : Words("authority.txt").FindAll(text)) {
      const Span sentence = SentenceAround(text, match.span.begin);
      if (!StandsAlone(text, match.span) || subject.HasNumber(i, sentence)) continue;
      sink.Add(i, match.span);
    }
  }
}

}  // namespace

std::vector<Rule> WordRules() {
  return {
      {"R08-jargon", Severity::kWarning, "jargon that a non-specialist does not know",
       "use the plain words", "　　张量核心没有用满。", "　　模型做乘法的电路没有用满。",
       Banned("jargon.txt")},
      {"R12-buzzword", Severity::kError, "an advertising word", "say what changed and by how much",
       "　　量化赋能热线。", "　　量化让热线的机器少用了内存。", Banned("buzzwords.txt")},
      {"R13-speculation", Severity::kWarning, "a guess, not a result",
       "write what was measured, or leave it out", "　　排队有望缩短。", "　　排队时间没有变化。",
       Banned("speculation.txt")},
      {"R15-subjective", Severity::kWarning, "praise that no measurement supports",
       "put a number with its unit", "　　效果惊人。", "　　效果见下面的数。",
       Banned("subjective.txt")},
      {"R15-vague-amount", Severity::kWarning, "an amount without a number in the sentence",
       "put the number into the same sentence", "　　内存大幅下降。",
       "　　内存大幅下降，少了65.0%。", VagueAmount},
      {"R17-childish", Severity::kWarning, "a fairy tale, a toy or an invented person",
       "compare with something from working life", "　　小明有一天问模型。", "　　坐席人员问模型。",
       Banned("childish.txt")},
      {"R37-hypothetical", Severity::kWarning, "a hypothetical",
       "write cause and effect; advice as 对…，要求…", "　　如果内存不够就换机器。",
       "　　因为内存不够，所以换了机器。", Banned("hypothetical.txt")},
      {"R38-authority", Severity::kError, "an authority without a name or a number",
       "name the source, or leave the sentence out", "　　专家认为这样足够。",
       "　　本次实测里这样足够。", Authority},
      {"R58-seed-claim", Severity::kError, "a claim that is an example of the specification",
       "leave it out: an example is no evidence", "　　逐头注意力保留已是标准做法。",
       "　　本次实测没有改动注意力部分。", Banned("seed_claims.txt")},
  };
}

}  // namespace crumb::lint
