#include "article/render_html.h"

#include <fmt/format.h>

#include "text/utf8.h"

namespace crumb::article {
namespace {

constexpr std::string_view kPageStyle =
#include "article/page_style.inc"
    ;
constexpr std::string_view kPageScript =
#include "article/page_script.inc"
    ;

constexpr std::string_view kIndent = "　　";
// One family and one colour for all: what differs is size and weight.
constexpr std::string_view kLook =
    "font-family:'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif;color:#333333;";

std::string Escape(std::string_view text) {
  std::string escaped;
  for (const char c : ToValidUtf8(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) escaped += c;
    }
  }
  return escaped;
}

// How one kind of block is set. An editor drops wrappers and inheritance, so that every element
// says all of it.
struct BlockLook {
  std::string_view element;
  std::string_view size;
  std::string_view line_height;
  int margin;  // pixels to the next block, unless that is a heading
  std::string_view align;
  bool all_bold;  // a title or heading
  std::string_view indent;
};

BlockLook LookOf(BlockKind kind) {
  switch (kind) {
    case BlockKind::kTitle:
      return {"p", "22px", "1.4", 24, "left", true, ""};
    case BlockKind::kHeading:
      return {"h3", "18px", "1.5", 16, "left", true, ""};
    case BlockKind::kSubheading:
      return {"p", "16px", "1.75", 8, "left", true, ""};
    case BlockKind::kParagraph:
      break;
  }
  return {"p", "16px", "1.75", 16, "justify", false, kIndent};
}

// Pixels below `block`. All room stands below and none above: LibreOffice takes a first value of
// `margin` that is not 0 for the left side too.
int MarginBelow(const Block& block, const Block* next) {
  const int own = LookOf(block.kind).margin;
  if (next == nullptr || block.kind != BlockKind::kParagraph) return own;
  if (next->kind == BlockKind::kHeading) return 32;
  return next->kind == BlockKind::kSubheading ? 24 : own;
}

std::string BlockHtml(const Block& block, const Block* next) {
  const BlockLook look = LookOf(block.kind);
  const std::string common =
      fmt::format("{}font-size:{};line-height:{};", kLook, look.size, look.line_height);
  std::string content(look.indent);
  if (look.all_bold) {
    content += fmt::format("<strong style=\"{}font-weight:bold;\">{}</strong>", common,
                           Escape(block.Text()));
  } else {
    for (const Run& run : block.runs) {
      content += run.bold ? fmt::format("<strong style=\"{}font-weight:bold;\">{}</strong>", common,
                                        Escape(run.text))
                          : Escape(run.text);
    }
  }
  return fmt::format(
      "<{0} style=\"{1}font-weight:{2};margin:0 0 {3}px 0;text-align:{4};\">{5}</{0}>\n",
      look.element, common, look.element == "h3" ? "bold" : "normal", MarginBelow(block, next),
      look.align, content);
}

}  // namespace

std::string RenderHtml(const Document& document) {
  std::string article;
  for (size_t i = 0; i < document.blocks.size(); ++i) {
    const bool last = i + 1 == document.blocks.size();
    article += BlockHtml(document.blocks[i], last ? nullptr : &document.blocks[i + 1]);
  }
  std::string tags;
  for (const std::string& tag : document.tags) tags += (tags.empty() ? "" : ",") + Escape(tag);
  return fmt::format(
      R"(<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="keywords" content="{tags}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header class="bar">
<button type="button" id="copy">复制</button>
<button type="button" id="phone" aria-pressed="true">手机宽度</button>
<p id="state" role="status" aria-live="polite"></p>
<noscript><p>复制按钮需要脚本。请选中下面的文章，用键盘复制。</p></noscript>
</header>
<main class="frame phone">
<section id="crumb-article">
{article}</section>
</main>
<script>{script}</script>
</body>
</html>
)",
      fmt::arg("tags", tags), fmt::arg("title", Escape(document.Title())),
      fmt::arg("style", kPageStyle), fmt::arg("article", article), fmt::arg("script", kPageScript));
}

}  // namespace crumb::article
