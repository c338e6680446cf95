#include "article/facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "article/outside.h"
#include "evidence/metrics.h"
#include "evidence/validity.h"

namespace crumb::article {
namespace {

constexpr double kMuch = 1.1;         // of >>
constexpr double kMostStrength = 10;  // exact numbers stand infinitely far apart

struct Name {
  std::string role;
  std::string metric;
  std::string text;
};

Name Cut(std::string_view name) {
  const std::vector<std::string> pieces = SplitList(name, '.');
  Name cut;
  if (!pieces.empty()) cut.role = pieces[0];
  if (pieces.size() > 1) cut.metric = pieces[1];
  if (pieces.size() > 2) cut.text = pieces[2];
  return cut;
}

std::optional<double> Number(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end) return {};
  return value;
}

// A / B of two intervals of positive numbers.
Range Quotient(const Range& a, const Range& b) {
  const double value = (a.low + a.high) / (b.low + b.high);
  const double half =
      value * std::hypot((a.high - a.low) / (a.high + a.low), (b.high - b.low) / (b.high + b.low));
  return {value - half, value + half};
}

double Half(const Range& range) { return (range.high - range.low) / 2; }

double Apart(const Range& a, const Range& b) {
  const double half = std::hypot(Half(a), Half(b));
  const double gap = std::fabs((a.low + a.high) / 2 - (b.low + b.high) / 2);
  return half == 0 ? kMostStrength : std::min(kMostStrength, gap / half);
}

bool Compared(std::string_view op, const Range& a, const Range& b) {
  if (op == ">>") return a.low > kMuch * b.high;
  if (op == ">") return a.low > b.high;
  if (op == "<") return a.high < b.low;
  if (op == ">=") return a.low >= b.high;
  if (op == "<=") return a.high <= b.low;
  return a.low <= b.high && b.low <= a.high;  // "~"
}

}  // namespace

Facts::Facts(const StudyRows& study, const Library& library, const std::vector<Evidence>* outside)
    : study_(study),
      library_(library),
      cast_(ChooseCast(study)),
      texts_(study.texts()),
      outside_(outside) {
  for (const Evidence& row : study.all()) {  // of an encoder
    if (row.metric == metric::kEmbeddingCosine && std::ranges::count(texts_, row.text) == 0 &&
        study.Find(row.metric, row.subject, row.text) != nullptr) {
      texts_.push_back(row.text);
    }
  }
  double strongest = -1;
  const std::string main = SubjectOf("main");
  for (const std::string& task : study.tasks()) {
    const Evidence* change = study.Find(metric::kTaskChange, main, task);
    double strength = 0;
    if (change != nullptr && change->low.has_value() && change->high.has_value()) {
      const double half = (*change->high - *change->low) / 2;
      strength = half > 0 ? std::fabs(change->value) / half : 0;
    }
    if (strength > strongest) {
      strongest = strength;
      task_ = task;
    }
  }
}

std::string Facts::SubjectOf(std::string_view role) const {
  if (role == kMachine) return std::string(kMachine);
  const auto found = cast_.find(role);
  return found == cast_.end() ? "" : found->second;
}

std::string Facts::TextOf(std::string_view text) const {
  if (text == "task") return task_;
  if (text != "main") return std::string(text);
  return std::ranges::count(texts_, "zh") > 0 || texts_.empty() ? "zh" : texts_.front();
}

bool Facts::IsBusy() const {
  return std::ranges::any_of(study_.all(), [](const Evidence& row) {
    return (row.metric == metric::kGenerationSpeed || row.metric == metric::kEmbeddingSpeed) &&
           SaysBusy(row);
  });
}

bool Facts::IsOnManuals() const {
  return std::ranges::any_of(study_.all(), [](const Evidence& row) {
    return (row.metric == metric::kPerplexityRatio || row.metric == metric::kEmbeddingCosine) &&
           row.detail.find("Debian Reference") != std::string::npos;
  });
}

bool Facts::ReferenceIsUnpacked() const {
  constexpr double kMuchSmaller = 0.75;
  const Evidence* file = study_.Find(metric::kDiskBytes, kReference);
  const Evidence* memory = study_.Find(metric::kWeightBytes, kReference);
  return file != nullptr && memory != nullptr && file->value < kMuchSmaller * memory->value;
}

std::optional<Fact> Facts::Find(std::string_view name) const {
  const Name cut = Cut(name);
  const Entry* metric = library_.Find("metric", cut.metric);
  if (metric != nullptr && cut.role == kLoadSubject && outside_ != nullptr) {
    for (const Evidence& row : *outside_) {
      if (row.subject == kLoadSubject && row.metric == metric->Get("row")) return Fact{&row};
    }
    return {};
  }
  const std::string subject = SubjectOf(cut.role);
  if (metric == nullptr || subject.empty()) return {};
  const std::string text = TextOf(cut.text);
  if (!cut.text.empty() && text.empty()) return {};
  const Evidence* row = text.empty() ? study_.Find(metric->Get("row"), subject)
                                     : study_.Find(metric->Get("row"), subject, text);
  if (row == nullptr || SaysBusy(*row)) return {};  // the speed of a busy machine is none
  return Fact{row, ParseScale(metric->Get("scale")).value_or(Scale::kUnit)};
}

std::string Facts::MeasuredBy(std::string_view name) const {
  const Name cut = Cut(name);
  if (SubjectOf(cut.role).empty()) {
    // A role that nothing fills though its widths were measured is a result, not a gap.
    const Entry* role = library_.Find("role", cut.role);
    if (role == nullptr) return "";
    const std::string& needed = role->Get("needs");
    return !needed.empty() && !SubjectOf(needed).empty() ? "" : role->Get("run");
  }
  const Entry* metric = library_.Find("metric", cut.metric);
  if (metric == nullptr || !metric->Allows("for", study_.is_encoder() ? "encoder" : "decoder")) {
    return "";
  }
  const Evidence* row = study_.Find(metric->Get("row"), SubjectOf(cut.role));
  const bool again = row != nullptr && SaysBusy(*row);
  return again ? "crumb study MODEL --speeds-again -o STUDY" : metric->Get("run");
}

Condition Facts::Check(std::string_view condition) const {
  const std::vector<std::string> words = SplitList(condition, ' ');
  if (words.size() == 1) return CheckWord(words[0]);
  if (words.size() == 2 && words[0] == "has") {
    return {std::ranges::count(texts_, words[1]) > 0, "", 0};
  }
  if (words.size() != 3) return {};
  if (!words[0].starts_with('@')) return CheckComparison(words[0], words[1], words[2]);
  const std::string a = SubjectOf(std::string_view(words[0]).substr(1));
  const std::string b = SubjectOf(std::string_view(words[2]).substr(1));
  return {!a.empty() && (a == b) == (words[1] == "="), "", 0};
}

Condition Facts::CheckWord(std::string_view word) const {
  const bool negated = word.starts_with('!');
  word.remove_prefix(negated ? 1 : 0);
  for (const auto& [known, holds] : {std::pair<std::string_view, bool>{"busy", IsBusy()},
                                     {"unpacked", ReferenceIsUnpacked()},
                                     {"manuals", IsOnManuals()}}) {
    if (word == known) return {holds != negated, "", 0};
  }
  const bool role = word.starts_with('@');
  const bool there = role ? !SubjectOf(word.substr(1)).empty() : Find(word).has_value();
  if (there || negated) return {there != negated, "", 0};
  return {false, MeasuredBy(role ? std::string(word.substr(1)) + "." : std::string(word)), 0};
}

std::optional<Range> Facts::RangeOfFact(const std::string& name) const {
  const std::optional<Fact> fact = Find(name);
  if (!fact.has_value()) return {};
  if (fact->scale != Scale::kSpread) return RangeOf(*fact->row);
  const std::optional<Quantity> spread = Measure(Scale::kSpread, *fact->row, nullptr);
  return spread.has_value() ? Range{spread->value, spread->value} : Range{};
}

std::optional<Range> Facts::Side(const std::string& word, std::string* missing) const {
  if (const std::optional<double> number = Number(word)) return Range{*number, *number};
  const size_t slash = std::min(word.size(), word.find('/'));
  const std::string name = word.substr(0, slash);
  const std::optional<Range> a = RangeOfFact(name);
  if (!a.has_value()) *missing = name;
  if (slash == word.size() || !a.has_value()) return a;
  const std::string other =
      word.substr(slash + 1) + name.substr(std::min(name.size(), name.find('.')));
  const std::optional<Range> b = RangeOfFact(other);
  if (b.has_value()) return Quotient(*a, *b);
  *missing = other;
  return {};
}

Condition Facts::CheckComparison(const std::string& left, std::string_view op,
                                 const std::string& right) const {
  std::string missing;
  const std::optional<Range> a = Side(left, &missing);
  const std::optional<Range> b = Side(right, &missing);
  if (!a.has_value() || !b.has_value()) return {false, MeasuredBy(missing), 0};
  return {Compared(op, *a, *b), "", op == "~" ? 0 : Apart(*a, *b)};
}

Condition Facts::CheckAll(const std::vector<std::string>& conditions) const {
  Condition all{true, "", 0};
  for (const std::string& condition : conditions) {
    const Condition one = Check(condition);
    if (one.strength > 0) {
      all.strength = all.strength == 0 ? one.strength : std::min(all.strength, one.strength);
    }
    if (one.holds) continue;
    // What contradicts an entry counts before what is missing of it.
    if (one.run.empty()) return {};
    all.holds = false;
    if (all.run.empty()) all.run = one.run;
  }
  return all;
}

}  // namespace crumb::article
