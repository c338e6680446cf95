#include "lint/numeral.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "lint/word_list.h"
#include "text/utf8.h"

namespace crumb::lint {
namespace {

constexpr std::u32string_view kChineseDigits = U"零一二三四五六七八九";
constexpr std::u32string_view kMeasures =
    U"个种类项条次台张份家名位倍处段篇组例道层款件人天年页句步点块";

int ChineseDigit(char32_t c) {
  if (c == U'〇') return 0;
  if (c == U'两') return 2;
  const size_t at = kChineseDigits.find(c);
  return at == std::u32string_view::npos ? -1 : static_cast<int>(at);
}

double Magnitude(char32_t c) {
  switch (c) {
    case U'十':
      return 10;
    case U'百':
      return 100;
    case U'千':
      return 1000;
    case U'万':
      return 1e4;
    case U'亿':
      return 1e8;
    default:
      return 0;
  }
}

bool IsChineseNumber(char32_t c) { return ChineseDigit(c) >= 0 || Magnitude(c) > 0; }
bool IsFullWidthDigit(char32_t c) { return c >= U'０' && c <= U'９'; }
bool IsDigit(char32_t c) { return (c >= U'0' && c <= U'9') || IsFullWidthDigit(c); }
int DigitOf(char32_t c) { return static_cast<int>(IsFullWidthDigit(c) ? c - U'０' : c - U'0'); }
bool IsLatin(char32_t c) { return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z'); }

}  // namespace

bool ParseChineseInteger(std::u32string_view digits, double* value) {
  if (digits.empty()) return false;
  const bool plain = std::ranges::all_of(digits, [](char32_t c) { return ChineseDigit(c) >= 0; });
  double total = 0;    // below the last 万 or 亿
  double section = 0;  // closed by it
  double digit = -1;
  for (const char32_t c : digits) {
    if (plain) {
      total = total * 10 + ChineseDigit(c);
      continue;
    }
    const double magnitude = Magnitude(c);
    if (magnitude == 0) {
      if (ChineseDigit(c) < 0) return false;
      digit = ChineseDigit(c);
    } else if (magnitude < 1e4) {
      total += (digit < 0 ? 1 : digit) * magnitude;
      digit = -1;
    } else {
      total = (total + std::max(0.0, digit)) * magnitude;
      if (total == 0) total = magnitude;
      section += total;
      total = 0;
      digit = -1;
    }
  }
  *value = section + total + std::max(0.0, digit);
  return true;
}

namespace {

class Scanner {
 public:
  Scanner(const Block& block, size_t index) : block_(block), index_(index) {
    for (size_t at = 0; at < block.text.size();) {
      byte_.push_back(at);
      c_.push_back(NextCodePoint(block.text, &at));
    }
    byte_.push_back(block.text.size());
  }

  std::vector<Numeral> Scan() {
    if (!block_.IsBody()) HeadingNumber();
    while (at_ < c_.size()) {
      if (!SkipWord() && !Name() && !Percent() && !Fixed() && !Arabic() && !Chinese()) ++at_;
    }
    InheritUnits();
    return std::move(found_);
  }

 private:
  char32_t Peek(size_t i) const { return i < c_.size() ? c_[i] : 0; }
  bool Here(size_t i, std::u32string_view word) const {
    return std::u32string_view(c_).substr(std::min(i, c_.size())).starts_with(word);
  }
  size_t Blanks(size_t i) const {
    while (Peek(i) == U' ' || Peek(i) == 0xA0) ++i;
    return i;
  }
  // Code points that the longest word of a list covers at i.
  size_t WordLength(std::string_view list, size_t i, const Fields** line = nullptr) const {
    if (i >= c_.size()) return 0;
    const WordFinder::Match match = Words(list).MatchAt(block_.text, byte_[i]);
    if (match.line == nullptr) return 0;
    if (line != nullptr) *line = match.line;
    return static_cast<size_t>(
        CodePoints(std::string_view(block_.text).substr(byte_[i], match.span.end - byte_[i])));
  }

  Numeral& Add(size_t begin, size_t end) {
    Numeral numeral;
    numeral.block = index_;
    numeral.span = {byte_[begin], byte_[end]};
    numeral.text = block_.text.substr(byte_[begin], byte_[end] - byte_[begin]);
    at_ = end;
    found_.push_back(std::move(numeral));
    return found_.back();
  }

  // "一、", "（二）", "2." at the start of a heading.
  void HeadingNumber() {
    size_t begin = Peek(0) == U'（' || Peek(0) == U'(' ? 1 : 0;
    size_t end = begin;
    while (IsChineseNumber(Peek(end)) || IsDigit(Peek(end))) ++end;
    const char32_t after = Peek(end);
    const bool closes = after == U'、' || (begin == 1 && (after == U'）' || after == U')'));
    if (end == begin || !closes) return;
    Numeral& numeral = Add(begin, end);
    ParseChineseInteger(std::u32string_view(c_).substr(begin, end - begin), &numeral.value);
    numeral.closed = "section";
  }

  // Terms and everyday words that hold a Chinese digit.
  bool SkipWord() {
    size_t length = std::max(WordLength("numeral_words.txt", at_), WordLength("terms.txt", at_));
    // 四位整数, 三位版本: the name of a width.
    size_t end = at_;
    while (IsChineseNumber(Peek(end))) ++end;
    if (end > at_ && Peek(end) == U'位' && WordLength("width_nouns.txt", end + 1) > 0) {
      length = std::max(length, end + 1 - at_ + WordLength("width_nouns.txt", end + 1));
    }
    at_ += length;
    return length > 0;
  }

  // T4, 昇腾910B, 12345.
  bool Name() {
    const size_t length = WordLength("names.txt", at_);
    if (length == 0) return false;
    const auto glued = [&](char32_t a, char32_t b) {
      return (IsDigit(a) || IsLatin(a)) && (IsDigit(b) || IsLatin(b));
    };
    if (at_ > 0 && glued(c_[at_ - 1], c_[at_])) return false;
    if (glued(c_[at_ + length - 1], Peek(at_ + length))) return false;
    const auto word = std::u32string_view(c_).substr(at_, length);
    if (std::ranges::none_of(word, IsDigit)) {
      at_ += length;
      return true;
    }
    Add(at_, at_ + length).closed = "name";
    return true;
  }

  // A number in Chinese at i, 点 and decimals included; its end, or i.
  size_t ChineseNumber(size_t i, double* value, int* digits) const {
    size_t end = i;
    while (IsChineseNumber(Peek(end))) ++end;
    *digits = 0;
    if (!ParseChineseInteger(std::u32string_view(c_).substr(i, end - i), value)) return i;
    if (Peek(end) == U'点' && ChineseDigit(Peek(end + 1)) >= 0) {
      double place = 1;
      for (++end; ChineseDigit(Peek(end)) >= 0; ++end) {
        place /= 10;
        *value += place * ChineseDigit(c_[end]);
        ++*digits;
      }
    }
    return end;
  }

  size_t ArabicNumber(size_t i, double* value, int* digits, bool* full_width) const {
    *value = 0;
    *digits = 0;
    double place = 0;
    for (; i < c_.size(); ++i) {
      const char32_t c = c_[i];
      if (IsDigit(c)) {
        *full_width |= IsFullWidthDigit(c);
        if (place == 0) {
          *value = *value * 10 + DigitOf(c);
        } else {
          *value += place * DigitOf(c);
          place /= 10;
          ++*digits;
        }
      } else if (place == 0 && (c == U'.' || c == U'．') && IsDigit(Peek(i + 1))) {
        place = 0.1;
      } else if (place != 0 || (c != U',' && c != U'，') || !IsGroup(i + 1) || c == U'，') {
        break;
      }
    }
    return i;
  }

  // Three digits and no fourth: what stands behind a comma of thousands.
  bool IsGroup(size_t i) const {
    return IsDigit(Peek(i)) && IsDigit(Peek(i + 1)) && IsDigit(Peek(i + 2)) &&
           !IsDigit(Peek(i + 3));
  }

  bool Percent() {
    if (!Here(at_ + 1, U"分之")) return false;
    const double of = Magnitude(c_[at_]);
    if (of < 100) return false;
    double value = 0;
    int digits = 0;
    bool full_width = false;
    const size_t from = at_ + 3;
    size_t end = IsDigit(Peek(from)) ? ArabicNumber(from, &value, &digits, &full_width)
                                     : ChineseNumber(from, &value, &digits);
    if (end == from) return false;
    Numeral& numeral = Add(at_, end);
    numeral.value = value;
    numeral.digits = digits;
    numeral.form = NumberForm::kPercent;
    numeral.factor = 1 / of;
    numeral.full_width = full_width;
    return true;
  }

  // Numbers and amounts that are words: 一半, 翻倍, 数百.
  bool Fixed() {
    const Fields* line = nullptr;
    const size_t length = WordLength("numeral_phrases.txt", at_, &line);
    if (length == 0) return false;
    Numeral& numeral = Add(at_, at_ + length);
    numeral.value = std::stod(std::string(line->at(1)));
    numeral.form = NumberForm::kFraction;
    return true;
  }

  bool Arabic() {
    if (!IsDigit(c_[at_])) return false;
    double value = 0;
    int digits = 0;
    bool full_width = false;
    const size_t end = ArabicNumber(at_, &value, &digits, &full_width);
    const size_t begin = at_ > 0 && c_[at_ - 1] == U'±' ? at_ - 1 : at_;
    if (digits == 0 && Year(begin, end, value)) {
      found_.back().full_width = full_width;
      return true;
    }
    Finish(begin, end, value, digits);
    found_.back().full_width = full_width;
    return true;
  }

  bool Chinese() {
    if (ChineseDigit(c_[at_]) < 0 && c_[at_] != U'十') return false;
    double value = 0;
    int digits = 0;
    const size_t end = ChineseNumber(at_, &value, &digits);
    const size_t begin = at_;
    if (end == begin) return false;
    if (Here(end, U"分之")) {
      double over = 0;
      const size_t last = ChineseNumber(end + 2, &over, &digits);
      if (last > end + 2 && value != 0) {
        Numeral& numeral = Add(begin, last);
        numeral.value = over / value;
        numeral.form = NumberForm::kFraction;
        return true;
      }
    }
    if (digits == 0 && Year(begin, end, value)) return true;
    if (!CountsAsNumber(begin, end, value, digits)) {
      at_ = end;
      return true;
    }
    Finish(begin, end, value, digits);
    return true;
  }

  // Whether Chinese digits are a number here and not part of a word.
  bool CountsAsNumber(size_t begin, size_t end, double value, int digits) const {
    if (digits > 0 || end - begin >= 3) return true;
    if (begin > 0 && c_[begin - 1] == U'±') return true;
    const bool ordinal = begin > 0 && c_[begin - 1] == U'第';
    if (WordLength("units.txt", end) > 0 || Here(end, U"个百分点") || Here(end, U"倍")) return true;
    if (Here(end, U"成")) return WordLength("after_cheng.txt", end) == 0;
    if (Here(end, U"月") || Here(end, U"日") || Here(end, U"号")) return true;
    if (kMeasures.find(Peek(end)) != std::u32string_view::npos) return ordinal || value != 1;
    if (WordLength("count_nouns.txt", end) > 0) return ordinal || value != 1;
    // 三至五种, 三到五条: the unit stands behind the second.
    if (Peek(end) == U'至' || Peek(end) == U'到') {
      double other = 0;
      int other_digits = 0;
      const size_t last = ChineseNumber(end + 1, &other, &other_digits);
      return last > end + 1 && CountsAsNumber(end + 1, last, other, other_digits);
    }
    return false;
  }

  // 2024年, 2024年第二季度, 二〇二四年二季度; a month or day behind it makes it a date.
  bool Year(size_t begin, size_t end, double value) {
    if (value < 1900 || value > 2199) return false;
    size_t last = Blanks(end);
    if (Peek(last) == U'年') {
      ++last;
    } else if (Peek(last) != U'Q' || !IsDigit(Peek(last + 1))) {
      return false;
    }
    size_t quarter = Peek(last) == U'第' ? last + 1 : last;
    if (Peek(quarter) == U'Q') {
      last = quarter + 2;
    } else if ((IsChineseNumber(Peek(quarter)) || IsDigit(Peek(quarter))) &&
               Here(quarter + 1, U"季度")) {
      last = quarter + 3;
    }
    Numeral& numeral = Add(begin, std::min(last, c_.size()));
    numeral.value = value;
    numeral.closed = "quarter";
    return true;
  }

  // The words behind a number: part of it (%, 万, 倍), or its unit.
  void Finish(size_t begin, size_t end, double value, int digits) {
    double factor = 1;
    NumberForm form = NumberForm::kPlain;
    size_t last = Blanks(end);
    if (Magnitude(Peek(last)) > 0 && last < c_.size()) {
      for (; Magnitude(Peek(last)) > 0; ++last) factor *= Magnitude(c_[last]);
    } else if ((Peek(last) == U'k' || Peek(last) == U'K') && !IsLatin(Peek(last + 1))) {
      factor = 1000;
      ++last;
    } else {
      last = end;
    }
    size_t at = Blanks(last);
    if (Peek(at) == U'%' || Peek(at) == U'％') {
      form = NumberForm::kPercent;
      factor *= 0.01;
      last = at + 1;
    } else if (Peek(at) == U'‰') {
      form = NumberForm::kPercent;
      factor *= 0.001;
      last = at + 1;
    } else if (Here(at, U"个百分点") || Here(at, U"百分点")) {
      form = NumberForm::kPoints;
      factor *= 0.01;
      last = at + (Peek(at) == U'个' ? 4 : 3);
    } else if (Peek(at) == U'倍') {
      form = NumberForm::kTimes;
      last = at + 1;
    } else if (Peek(at) == U'成' && WordLength("after_cheng.txt", at) == 0) {
      form = NumberForm::kTenths;
      factor *= 0.1;
      last = at + 1;
    }
    const bool ordinal = begin > 0 && c_[begin - 1] == U'第';
    Numeral& numeral = Add(begin, last);
    numeral.value = value;
    numeral.digits = digits;
    numeral.form = form;
    numeral.factor = factor;
    if (form == NumberForm::kPlain) Unit(numeral, last, ordinal);
  }

  void Unit(Numeral& numeral, size_t at, bool ordinal) {
    at = Blanks(at);
    const char32_t next = Peek(at);
    if (next == U'月' || ((next == U'日' || next == U'号') && numeral.value <= 31)) {
      numeral.date = true;
      return;
    }
    if (ordinal) {
      if (Here(at, U"季度")) numeral.closed = "quarter";
      if (next == U'步' || Here(at, U"部分")) numeral.closed = "section";
      if (std::u32string_view(U"种个类点条").find(next) != std::u32string_view::npos) {
        numeral.closed = "count";
      }
      return;
    }
    if (Here(at, U"个二进制位") || Here(at, U"位二进制")) {
      if (numeral.value <= 32) numeral.closed = "name";
      return;
    }
    if (next == U'次' && Requests(numeral)) return;
    size_t skip = at;
    if (Peek(skip) == U'个') ++skip;
    const Fields* line = nullptr;
    const size_t unit = std::max(WordLength("units.txt", at, &line),
                                 skip > at ? WordLength("units.txt", skip, &line) : 0);
    if (unit > 0) {
      // A letter behind a unit of letters makes it another word: 5 MBs, 3 Go.
      const size_t after = at + (Peek(at) == U'个' ? 1 : 0) + unit;
      if (IsLatin(Peek(after - 1)) && IsLatin(Peek(after))) return;
      numeral.unit = line->at(1);
      numeral.factor *= std::stod(std::string(line->at(2)));
      PerSecond(numeral);
      return;
    }
    const bool measure = kMeasures.find(next) != std::u32string_view::npos && next != 0;
    const bool own = WordLength("count_nouns.txt", at) > 0 ||
                     (measure && WordLength("count_nouns.txt", at + 1) > 0);
    if (numeral.digits == 0 && numeral.value <= 20 && own) {
      numeral.closed = "count";
    }
  }

  // "每天3000次": a load, where the clause says per what.
  bool Requests(Numeral& numeral) const {
    const Span clause = ClauseAround(block_.text, numeral.span.begin);
    const std::string_view before =
        std::string_view(block_.text).substr(clause.begin, numeral.span.begin - clause.begin);
    constexpr std::pair<std::string_view, double> kPer[] = {
        {"每天", 86400}, {"每小时", 3600}, {"每分钟", 60}, {"每秒", 1}};
    for (const auto& [word, seconds] : kPer) {
      if (!before.ends_with(word)) continue;
      numeral.unit = "requests/s";
      numeral.factor /= seconds;
      return true;
    }
    return false;
  }

  // "每秒23.4个词元": the clause says per what.
  void PerSecond(Numeral& numeral) const {
    const Span clause = ClauseAround(block_.text, numeral.span.begin);
    const std::string_view text =
        std::string_view(block_.text).substr(clause.begin, clause.end - clause.begin);
    if (text.find("每秒") == std::string_view::npos) return;
    if (numeral.unit == "tokens") numeral.unit = "tokens/s";
    if (numeral.unit == "bytes") numeral.unit = "bytes/s";
    if (numeral.unit == "sentences") numeral.unit = "sentences/s";
  }

  // 3至5秒: the first of a range has the unit and the form of the second.
  void InheritUnits() {
    for (size_t i = found_.size(); i-- > 1;) {
      Numeral& a = found_[i - 1];
      const Numeral& b = found_[i];
      const std::string_view between =
          std::string_view(block_.text).substr(a.span.end, b.span.begin - a.span.end);
      constexpr std::string_view kSigns[] = {"至", "到", "-", "–", "~", "～", "—"};
      if (std::ranges::find(kSigns, between) == std::end(kSigns)) continue;
      if (a.form != NumberForm::kPlain || !a.unit.empty() || !a.closed.empty()) continue;
      a.unit = b.unit;
      a.form = b.form;
      if (a.factor == 1) a.factor = b.factor;
      a.closed = b.closed == "count" ? b.closed : a.closed;
    }
  }

  const Block& block_;
  size_t index_;
  std::u32string c_;
  std::vector<size_t> byte_;
  size_t at_ = 0;
  std::vector<Numeral> found_;
};

}  // namespace

std::vector<Numeral> FindNumerals(const Block& block, size_t index) {
  return Scanner(block, index).Scan();
}

std::vector<Numeral> FindNumerals(const Document& document) {
  std::vector<Numeral> all;
  for (size_t i = 0; i < document.blocks.size(); ++i) {
    std::vector<Numeral> of_block = FindNumerals(document.blocks[i], i);
    std::ranges::move(of_block, std::back_inserter(all));
  }
  return all;
}

}  // namespace crumb::lint
