#include "scoring/rouge.h"

#include <algorithm>
#include <unordered_map>

#include "text/unicode.h"
#include "text/utf8.h"
#include "text/words.h"

namespace crumb {
namespace {

std::vector<std::string> Ngrams(const std::vector<std::string>& tokens, size_t n) {
  std::vector<std::string> ngrams;
  for (size_t i = 0; i + n <= tokens.size(); ++i) {
    std::string ngram = tokens[i];
    for (size_t j = 1; j < n; ++j) ngram += ' ' + tokens[i + j];
    ngrams.push_back(std::move(ngram));
  }
  return ngrams;
}

size_t CountCommon(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::unordered_map<std::string_view, int64_t> left;
  for (const std::string& ngram : b) ++left[ngram];
  return static_cast<size_t>(std::ranges::count_if(a, [&](const std::string& ngram) {
    const auto found = left.find(ngram);
    return found != left.end() && found->second-- > 0;
  }));
}

size_t LongestCommonSubsequence(const std::vector<std::string>& a,
                                const std::vector<std::string>& b) {
  std::vector<size_t> row(b.size() + 1, 0);
  for (const std::string& token : a) {
    size_t diagonal = 0;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t above = row[j + 1];
      row[j + 1] = token == b[j] ? diagonal + 1 : std::max(above, row[j]);
      diagonal = above;
    }
  }
  return row.back();
}

double F1(size_t common, size_t a, size_t b) {
  return common == 0 ? 0.0 : 2 * static_cast<double>(common) / static_cast<double>(a + b);
}

}  // namespace

std::vector<std::string> RougeTokenize(std::string_view text, RougeTokens tokens) {
  const std::string lower = ToLower(text);
  std::vector<std::string> found;
  bool inside = false;
  for (size_t i = 0; i < lower.size();) {
    const char32_t c = NextCodePoint(lower, &i);
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      if (!inside) found.emplace_back();
      found.back() += static_cast<char>(c);
      inside = true;
      continue;
    }
    inside = false;
    if (tokens == RougeTokens::kHan && IsHan(c)) AppendUtf8(c, &found.emplace_back());
  }
  return found;
}

double RougeF1(std::string_view prediction, std::string_view reference, RougeKind kind,
               RougeTokens tokens) {
  const std::vector<std::string> mine = RougeTokenize(prediction, tokens);
  const std::vector<std::string> other = RougeTokenize(reference, tokens);
  if (kind == RougeKind::kL) {
    return F1(LongestCommonSubsequence(mine, other), mine.size(), other.size());
  }
  const size_t n = kind == RougeKind::k1 ? 1 : 2;
  const std::vector<std::string> my_ngrams = Ngrams(mine, n);
  const std::vector<std::string> other_ngrams = Ngrams(other, n);
  return F1(CountCommon(my_ngrams, other_ngrams), my_ngrams.size(), other_ngrams.size());
}

Scorer RougeScorer(RougeKind kind, RougeTokens tokens) {
  const bool han = tokens == RougeTokens::kHan;
  std::string name = kind == RougeKind::k1 ? "rouge1" : kind == RougeKind::k2 ? "rouge2" : "rougeL";
  if (han) name += "_zh";
  return BestReferenceScorer(std::move(name),
                             han ? "f1|tok:a-z0-9+han|stem:no" : "f1|tok:a-z0-9|stem:no",
                             [=](std::string_view prediction, std::string_view reference) {
                               return RougeF1(prediction, reference, kind, tokens);
                             });
}

}  // namespace crumb
