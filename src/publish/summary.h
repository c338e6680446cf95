// The findings of a study in plain words: sentences whose every number is a ledger row.
#ifndef CRUMB_PUBLISH_SUMMARY_H_
#define CRUMB_PUBLISH_SUMMARY_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "publish/study_rows.h"
#include "publish/texts.h"
#include "publish/verdict.h"

namespace crumb {

// How a number and a piece of text from outside are put into a sentence: as HTML with a link to the
// evidence, or as plain text.
class Quoter {
 public:
  virtual ~Quoter() = default;
  virtual std::string Number(const Evidence& row) const = 0;
  virtual std::string Plain(std::string_view text) const = 0;
};

// "1.021 [1.015, 1.028]", with the unit.
class PlainQuoter : public Quoter {
 public:
  std::string Number(const Evidence& row) const override;
  std::string Plain(std::string_view text) const override { return std::string(text); }
};

// What decides whether a variant keeps the quality: the perplexity ratio on a text, or, for an
// encoder (text ignored), the cosine of the embeddings.
const Evidence* QualityRow(const StudyRows& study, std::string_view variant, std::string_view text);
Verdict JudgeQuality(const StudyRows& study, std::string_view variant, std::string_view text);

struct Choice {
  std::string variant;
  std::string text;           // on which; empty for an encoder
  bool kept = false;          // false: the closest one, since none is shown to keep the quality
  bool on_all_texts = false;  // kept on each of several texts
};
// The variant with the fewest total bits that keeps the quality on `text`, or else the closest one.
// Nothing when quality was not measured.
std::optional<Choice> SmallestKept(const StudyRows& study, std::string_view text);
// The same over all texts of the study; where no variant is kept on all, over the first text.
std::optional<Choice> SmallestKept(const StudyRows& study);

struct Summary {
  std::vector<std::string> quality;  // one sentence per text
  std::string gain_lead;             // which variant the next ones are about
  std::string gain_disk;             // each empty when not measured
  std::string gain_memory;
  std::string gain_speed;
  std::vector<std::string> broken;  // one sentence per text on which a variant breaks
};
// The sentences that are not empty, one after the other.
std::string JoinSentences(const std::vector<std::string>& sentences, const Texts& texts);

Summary Summarise(const StudyRows& study, const Texts& texts, const Quoter& quoter);

}  // namespace crumb

#endif  // CRUMB_PUBLISH_SUMMARY_H_
