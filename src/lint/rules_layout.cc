// How paragraphs are set: indent, elements and styles of HTML, lengths.
#include <fmt/format.h>

#include <algorithm>

#include "lint/families.h"
#include "lint/word_list.h"

namespace crumb::lint {
namespace {

constexpr std::string_view kIndent = "　　";
constexpr int kMaxTitle = 32;
constexpr int kMaxArticle = 20000;
constexpr int kMaxPause = 60;

std::string IndentFault(const Block& block) {
  if (block.style_indent && !block.lead.empty()) return "indented twice: by spaces and by style";
  if (block.odd_indent) return "an indent by style that is not two characters";
  if (block.style_indent || block.lead == kIndent) return "";
  if (block.lead.empty()) return "a paragraph without indent";
  return fmt::format("an indent of {} character{} that are not two ideographic spaces",
                     CodePoints(block.lead), CodePoints(block.lead) == 1 ? "" : "s");
}

void Indent(const Subject& subject, Sink& sink) {
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    const Block& block = subject.document.blocks[i];
    if (block.IsBody()) {
      const std::string fault = IndentFault(block);
      if (!fault.empty()) sink.AddBlock(i, fault);
    } else if (!block.lead.empty() || block.style_indent || block.odd_indent) {
      sink.AddBlock(i, "a heading with an indent", "headings stand at the margin");
    }
  }
}

bool Listed(std::string_view list, const std::string& name) {
  return std::ranges::any_of(DataLines(list), [&](const Fields& line) { return line[0] == name; });
}

void Profile(const Subject& subject, Sink& sink) {
  if (subject.document.form != Form::kHtml) return;
  for (const Feature& feature : subject.document.features) {
    if (feature.kind == "element" && !Listed("html_elements.txt", feature.name)) {
      sink.AddAt(feature.at, "<" + feature.name + ">",
                 "an element that the editor drops or rewrites");
    } else if (feature.kind == "attribute") {
      sink.AddAt(feature.at, feature.name, "an attribute that the editor drops",
                 "only style may stand in a tag");
    } else if (feature.kind == "style" && !Listed("html_styles.txt", feature.name)) {
      sink.AddAt(feature.at, feature.name, "a style that the editor drops");
    }
  }
}

void TrailingSpace(const Subject& subject, Sink& sink) {
  for (const Feature& feature : subject.document.features) {
    if (feature.kind == "mark") sink.AddAt(feature.at, feature.name);
  }
}

void TitleLength(const Subject& subject, Sink& sink) {
  if (!subject.article.title.has_value()) return;
  const int length = CodePoints(subject.document.blocks[*subject.article.title].text);
  if (length > kMaxTitle) {
    sink.AddBlock(*subject.article.title, fmt::format("a title of {} characters", length));
  }
}

void ArticleLength(const Subject& subject, Sink& sink) {
  const int length = CodePoints(NormalizedText(subject.document));
  if (length > kMaxArticle) sink.AddAt({1, 1}, "", fmt::format("{} characters", length));
}

// Characters between two pauses: ，。；：？、 and line ends.
void Pauses(const Subject& subject, Sink& sink) {
  constexpr std::u32string_view kPauses = U"，。；：？、！";
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    const std::string& text = subject.document.blocks[i].text;
    size_t begin = 0;
    int length = 0;
    for (size_t at = 0; at < text.size();) {
      const char32_t c = NextCodePoint(text, &at);
      const bool pause = kPauses.find(c) != std::u32string_view::npos;
      if (!pause) ++length;
      if (!pause && at < text.size()) continue;
      if (length > kMaxPause) {
        sink.Add(i, {begin, at}, fmt::format("{} characters without a pause", length));
      }
      begin = at;
      length = 0;
    }
  }
}

std::string Repeat(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

std::vector<Rule> LayoutRules() {
  static const std::string long_title = Repeat("题", kMaxTitle + 1);
  static const std::string long_article = "　　" + Repeat("文", kMaxArticle + 1) + "。";
  static const std::string breathless = "　　" + Repeat("长", kMaxPause + 1) + "。";
  return {
      {"R26-html-profile", Severity::kError, "HTML that does not survive the editor",
       "use section, p, strong, br, h1 to h3 with inline styles",
       "<p>　　内存<script>x</script>下降。</p>", "<p>　　内存下降。</p>", Profile},
      {"R27-indent", Severity::kError, "an indent that is not two characters",
       "begin a paragraph with two ideographic spaces, or set the indent by style, not both",
       "题目\n　正文只空了一格。", "题目\n　　正文空了两格。", Indent},
      {"L01-title-length", Severity::kError, "a title longer than 32 characters",
       "the editor takes 32", long_title, "短题目", TitleLength},
      {"L02-article-length", Severity::kError, "an article longer than 20000 characters",
       "the editor takes 20000", long_article, "　　短文。", ArticleLength},
      {"L03-pause", Severity::kWarning, "more than 60 characters without a pause",
       "cut the sentence", breathless, "　　短句，不长。", Pauses},
      {"L04-trailing-space", Severity::kWarning, "white space at the end of a line",
       "delete it (--fix does)", "　　正文。 ", "　　正文。", TrailingSpace},
  };
}

}  // namespace crumb::lint
