#include "scoring/bleu.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "text/unicode.h"
#include "text/utf8.h"
#include "text/words.h"

namespace crumb {
namespace {

using NgramCounts = std::unordered_map<std::string, int64_t>;

constexpr size_t kOrders = 4;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsStop(char c) { return c == '.' || c == ','; }

// ASCII signs that always stand alone: all but ' , - . (and letters, digits, the underscore's
// neighbours [ to ` included).
bool StandsAlone(char c) {
  return (c >= ' ' && c <= '&') || (c >= '(' && c <= '+') || c == '/' || (c >= ':' && c <= '@') ||
         (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

// The rules of mteval-v13a for western text, one pass each since a later one sees the blanks of an
// earlier one. A pass takes what it matched and goes on behind it. Bytes above ASCII are letters.
std::string SetSignsApart(std::string_view text) {
  std::string alone;
  for (const char c : text) {
    if (StandsAlone(c)) {
      alone.append({' ', c, ' '});
    } else {
      alone += c;
    }
  }
  std::string stops;  // a stop that does not follow a digit
  for (size_t i = 0; i < alone.size(); ++i) {
    if (i + 1 < alone.size() && !IsDigit(alone[i]) && IsStop(alone[i + 1])) {
      stops.append({alone[i], ' ', alone[i + 1], ' '});
      ++i;
    } else {
      stops += alone[i];
    }
  }
  std::string numbers;  // a stop that no digit follows
  for (size_t i = 0; i < stops.size(); ++i) {
    if (i + 1 < stops.size() && IsStop(stops[i]) && !IsDigit(stops[i + 1])) {
      numbers.append({' ', stops[i], ' ', stops[i + 1]});
      ++i;
    } else {
      numbers += stops[i];
    }
  }
  std::string dashes;  // a dash behind a digit
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (i + 1 < numbers.size() && IsDigit(numbers[i]) && numbers[i + 1] == '-') {
      dashes.append({numbers[i], ' ', '-', ' '});
      ++i;
    } else {
      dashes += numbers[i];
    }
  }
  return dashes;
}

bool IsChineseForSacrebleu(char32_t c) {
  struct Block {
    char32_t first;
    char32_t last;
  };
  constexpr Block kBlocks[] = {
      {0x2001, 0x2A6D}, {0x2E80, 0x2FDF}, {0x2FF0, 0x303F}, {0x3100, 0x312F}, {0x31A0, 0x31BF},
      {0x31C0, 0x31EF}, {0x3200, 0x33FF}, {0x3400, 0x4DB5}, {0x4E00, 0x9FBB}, {0xF900, 0xFA2D},
      {0xFA30, 0xFA6A}, {0xFA70, 0xFAD9}, {0xFE10, 0xFE1F}, {0xFE30, 0xFE4F}, {0xFF00, 0xFFEF}};
  return std::ranges::any_of(
      kBlocks, [c](const Block& block) { return c >= block.first && c <= block.last; });
}

std::string Prepare13a(std::string_view text) {
  std::string line = ReplaceAll(text, "<skipped>", "");
  line = ReplaceAll(line, "-\n", "");
  line = ReplaceAll(line, "\n", " ");
  line = ReplaceAll(line, "&quot;", "\"");
  line = ReplaceAll(line, "&amp;", "&");
  line = ReplaceAll(line, "&lt;", "<");
  line = ReplaceAll(line, "&gt;", ">");
  return " " + line + " ";
}

std::string PrepareZh(std::string_view text) {
  std::string line;
  for (size_t i = 0; i < text.size();) {
    const char32_t c = NextCodePoint(text, &i);
    const bool chinese = IsChineseForSacrebleu(c);
    if (chinese) line += ' ';
    AppendUtf8(c, &line);
    if (chinese) line += ' ';
  }
  return line;
}

// Without the white space at the end, at the start too for the Chinese tokenization.
std::string_view Trim(std::string_view text, bool both) {
  size_t begin = std::string_view::npos;
  size_t end = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t start = i;
    if (IsPythonSpace(NextCodePoint(text, &i))) continue;
    if (begin == std::string_view::npos) begin = start;
    end = i;
  }
  if (end == 0) return {};
  if (!both) begin = 0;
  return text.substr(begin, end - begin);
}

std::array<NgramCounts, kOrders> CountNgrams(const std::vector<std::string>& tokens) {
  std::array<NgramCounts, kOrders> counts;
  for (size_t begin = 0; begin < tokens.size(); ++begin) {
    std::string ngram;
    for (size_t n = 0; n < kOrders && begin + n < tokens.size(); ++n) {
      if (n > 0) ngram += ' ';  // no token holds one
      ngram += tokens[begin + n];
      ++counts[n][ngram];
    }
  }
  return counts;
}

BleuCounts FromRow(std::span<const double> row) {
  BleuCounts counts;
  counts.prediction_length = row[0];
  counts.reference_length = row[1];
  std::copy_n(row.begin() + 2, kOrders, counts.matches.begin());
  std::copy_n(row.begin() + 2 + kOrders, kOrders, counts.totals.begin());
  return counts;
}

}  // namespace

std::vector<std::string> BleuTokenize(std::string_view text, BleuTokens tokens) {
  const bool zh = tokens == BleuTokens::kZh;
  const std::string valid = ToValidUtf8(Trim(text, zh));
  return SplitWords(SetSignsApart(zh ? PrepareZh(valid) : Prepare13a(valid)));
}

BleuCounts CountBleu(std::string_view prediction, std::span<const std::string> references,
                     BleuTokens tokens) {
  const std::vector<std::string> mine = BleuTokenize(prediction, tokens);
  BleuCounts counts;
  counts.prediction_length = static_cast<double>(mine.size());
  std::array<NgramCounts, kOrders> allowed;  // the most that one reference has of an n-gram
  double best_distance = -1;
  for (const std::string& reference : references) {
    const std::vector<std::string> other = BleuTokenize(reference, tokens);
    const auto length = static_cast<double>(other.size());
    const double distance = std::abs(length - counts.prediction_length);
    if (best_distance < 0 || distance < best_distance ||
        (distance == best_distance && length < counts.reference_length)) {
      best_distance = distance;
      counts.reference_length = length;
    }
    const auto ngrams = CountNgrams(other);
    for (size_t n = 0; n < kOrders; ++n) {
      for (const auto& [ngram, count] : ngrams[n]) {
        int64_t& most = allowed[n][ngram];
        most = std::max(most, count);
      }
    }
  }
  const auto ngrams = CountNgrams(mine);
  for (size_t n = 0; n < kOrders; ++n) {
    for (const auto& [ngram, count] : ngrams[n]) {
      counts.totals[n] += static_cast<double>(count);
      const auto found = allowed[n].find(ngram);
      if (found != allowed[n].end()) {
        counts.matches[n] += static_cast<double>(std::min(count, found->second));
      }
    }
  }
  return counts;
}

double BleuOf(const BleuCounts& counts) {
  if (std::ranges::all_of(counts.matches, [](double matches) { return matches == 0; })) return 0;
  double smoothing = 1;
  double log_sum = 0;
  for (size_t n = 0; n < kOrders; ++n) {
    if (counts.totals[n] == 0) return 0;  // all predictions are shorter than n + 1 tokens
    double precision = counts.matches[n] / counts.totals[n];
    if (counts.matches[n] == 0) {
      smoothing *= 2;
      precision = 1 / (smoothing * counts.totals[n]);
    }
    log_sum += std::log(precision);
  }
  // Predictions that are too short on the whole pay for it; those too long paid by their precision.
  const double log_brevity = std::min(0.0, 1 - counts.reference_length / counts.prediction_length);
  return 100 * std::exp(log_brevity + log_sum / kOrders);
}

Scorer BleuScorer(BleuTokens tokens) {
  const bool zh = tokens == BleuTokens::kZh;
  Scorer scorer;
  scorer.name = zh ? "bleu_zh" : "bleu";
  scorer.best = 100;
  scorer.mean_of_items = false;
  scorer.signature = [zh](std::span<const ScoringItem> items) {
    return ReferenceCountSignature(items) + "case:mixed|eff:no|tok:" + (zh ? "zh" : "13a") +
           "|smooth:exp";
  };
  scorer.row = [tokens](const ScoringItem& item) -> Result<std::vector<double>> {
    CRUMB_ASSIGN_OR_RETURN(const auto prediction, NeedPrediction(item));
    CRUMB_ASSIGN_OR_RETURN(const auto references, NeedReferences(item));
    const BleuCounts counts = CountBleu(prediction, references, tokens);
    std::vector<double> row = {counts.prediction_length, counts.reference_length};
    row.insert(row.end(), counts.matches.begin(), counts.matches.end());
    row.insert(row.end(), counts.totals.begin(), counts.totals.end());
    return row;
  };
  scorer.combine = [](const ScoreRows& rows) { return BleuOf(FromRow(SumOfRows(rows))); };
  return scorer;
}

}  // namespace crumb
