#include "article/render_html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libxml/HTMLparser.h>
#include <libxml/tree.h>

#include <functional>
#include <map>
#include <memory>
#include <set>

#include "article/article_for_test.h"

namespace crumb::article {
namespace {

using testing::HasSubstr;
using testing::Not;

// The page as libxml2's HTML parser sees it.
class Page {
 public:
  explicit Page(const std::string& html)
      : document_(htmlReadMemory(html.data(), static_cast<int>(html.size()), nullptr, "UTF-8",
                                 HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET),
                  &xmlFreeDoc) {
    Walk(xmlDocGetRootElement(document_.get()), [&](xmlNode* node) {
      if (Attribute(node, "id") == "crumb-article") article_ = node;
    });
  }

  static std::string Attribute(xmlNode* node, const char* name) {
    xmlChar* value = xmlGetProp(node, reinterpret_cast<const xmlChar*>(name));
    std::string text = value == nullptr ? "" : reinterpret_cast<const char*>(value);
    xmlFree(value);
    return text;
  }
  static std::string Name(const xmlNode* node) { return reinterpret_cast<const char*>(node->name); }
  static std::string Text(xmlNode* node) {
    xmlChar* content = xmlNodeGetContent(node);
    std::string text = content == nullptr ? "" : reinterpret_cast<const char*>(content);
    xmlFree(content);
    return text;
  }
  // Every element below `node`, itself included.
  static void Walk(xmlNode* node, const std::function<void(xmlNode*)>& see) {
    if (node == nullptr || node->type != XML_ELEMENT_NODE) return;
    see(node);
    for (xmlNode* child = node->children; child != nullptr; child = child->next) Walk(child, see);
  }
  static std::map<std::string, std::string> Style(xmlNode* node) {
    std::map<std::string, std::string> style;
    std::string_view rest;
    const std::string all = Attribute(node, "style");
    rest = all;
    while (!rest.empty()) {
      const size_t end = std::min(rest.size(), rest.find(';'));
      const std::string_view entry = rest.substr(0, end);
      rest.remove_prefix(std::min(rest.size(), end + 1));
      const size_t colon = entry.find(':');
      style[std::string(entry.substr(0, colon))] = entry.substr(colon + 1);
    }
    return style;
  }

  xmlNode* root() const { return xmlDocGetRootElement(document_.get()); }
  xmlNode* article() const { return article_; }
  std::vector<xmlNode*> Blocks() const {
    std::vector<xmlNode*> blocks;
    for (xmlNode* child = article_->children; child != nullptr; child = child->next) {
      if (child->type == XML_ELEMENT_NODE) blocks.push_back(child);
    }
    return blocks;
  }

 private:
  std::unique_ptr<xmlDoc, decltype(&xmlFreeDoc)> document_;
  xmlNode* article_ = nullptr;
};

Document OneParagraph(const std::string& text) {
  Document document;
  document.blocks = {{BlockKind::kTitle, {{"题目", false}}},
                     {BlockKind::kParagraph, {{text, false}}}};
  return document;
}

TEST(RenderHtml, ReadsBackAsTheTextOfTheDocument) {
  const Document document = SampleDocument();
  ASSERT_GT(document.blocks.size(), 20u);
  const Page page(RenderHtml(document));
  const std::vector<xmlNode*> blocks = page.Blocks();
  ASSERT_EQ(blocks.size(), document.blocks.size());
  std::string text;
  for (size_t i = 0; i < blocks.size(); ++i) {
    std::string line = Page::Text(blocks[i]);
    const bool indented = line.starts_with(kTestIndent);
    EXPECT_EQ(indented, document.blocks[i].kind == BlockKind::kParagraph) << line;
    if (indented) line = line.substr(kTestIndent.size());
    text += (i == 0 ? "" : "\n") + line;
  }
  EXPECT_EQ(text, NormalizedText(document));
}

TEST(RenderHtml, MakesBoldWhatIsBoldAndNothingElseOfAParagraph) {
  const Document document = SampleDocument();
  const Page page(RenderHtml(document));
  for (size_t i = 0; i < document.blocks.size(); ++i) {
    std::string expected;
    for (const auto& run : document.blocks[i].runs) {
      if (run.bold || document.blocks[i].kind != BlockKind::kParagraph) expected += run.text;
    }
    std::string bold;
    Page::Walk(page.Blocks()[i], [&](xmlNode* node) {
      if (Page::Name(node) == "strong") bold += Page::Text(node);
    });
    EXPECT_EQ(bold, expected);
  }
}

// Each element has to say all of its look: an editor drops wrappers, classes and inheritance.
TEST(RenderHtml, PutsAllStylesOnEveryElementOfTheArticleAndNoOtherAttribute) {
  const std::set<std::string> inline_keys = {"font-family", "color", "font-size", "line-height",
                                             "font-weight"};
  std::set<std::string> block_keys = inline_keys;
  block_keys.insert({"margin", "text-align"});
  const Page page(RenderHtml(SampleDocument()));
  int seen = 0;
  Page::Walk(page.article(), [&](xmlNode* node) {
    if (node == page.article()) return;
    ++seen;
    const std::string name = Page::Name(node);
    EXPECT_TRUE(name == "p" || name == "h3" || name == "strong") << name;
    for (const xmlAttr* a = node->properties; a != nullptr; a = a->next) {
      EXPECT_STREQ(reinterpret_cast<const char*>(a->name), "style");
    }
    std::set<std::string> keys;
    for (const auto& [key, value] : Page::Style(node)) {
      keys.insert(key);
      EXPECT_TRUE(key != "color" || value == "#333333") << value;
      EXPECT_THAT(value, Not(HasSubstr("var(")));
    }
    EXPECT_EQ(keys, name == "strong" ? inline_keys : block_keys) << name;
  });
  EXPECT_GT(seen, 30);
}

TEST(RenderHtml, HasOneBlockInOneLine) {
  const Document document = SampleDocument();
  const std::string html = RenderHtml(document);
  for (const Block& block : document.blocks) {
    const size_t at = html.find(block.runs.front().text);
    const size_t begin = html.rfind('\n', at) + 1;
    const std::string line = html.substr(begin, html.find('\n', at) - begin);
    const bool block_tag = line.starts_with("<p style=") || line.starts_with("<h3 style=");
    EXPECT_TRUE(block_tag || line.starts_with("<title>")) << line;
  }
}

TEST(RenderHtml, EscapesWhatWouldBeMarkup) {
  const std::string nasty = "<script>alert(1)</script> & \"双\" '单' </section>";
  Document document = OneParagraph(nasty);
  document.blocks[0].runs[0].text = "</title><b>";
  document.tags = {"\"><script>"};
  const std::string html = RenderHtml(document);
  const Page page(html);
  EXPECT_EQ(Page::Text(page.Blocks().at(1)), std::string(kTestIndent) + nasty);
  EXPECT_EQ(Page::Text(page.Blocks().at(0)), "</title><b>");
  int scripts = 0;
  Page::Walk(page.root(), [&](xmlNode* node) { scripts += Page::Name(node) == "script" ? 1 : 0; });
  EXPECT_EQ(scripts, 1) << "the page's own";
}

TEST(RenderHtml, LeavesOutControlCharactersAndReplacesIllFormedBytes) {
  const Page page(RenderHtml(OneParagraph("一\x01\x1b二\x7f三\xff四\n五")));
  EXPECT_EQ(Page::Text(page.Blocks().at(1)), std::string(kTestIndent) + "一二三\xef\xbf\xbd四五");
}

TEST(RenderHtml, LoadsNothingAndShowsNoFigure) {
  Document document = SampleDocument();
  document.figures.push_back({"speed", "各版本的速度", TinyPng(), 1, 1, {1}, 2});
  const std::string html = RenderHtml(document);
  EXPECT_THAT(html, Not(HasSubstr("://")));
  EXPECT_THAT(html, Not(HasSubstr("<img")));
  EXPECT_THAT(html, Not(HasSubstr("<link")));
  EXPECT_THAT(html, Not(HasSubstr("url(")));
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
}

TEST(RenderHtml, HasItsTagsInTheHeadOnly) {
  const Document document = SampleDocument();
  const std::string html = RenderHtml(document);
  EXPECT_THAT(html, HasSubstr("<meta name=\"keywords\" content=\"wechat,llm-quantization\">"));
  EXPECT_EQ(html.find("llm-quantization"), html.rfind("llm-quantization"));
  const Page page(html);
  EXPECT_THAT(Page::Text(page.article()), Not(HasSubstr("wechat")));
}

TEST(RenderHtml, IsTheSameASecondTime) {
  EXPECT_EQ(RenderHtml(SampleDocument()), RenderHtml(SampleDocument()));
}

}  // namespace
}  // namespace crumb::article
