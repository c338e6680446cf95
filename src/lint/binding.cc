#include "lint/binding.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "lint/word_list.h"

namespace crumb::lint {
namespace {

// The second field of data/metrics.txt turned round: a word and the metrics it can mean.
struct MetricWords {
  std::map<std::string_view, std::set<std::string_view>> metrics;
  std::vector<Fields> lines;
  std::unique_ptr<WordFinder> finder;

  MetricWords() {
    for (const Fields& line : DataLines("metrics.txt")) {
      std::string_view words = line[1];
      while (!words.empty()) {
        const size_t end = std::min(words.size(), words.find(' '));
        metrics[words.substr(0, end)].insert(line[0]);
        words.remove_prefix(std::min(words.size(), end + 1));
      }
    }
    for (const auto& [word, of] : metrics) lines.push_back({word});
    finder = std::make_unique<WordFinder>(lines);
  }
};

const MetricWords& TheMetricWords() {
  static const MetricWords words;
  return words;
}

std::string_view TextOf(const Subject& subject, const Numeral& numeral) {
  return subject.document.blocks[numeral.block].text;
}

// The place behind the numeral before this one, if that stands in the same clause.
size_t AfterPrevious(const Subject& subject, const Numeral& numeral, size_t begin) {
  for (const Numeral& other : subject.numerals) {
    if (other.block == numeral.block && other.span.end <= numeral.span.begin) {
      begin = std::max(begin, other.span.end);
    }
  }
  return begin;
}

}  // namespace

std::optional<MetricWord> GoverningMetric(const Subject& subject, const Numeral& numeral) {
  const std::string_view text = TextOf(subject, numeral);
  const MetricWords& words = TheMetricWords();
  const Span sentence = SentenceAround(text, numeral.span.begin);
  const auto before =
      words.finder->FindAll(text.substr(sentence.begin, numeral.span.begin - sentence.begin));
  std::string_view word;
  if (!before.empty()) {
    word = before.back().line->at(0);
  } else {
    const Span clause = ClauseAround(text, numeral.span.begin);
    const auto behind =
        words.finder->FindAll(text.substr(numeral.span.end, clause.end - numeral.span.end));
    if (behind.empty()) return {};
    word = behind.front().line->at(0);
  }
  return MetricWord{word, words.metrics.at(word)};
}

std::string GoverningDirection(const Subject& subject, const Numeral& numeral) {
  const std::string_view text = TextOf(subject, numeral);
  const Span clause = ClauseAround(text, numeral.span.begin);
  const auto of = [&](const WordFinder::Match& match, size_t from) {
    const std::string_view behind = text.substr(from + match.span.end);
    const bool to = behind.starts_with("到") || behind.starts_with("至") ||
                    behind.starts_with("为") || behind.starts_with("了到") ||
                    behind.starts_with("成");
    return std::string(match.line->at(1)) + (to ? "-to" : "");
  };
  // 从A降到B: a word belongs to the first number behind it.
  const size_t begin = AfterPrevious(subject, numeral, clause.begin);
  const auto before =
      Words("directions.txt").FindAll(text.substr(begin, numeral.span.begin - begin));
  if (!before.empty()) return of(before.back(), begin);
  return "level";
}

std::set<double> NamedWidths(const Subject& subject, const Numeral& numeral) {
  const std::string_view text = TextOf(subject, numeral);
  const Span sentence = SentenceAround(text, numeral.span.begin);
  const std::string_view inside = text.substr(sentence.begin, sentence.end - sentence.begin);
  constexpr std::pair<std::string_view, double> kWidths[] = {
      {"八位整数", 8}, {"四位整数", 4}, {"三位整数", 3}, {"二位整数", 2}, {"一位整数", 1}};
  std::set<double> widths;
  for (const auto& [name, bits] : kWidths) {
    if (inside.find(name) != std::string_view::npos) widths.insert(bits);
  }
  return widths;
}

std::optional<double> WidthOf(const Evidence& row) {
  const std::string_view subject = row.subject;
  if (!subject.starts_with("int")) return {};
  double bits = 0;
  const char* end = subject.data() + subject.size();
  if (std::from_chars(subject.data() + 3, end, bits).ec != std::errc()) return {};
  return bits;
}

std::optional<Computed> Compute(std::string_view scale, const Evidence& row,
                                const Evidence* baseline) {
  const auto half = [](const Evidence& of) {
    return of.low.has_value() && of.high.has_value() ? (*of.high - *of.low) / 2 : 0.0;
  };
  Computed result;
  result.half_width = half(row);
  const double v = row.value;
  if (baseline != nullptr) {
    if (baseline->metric != row.metric) return {};
    result.sign = v < baseline->value ? -1 : v > baseline->value ? 1 : 0;
  }
  if (scale == "unit" || scale == "percent") {
    result.value = v;
    return result;
  }
  if (scale == "spread") {
    if (v == 0 || result.half_width == 0) return {};
    return Computed{result.half_width / std::fabs(v), 0, 0};
  }
  if (scale == "excess") {
    result.value = std::fabs(v - 1);
    result.sign = v < 1 ? -1 : v > 1 ? 1 : 0;
    return result;
  }
  if (scale == "times" && baseline == nullptr) {
    result.value = v;
    return result;
  }
  if (scale == "points" && baseline == nullptr) {
    result.value = std::fabs(v);
    result.sign = v < 0 ? -1 : v > 0 ? 1 : 0;
    return result;
  }
  if (baseline == nullptr) return {};
  const double b = baseline->value;
  if (scale == "points" || scale == "difference") {
    result.value = std::fabs(v - b);
    result.half_width = std::hypot(half(row), half(*baseline));
    return result;
  }
  if (b == 0 || v == 0) return {};
  result.half_width = std::fabs(v / b) * std::hypot(half(row) / v, half(*baseline) / b);
  result.value = scale == "times" ? v / b : std::fabs(v / b - 1);
  return result;
}

bool FormFits(std::string_view scale, const Numeral& numeral, const Evidence& row) {
  const NumberForm form = numeral.form;
  const bool share =
      form == NumberForm::kPercent || form == NumberForm::kTenths || form == NumberForm::kFraction;
  if (scale == "unit" || scale == "difference") {
    return form == NumberForm::kPlain && numeral.unit == std::string_view(row.unit);
  }
  if (scale == "percent") return share && row.unit.empty();
  if (scale == "change" || scale == "excess") return share;
  if (scale == "points") return form == NumberForm::kPoints;
  if (scale == "spread") return share && numeral.text.starts_with("±");
  return form == NumberForm::kTimes || share;  // "times"
}

std::string Rounded(const Numeral& numeral, double value) {
  value /= numeral.factor;
  if (numeral.digits >= 0) return fmt::format("{:.{}f}", value, std::min(numeral.digits, 15));
  const int zeros = std::min(-numeral.digits, 15);
  const std::string leading = fmt::format("{:.0f}", value / std::pow(10.0, zeros));
  return leading == "0" ? leading : leading + std::string(static_cast<size_t>(zeros), '0');
}

int TrailingZeros(const Numeral& numeral) {
  if (numeral.digits != 0) return 0;
  const std::string printed = fmt::format("{:.0f}", numeral.value);
  const size_t last = printed.find_last_not_of('0');
  return last == std::string::npos ? 0 : static_cast<int>(printed.size() - 1 - last);
}

bool ValueFits(const Numeral& numeral, double value) {
  const std::string printed =
      fmt::format("{:.{}f}", numeral.value, std::clamp(numeral.digits, 0, 15));
  // Sums of doubles end beside the tie that the decimals would be: both neighbours are right there.
  constexpr double kNoise = 1e-12;
  return printed == Rounded(numeral, value) || printed == Rounded(numeral, value * (1 + kNoise)) ||
         printed == Rounded(numeral, value * (1 - kNoise));
}

bool DigitsFit(const Numeral& numeral, double half_width) {
  const double place = std::pow(10.0, -numeral.digits) * numeral.factor;
  return place >= half_width / 10 * (1 - 1e-9);
}

}  // namespace crumb::lint
