#include "publish/summary.h"

#include <algorithm>

#include "evidence/metrics.h"
#include "publish/display.h"
#include "publish/format_number.h"

namespace crumb {
namespace {

bool IsKept(Verdict verdict) { return verdict == Verdict::kKept || verdict == Verdict::kBetter; }

// Texts to speak about: those measured, or one nameless one for an encoder.
std::vector<std::string> TextsOf(const StudyRows& study) {
  return study.is_encoder() ? std::vector<std::string>{""} : study.texts();
}

double TotalBits(const StudyRows& study, const std::string& variant) {
  const Evidence* row = study.Find(metric::kTotalBits, variant);
  return row == nullptr ? 1e9 : row->value;
}

// How far from the reference, whatever the metric: larger is further.
double Distance(const StudyRows& study, const Evidence& row) {
  return study.is_encoder() ? -row.value : row.value;
}

// The variants but the reference for which `accept` holds, the one with the fewest total bits.
template <typename Accept>
std::optional<std::string> Smallest(const StudyRows& study, const Accept& accept) {
  std::optional<std::string> best;
  for (const std::string& variant : study.variants()) {
    if (variant == kReference || !accept(variant)) continue;
    if (!best.has_value() || TotalBits(study, variant) < TotalBits(study, *best)) best = variant;
  }
  return best;
}

class Writer {
 public:
  Writer(const StudyRows& study, const Texts& texts, const Quoter& quoter)
      : study_(study), texts_(texts), quoter_(quoter) {}

  std::string Quality(const std::string& text) const {
    const std::optional<Choice> choice = SmallestKept(study_, text);
    if (!choice.has_value()) return "";
    std::string key = study_.is_encoder() ? "summary_kept_cosine" : "summary_kept";
    if (!choice->kept) key += "_none";
    return JoinSentences({About(key, choice->variant, text), Beside(choice->variant, text)},
                         texts_);
  }

  // The broken variant with the most bits, if any; rounding counts where nothing better stands
  // beside it.
  std::string Broken(const std::string& text) const {
    for (const std::string& variant : study_.variants()) {
      if (JudgeQuality(study_, variant, text) != Verdict::kBroken) continue;
      if (IsBesideOnly(study_, variant)) continue;
      return About(study_.is_encoder() ? "summary_broken_cosine" : "summary_broken", variant, text);
    }
    return "";
  }

  void AddGains(const Choice& choice, Summary* summary) const {
    summary->gain_disk = Gain(metric::kDiskBytes, choice.variant, "gain_disk");
    summary->gain_memory = Gain(metric::kWeightBytes, choice.variant, "gain_memory");
    summary->gain_speed = study_.is_encoder()
                              ? SpeedGain(metric::kEmbeddingSpeed, choice.variant, "gain_sentences")
                              : SpeedGain(metric::kGenerationSpeed, choice.variant, "gain_speed");
    if (summary->gain_disk.empty() && summary->gain_memory.empty() && summary->gain_speed.empty()) {
      return;
    }
    summary->gain_lead =
        About(choice.on_all_texts ? "gain_lead_all" : "gain_lead", choice.variant, choice.text);
  }

 private:
  std::string Label(const std::string& variant) const {
    return FullLabel(PartsOf(variant), texts_);
  }

  // What rounding to nearest gives in its place.
  std::string Beside(const std::string& variant, const std::string& text) const {
    const std::string rounded = RoundedBeside(study_, variant);
    if (rounded.empty()) return "";
    return About(study_.is_encoder() ? "summary_beside_cosine" : "summary_beside", rounded, text);
  }

  std::string Number(const Evidence* row) const {
    return row == nullptr ? std::string(texts_["not_measured"]) : quoter_.Number(*row);
  }

  std::string About(std::string_view key, const std::string& variant,
                    const std::string& text) const {
    const std::string quality = Number(QualityRow(study_, variant, text));
    return texts_.Fill(key, {{"text", quoter_.Plain(TextLabel(text, texts_))},
                             {"variant", quoter_.Plain(Label(variant))},
                             {"matrix", Number(study_.Find(metric::kMatrixBits, variant))},
                             {"total", Number(study_.Find(metric::kTotalBits, variant))},
                             {"ratio", quality},
                             {"cosine", quality}});
  }

  std::string Gain(std::string_view metric_name, const std::string& variant,
                   std::string_view key) const {
    const Evidence* after = study_.Find(metric_name, variant);
    const Evidence* before = study_.Find(metric_name, kReference);
    if (after == nullptr || before == nullptr) return "";
    return texts_.Fill(key,
                       {{"after", quoter_.Number(*after)}, {"before", quoter_.Number(*before)}});
  }

  std::string SpeedGain(std::string_view metric_name, const std::string& variant,
                        const std::string& key) const {
    const Comparison comparison =
        Compare(study_.Find(metric_name, variant), study_.Find(metric_name, kReference));
    const std::string_view outcome = comparison == Comparison::kHigher    ? "_higher"
                                     : comparison == Comparison::kLower   ? "_lower"
                                     : comparison == Comparison::kUnknown ? "_unknown"
                                                                          : "_same";
    return Gain(metric_name, variant, key + std::string(outcome));
  }

  const StudyRows& study_;
  const Texts& texts_;
  const Quoter& quoter_;
};

}  // namespace

std::string PlainQuoter::Number(const Evidence& row) const {
  const DisplayUnit unit = UnitOf(row.metric);
  const FormattedNumber number = FormatNumber(row, unit.size);
  std::string text = number.value + std::string(unit.suffix);
  if (!number.low.empty()) text += " [" + number.low + ", " + number.high + "]";
  return text;
}

const Evidence* QualityRow(const StudyRows& study, std::string_view variant,
                           std::string_view text) {
  return study.is_encoder() ? study.Find(metric::kEmbeddingCosine, variant)
                            : study.Find(metric::kPerplexityRatio, variant, text);
}

Verdict JudgeQuality(const StudyRows& study, std::string_view variant, std::string_view text) {
  const Evidence* row = QualityRow(study, variant, text);
  return study.is_encoder() ? JudgeCosine(row) : JudgeRatio(row);
}

std::optional<Choice> SmallestKept(const StudyRows& study, std::string_view text) {
  const std::optional<std::string> kept = Smallest(study, [&](const std::string& variant) {
    return IsKept(JudgeQuality(study, variant, text));
  });
  if (kept.has_value()) return Choice{*kept, std::string(text), true, false};
  const Evidence* closest = nullptr;
  for (const std::string& variant : study.variants()) {
    const Evidence* row = QualityRow(study, variant, text);
    if (row == nullptr || variant == kReference) continue;
    if (closest == nullptr || Distance(study, *row) < Distance(study, *closest)) closest = row;
  }
  if (closest == nullptr) return std::nullopt;
  return Choice{closest->subject, std::string(text), false, false};
}

std::optional<Choice> SmallestKept(const StudyRows& study) {
  const std::vector<std::string> texts = TextsOf(study);
  if (texts.empty()) return std::nullopt;
  const std::optional<std::string> kept = Smallest(study, [&](const std::string& variant) {
    return std::all_of(texts.begin(), texts.end(), [&](const std::string& text) {
      return IsKept(JudgeQuality(study, variant, text));
    });
  });
  if (kept.has_value()) return Choice{*kept, texts.front(), true, texts.size() > 1};
  return SmallestKept(study, texts.front());
}

std::string JoinSentences(const std::vector<std::string>& sentences, const Texts& texts) {
  std::string joined;
  for (const std::string& sentence : sentences) {
    if (sentence.empty()) continue;
    if (!joined.empty() && !texts.is_chinese()) joined += ' ';
    joined += sentence;
  }
  return joined;
}

Summary Summarise(const StudyRows& study, const Texts& texts, const Quoter& quoter) {
  Summary summary;
  const Writer writer(study, texts, quoter);
  for (const std::string& text : TextsOf(study)) {
    if (std::string sentence = writer.Quality(text); !sentence.empty()) {
      summary.quality.push_back(std::move(sentence));
    }
    if (std::string sentence = writer.Broken(text); !sentence.empty()) {
      summary.broken.push_back(std::move(sentence));
    }
  }
  if (summary.quality.empty()) summary.quality.emplace_back(texts["summary_no_quality"]);
  if (const std::optional<Choice> choice = SmallestKept(study); choice.has_value()) {
    writer.AddGains(*choice, &summary);
  }
  return summary;
}

}  // namespace crumb
