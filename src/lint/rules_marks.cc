// Marks that have no place in the article: one pattern each, run over every block.
#include <memory>

#include "lint/families.h"
#include "text/pattern.h"

namespace crumb::lint {
namespace {

std::function<void(const Subject&, Sink&)> Matches(std::string_view expression,
                                                   Where where = Where::kAll) {
  const auto pattern = std::make_shared<const Pattern>(expression);
  return [pattern, where](const Subject& subject, Sink& sink) {
    for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
      if (!Covers(where, subject.document.blocks[i])) continue;
      for (const Span& span : pattern->FindAll(subject.utf16[i])) sink.Add(i, span);
    }
  };
}

// Heading marks and emphasis belong to the source; in a rendered file they are visible text.
void RenderedMarks(const Subject& subject, Sink& sink) {
  static const Pattern source(R"(^#+|\*\*)");
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    for (const Span& span : source.FindAll(subject.utf16[i])) sink.Add(i, span);
  }
}

void Emphasis(const Subject& subject, Sink& sink) {
  std::string color;
  for (const Feature& feature : subject.document.features) {
    if (feature.kind == "emphasis") sink.AddAt(feature.at, feature.name);
    if (feature.kind == "element" &&
        (feature.name == "em" || feature.name == "i" || feature.name == "u" ||
         feature.name == "font" || feature.name == "mark" || feature.name == "del")) {
      sink.AddAt(feature.at, "<" + feature.name + ">");
    }
    if (feature.kind != "color") continue;
    if (!color.empty() && color != feature.name) {
      sink.AddAt(feature.at, feature.name, "a second text colour");
    }
    color = feature.name;
  }
}

void Tables(const Subject& subject, Sink& sink) {
  static const Pattern bars(R"(^\s*\|.*\||\|\s*-{2,}|\t\S+\t|\S\s*\|\s*\S+\s*\|)");
  for (const Feature& feature : subject.document.features) {
    if (feature.kind == "element" && feature.name == "table") sink.AddAt(feature.at, "table");
  }
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    if (!bars.FindAll(subject.utf16[i]).empty()) sink.AddBlock(i);
  }
}

void Code(const Subject& subject, Sink& sink) {
  static const Pattern fence("`+|~~~");
  for (const Feature& feature : subject.document.features) {
    if (feature.kind == "element" && (feature.name == "pre" || feature.name == "code")) {
      sink.AddAt(feature.at, "<" + feature.name + ">");
    }
  }
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    const Block& block = subject.document.blocks[i];
    if (block.lead.find("    ") != std::string::npos ||
        block.lead.find('\t') != std::string::npos) {
      sink.AddBlock(i, "a line set in as code");
    }
    for (const Span& span : fence.FindAll(subject.utf16[i])) sink.Add(i, span);
  }
}

void Bullets(const Subject& subject, Sink& sink) {
  static const Pattern bullet(R"(^[-*+•·●○■□◆◇▪▫➤►▶✓✔√※☑→](?=\s|[^\d\-—*]))");
  for (const Feature& feature : subject.document.features) {
    if (feature.kind == "element" &&
        (feature.name == "li" || feature.name == "ul" || feature.name == "ol")) {
      sink.AddAt(feature.at, "<" + feature.name + ">");
    }
  }
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    for (const Span& span : bullet.FindAll(subject.utf16[i])) sink.Add(i, span);
  }
}

void Dividers(const Subject& subject, Sink& sink) {
  static const Pattern divider(R"(—+|^[-—*_=─━·~\s]{3,}$)");
  for (const Feature& feature : subject.document.features) {
    if (feature.kind == "element" && feature.name == "hr") sink.AddAt(feature.at, "hr");
  }
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    for (const Span& span : divider.FindAll(subject.utf16[i])) sink.Add(i, span);
  }
}

}  // namespace

std::vector<Rule> MarkRules() {
  return {
      {"R14-exclamation", Severity::kError, "an exclamation mark", "end the sentence with 。",
       "　　省了一半内存！", "　　内存省了。", Matches("[!！‼⁉❗❕]")},
      {"R20-markdown", Severity::kError, "Markdown other than ** and ###",
       "write plain text; ** and ### are the only marks", "　　见*重点*。", "　　见**重点**。",
       Matches(
           R"(^>|!?\[[^\]]*\]\([^)]*\)|(?<![*\d])\*(?![*\s])[^*]+\*(?!\*)|(?<![A-Za-z0-9_])_[^_]+_(?![A-Za-z0-9_])|~~|</?[a-zA-Z][^>]*>|^#{1,2}\s|^#{4,})")},
      {"R20-visible-mark", Severity::kError, "a mark of the source that readers would see",
       "close the emphasis, and render ** and ### in HTML, Word and plain text", "　　这是**重点。",
       "　　这是**重点**。", RenderedMarks},
      {"R21-bullet", Severity::kError, "a bullet or a list", "write a sentence", "　　- 内存下降",
       "　　内存下降。", Bullets},
      {"R22-emphasis", Severity::kError, "emphasis other than bold: italic, underline, colour",
       "use bold only", "<p>　　<em>内存</em>下降。</p>", "<p>　　<strong>内存</strong>下降。</p>",
       Emphasis},
      {"R23-emoji", Severity::kError, "an emoji", "leave it out", "　　内存下降😀。",
       "　　内存下降。",
       Matches(
           R"([\p{Emoji_Presentation}\x{FE0F}\x{200D}\x{20E3}]|[\x{1F000}-\x{1FAFF}]|[\x{2600}-\x{27BF}])")},
      {"R24-divider", Severity::kError, "a dash or a divider", "use ， or ： or a new sentence",
       "　　代价——误差——也在。", "　　代价是误差。", Dividers},
      {"R25-code", Severity::kError, "code", "describe it in words", "　　运行`lint`。",
       "　　运行检查。", Code},
      {"R25-table", Severity::kError, "a table", "write the numbers into sentences",
       "　　| 版本 | 内存 |", "　　版本和内存见下文。", Tables},
  };
}

}  // namespace crumb::lint
