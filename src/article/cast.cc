#include "article/cast.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "evidence/metrics.h"
#include "evidence/validity.h"
#include "publish/variants.h"
#include "publish/verdict.h"

namespace crumb::article {
namespace {

// What a version keeps, the worst of its texts.
struct Standing {
  bool known = false;  // every text has a row with an interval
  bool kept = false;
  bool usable = false;
  bool broken = false;
  double distance = std::numeric_limits<double>::max();  // from the reference
};

bool HasInterval(const Evidence* row) {
  return row != nullptr && row->low.has_value() && row->high.has_value();
}

Standing StandingOf(const StudyRows& study, const std::string& subject) {
  Standing standing;
  std::vector<const Evidence*> rows;
  if (study.is_encoder()) {
    for (const Evidence& row : study.all()) {
      if (row.metric != metric::kEmbeddingCosine || row.subject != subject) continue;
      // Rows that compare types of activations are not found.
      const Evidence* found = study.Find(metric::kEmbeddingCosine, subject, row.text);
      if (found != nullptr) rows.push_back(found);
    }
  } else {
    for (const std::string& text : study.texts()) {
      rows.push_back(study.Find(metric::kPerplexityRatio, subject, text));
    }
  }
  if (rows.empty()) return standing;
  standing = {true, true, true, false, 0};
  for (const Evidence* row : rows) {
    if (!HasInterval(row)) return {};
    const Verdict verdict = study.is_encoder() ? JudgeCosine(row) : JudgeRatio(row);
    standing.kept &= verdict == Verdict::kKept || verdict == Verdict::kBetter;
    standing.broken |= verdict == Verdict::kBroken;
    standing.usable &= study.is_encoder() ? *row->low >= kUsableCosine : *row->high <= kUsableRatio;
    standing.distance =
        std::max(standing.distance, study.is_encoder() ? 1 - row->value : row->value - 1);
  }
  return standing;
}

// How many bits a width's name says; 0 where it says none.
double WidthBits(std::string_view nominal) {
  constexpr std::pair<std::string_view, double> kWidths[] = {{"8", 8}, {"4", 4},       {"3", 3},
                                                             {"2", 2}, {"1.58", 1.58}, {"1", 1}};
  for (const auto& [name, bits] : kWidths) {
    if (name == nominal) return bits;
  }
  return 0;
}

constexpr std::pair<std::string_view, std::string_view> kWidthRoles[] = {
    {"8", "eight"}, {"4", "four"}, {"3", "three"}, {"2", "two"}, {"1.58", "ternary"}, {"1", "one"}};

double Value(const StudyRows& study, std::string_view metric, const std::string& subject) {
  const Evidence* row = study.Find(metric, subject);
  return row == nullptr ? std::numeric_limits<double>::max() : row->value;
}

}  // namespace

Cast ChooseCast(const StudyRows& study) {
  Cast cast;
  cast["ref"] = std::string(kReference);
  struct Candidate {
    std::string subject;
    Standing standing;
    double bits;  // total
  };
  std::vector<Candidate> all;  // every version that can be named, from most to fewest bits
  for (const std::string& subject : study.variants()) {
    if (subject == kReference || VariantName(study, subject).empty()) continue;
    const VariantParts parts = PartsOf(subject);
    if (parts.embedding_at_width()) continue;
    const double bits = Value(study, metric::kTotalBits, subject);
    if (bits == std::numeric_limits<double>::max()) continue;
    all.push_back({subject, StandingOf(study, subject), bits});
  }
  std::ranges::stable_sort(all,
                           [](const Candidate& a, const Candidate& b) { return a.bits > b.bits; });
  std::vector<Candidate> best;  // without those that only stand beside a better method
  std::ranges::copy_if(all, std::back_inserter(best),
                       [&](const Candidate& one) { return !IsBesideOnly(study, one.subject); });
  const auto last = [&](auto holds) -> const Candidate* {
    const auto found = std::ranges::find_if(best.rbegin(), best.rend(), [&](const Candidate& one) {
      return one.standing.known && holds(one);
    });
    return found == best.rend() ? nullptr : &*found;
  };
  const Candidate* main = last([](const Candidate& one) { return one.standing.usable; });
  if (main == nullptr) main = last([](const Candidate& one) { return !one.standing.broken; });
  if (main == nullptr) {
    for (const Candidate& one : best) {
      if (!one.standing.known) continue;
      if (main == nullptr || one.standing.distance < main->standing.distance) main = &one;
    }
  }
  if (main == nullptr) return cast;
  cast["main"] = main->subject;
  if (const Candidate* safe = last([](const Candidate& one) { return one.standing.kept; })) {
    cast["safe"] = safe->subject;
  }
  for (const Candidate& one : best) {
    if (!one.standing.known) continue;
    if (one.bits < main->bits && !one.standing.usable && !cast.contains("edge")) {
      cast["edge"] = one.subject;
    }
    if (one.standing.broken && !cast.contains("broken")) cast["broken"] = one.subject;
  }
  if (const std::string rounded = RoundedBeside(study, main->subject); !rounded.empty()) {
    cast["rounded"] = rounded;
  }
  double lowest = std::numeric_limits<double>::max();
  double fastest = 0;
  const std::string_view speed =
      study.is_encoder() ? metric::kEmbeddingSpeed : metric::kGenerationSpeed;
  for (const Candidate& one : all) {
    if (PartsOf(one.subject).rounded() && one.standing.broken && !cast.contains("rough")) {
      cast["rough"] = one.subject;
    }
  }
  for (const Candidate& one : best) {
    const std::string nominal = NominalWidth(PartsOf(one.subject));
    for (const auto& [width, role] : kWidthRoles) {
      if (width == nominal) cast.try_emplace(std::string(role), one.subject);
    }
    if (const double bits = WidthBits(nominal); bits > 0 && bits < lowest) {
      lowest = bits;
      cast["lowest"] = one.subject;
    }
    const Evidence* row = study.Find(speed, one.subject);
    if (row != nullptr && !SaysBusy(*row) && row->value > fastest) {
      fastest = row->value;
      cast["fastest"] = one.subject;
    }
  }
  return cast;
}

std::string VariantTerm(std::string_view subject) {
  const VariantParts parts = PartsOf(subject);
  const std::string nominal = NominalWidth(parts);
  constexpr std::pair<std::string_view, std::string_view> kNumbers[] = {
      {"8", "八"}, {"4", "四"}, {"3", "三"}, {"2", "二"}, {"1", "一"}};
  if (parts.width.starts_with("trellis")) return "网格编码";
  if (nominal == "1.58") return "三值";
  if (parts.width.starts_with("mixed")) return "混合精度";
  for (const auto& [bits, word] : kNumbers) {
    if (bits == nominal) return fmt::format("{}位整数", word);
  }
  return "";
}

std::string VariantName(const StudyRows& study, std::string_view subject) {
  if (subject == kReference) return "原始版本";
  const VariantParts parts = PartsOf(subject);
  std::string term = VariantTerm(subject);
  if (term.empty()) return "";
  if (term == "网格编码") {
    constexpr std::pair<std::string_view, std::string_view> kNumbers[] = {
        {"4", "四"}, {"3", "三"}, {"2", "二"}, {"1", "一"}};
    for (const auto& [bits, word] : kNumbers) {
      if (NominalWidth(parts) == bits) return fmt::format("{}位网格编码版本", word);
    }
    return "";
  }
  if (parts.rounded() && NominalWidth(parts) != "8" && HasMethods(study)) {
    return fmt::format("直接取整的{}版本", term);
  }
  constexpr std::pair<std::string_view, std::string_view> kMethods[] = {
      {"gptq", "逐列误差补偿量化"}, {"awq", "激活感知权重量化"}};
  for (const auto& [method, word] : kMethods) {
    if (parts.method == method) return fmt::format("用{}做的{}版本", word, term);
  }
  return fmt::format("{}版本", term);
}

}  // namespace crumb::article
