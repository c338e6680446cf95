#include "jinja/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "text/utf8.h"

namespace crumb::jinja {
namespace {

constexpr std::string_view kSpaces = " \t\r\n\v\f";
constexpr std::array<std::string_view, 27> kOperators = {
    "**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">",
    "=",  "(",  ")",  "[",  "]",  "{",  "}", ",", ":", ".", "|", ";", "!"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

class Lexer {
 public:
  explicit Lexer(std::string_view source)
      : text_(ReplaceAll(ReplaceAll(source, "\r\n", "\n"), "\r", "\n")), source_(text_) {
    // Jinja leaves out one line break at the very end.
    if (source_.ends_with('\n')) source_.remove_suffix(1);
  }

  Result<std::vector<LexedToken>> Run() {
    while (position_ < source_.size()) {
      LexText();
      if (position_ == source_.size()) break;
      const char kind = source_[position_ + 1];
      CRUMB_RETURN_IF_ERROR(kind == '#' ? SkipComment() : LexBlock(kind == '%'));
    }
    Add(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  void Add(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }
  void Advance(size_t count) {
    const std::string_view passed = source_.substr(position_, count);
    line_ += static_cast<int>(std::count(passed.begin(), passed.end(), '\n'));
    position_ += count;
  }
  std::string_view Rest() const { return source_.substr(position_); }
  Status Fail(std::string_view what) const {
    return Corrupt(fmt::format("chat template, line {}: {}", line_, what));
  }

  // The text up to the next mark, without what the marks on both sides take away.
  void LexText() {
    size_t end = position_;
    while (end < source_.size() &&
           !(source_[end] == '{' && end + 1 < source_.size() &&
             (source_[end + 1] == '{' || source_[end + 1] == '%' || source_[end + 1] == '#'))) {
      ++end;
    }
    std::string_view text = source_.substr(position_, end - position_);
    Trim(end, &text);
    if (!text.empty()) Add(TokenKind::kText, std::string(text));
    Advance(end - position_);
  }

  void Trim(size_t end, std::string_view* text) {
    if (strip_next_) {
      text->remove_prefix(std::min(text->find_first_not_of(kSpaces), text->size()));
    } else if (after_block_) {
      if (text->starts_with('\n')) text->remove_prefix(1);
    }
    strip_next_ = after_block_ = false;
    if (end == source_.size()) return;
    const char sign = end + 2 < source_.size() ? source_[end + 2] : ' ';
    if (sign == '-') {
      *text = text->substr(0, text->find_last_not_of(kSpaces) + 1);
    } else if (sign != '+' && source_[end + 1] != '{') {
      StripLineStart(end, text);
    }
  }

  // Takes the spaces off the end of `text` if nothing else stands before `end` on its line.
  void StripLineStart(size_t end, std::string_view* text) const {
    size_t start = end;
    while (start > 0 && (source_[start - 1] == ' ' || source_[start - 1] == '\t')) --start;
    if (start > 0 && source_[start - 1] != '\n') return;
    text->remove_suffix(std::min(end - start, text->size()));
  }

  Status SkipComment() {
    const size_t end = source_.find("#}", position_ + 2);
    if (end == std::string_view::npos) return Fail("a comment has no end");
    strip_next_ = source_[end - 1] == '-';
    after_block_ = true;
    Advance(end + 2 - position_);
    return OkStatus();
  }

  Status LexBlock(bool is_block) {
    const std::string_view close = is_block ? "%}" : "}}";
    Add(is_block ? TokenKind::kBlockStart : TokenKind::kPrintStart, "");
    Advance(2);
    if (Rest().starts_with('-') || Rest().starts_with('+')) Advance(1);
    int open_braces = 0;
    while (true) {
      Advance(std::min(Rest().find_first_not_of(kSpaces), Rest().size()));
      if (Rest().empty()) return Fail("a block has no end");
      const size_t sign = Rest()[0] == '-' || (is_block && Rest()[0] == '+') ? 1 : 0;
      if (open_braces == 0 && Rest().substr(sign).starts_with(close)) {
        strip_next_ = sign == 1 && Rest()[0] == '-';
        after_block_ = is_block && sign == 0;
        Add(is_block ? TokenKind::kBlockEnd : TokenKind::kPrintEnd, "");
        Advance(sign + close.size());
        return OkStatus();
      }
      CRUMB_RETURN_IF_ERROR(LexOne(&open_braces));
    }
  }

  Status LexOne(int* open_braces) {
    const std::string_view rest = Rest();
    const char c = rest[0];
    if (c == '"' || c == '\'') return LexString(c);
    if (IsDigit(c)) return LexNumber();
    size_t length = 0;
    if (IsNameStart(c)) {
      while (length < rest.size() && (IsNameStart(rest[length]) || IsDigit(rest[length]))) ++length;
      Add(TokenKind::kName, std::string(rest.substr(0, length)));
      Advance(length);
      return OkStatus();
    }
    for (const std::string_view op : kOperators) {
      if (!rest.starts_with(op)) continue;
      if (op == "{") ++*open_braces;
      if (op == "}") --*open_braces;
      Add(TokenKind::kOperator, std::string(op));
      Advance(op.size());
      return OkStatus();
    }
    return Fail(fmt::format("unexpected character '{}'", c));
  }

  Status LexNumber() {
    const std::string_view rest = Rest();
    size_t length = 0;
    bool is_float = false;
    while (length < rest.size()) {
      const bool point =
          rest[length] == '.' && !is_float && length + 1 < rest.size() && IsDigit(rest[length + 1]);
      if (!IsDigit(rest[length]) && !point) break;
      is_float = is_float || point;
      ++length;
    }
    if (length > 18) return Fail("a number has too many digits");
    Add(is_float ? TokenKind::kFloat : TokenKind::kInteger, std::string(rest.substr(0, length)));
    Advance(length);
    return OkStatus();
  }

  Status LexString(char quote) {
    const std::string_view rest = Rest();
    std::string text;
    for (size_t i = 1; i < rest.size(); ++i) {
      if (rest[i] == quote) {
        Add(TokenKind::kString, std::move(text));
        Advance(i + 1);
        return OkStatus();
      }
      if (rest[i] == '\\' && i + 1 < rest.size()) {
        i += AppendEscape(rest.substr(i + 1), &text);
      } else {
        text += rest[i];
      }
    }
    return Fail("a string has no end");
  }

  // The character that `rest` (behind the backslash) stands for; returns the characters used.
  static size_t AppendEscape(std::string_view rest, std::string* text) {
    static constexpr std::string_view kLetters = "nrtbfv0\\'\"";
    static constexpr std::string_view kMeaning{"\n\r\t\b\f\v\0\\'\"", 10};
    if (const size_t at = kLetters.find(rest[0]); at != std::string_view::npos) {
      *text += kMeaning[at];
      return 1;
    }
    const size_t digits = rest[0] == 'x' ? 2 : rest[0] == 'u' ? 4 : rest[0] == 'U' ? 8 : 0;
    if (digits > 0 && rest.size() > digits) {
      const std::string hex(rest.substr(1, digits));
      if (hex.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos) {
        AppendUtf8(static_cast<char32_t>(std::stoul(hex, nullptr, 16)), text);
        return 1 + digits;
      }
    }
    *text += '\\';
    *text += rest[0];
    return 1;
  }

  std::string text_;  // with line breaks of one kind
  std::string_view source_;
  size_t position_ = 0;
  int line_ = 1;
  bool strip_next_ = false;   // the mark before ended with '-'
  bool after_block_ = false;  // a block or comment ended right here
  std::vector<LexedToken> tokens_;
};

}  // namespace

Result<std::vector<LexedToken>> Lex(std::string_view source) { return Lexer(source).Run(); }

}  // namespace crumb::jinja
