#include "eval/html_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/rng.h"

namespace crumb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(HtmlText, ParagraphsLoseTheirTagsAndKeepTheirWords) {
  EXPECT_THAT(HtmlParagraphs("<h1>no</h1><p>Use <code class=\"literal\">su</code>(1).</p>"
                             "<td>no</td><P id='x'>Second</P>"),
              ElementsAre("Use su(1).", "Second"));
}

TEST(HtmlText, ListingsScriptsAndCommentsAreLeftOut) {
  EXPECT_THAT(HtmlParagraphs("<p>a<pre>$ ls <b>-l</b></pre>b</p><script>'<p>no</p>'</script>"
                             "<!-- <p>no</p> --><style>p {}</style><p>c</p>"),
              ElementsAre("ab", "c"));
}

TEST(HtmlText, CharacterReferencesAreDecoded) {
  EXPECT_THAT(HtmlParagraphs("<p>&lt;a&gt; &amp;amp; &quot;&apos; &#20013;&#x6587; &#x1F600;</p>"),
              ElementsAre("<a> &amp; \"' 中文 😀"));
}

TEST(HtmlText, BadReferencesStayAsTheyAre) {
  EXPECT_THAT(HtmlParagraphs("<p>&nosuch; &#xD800; &#x110000; &#0; &#99999999999; & &; R&D</p>"),
              ElementsAre("&nosuch; &#xD800; &#x110000; &#0; &#99999999999; & &; R&D"));
}

TEST(HtmlText, WhiteSpaceBecomesOneBlankAndNothingBetweenBrokenChineseLines) {
  EXPECT_THAT(HtmlParagraphs("<p>\n  one\n\ttwo&nbsp; three \n</p>"), ElementsAre("one two three"));
  EXPECT_THAT(HtmlParagraphs("<p>文件\n系统 root\n的 Debian\nshell</p>"),
              ElementsAre("文件系统 root 的 Debian shell"));
  EXPECT_THAT(HtmlParagraphs("<p>中 文</p>"), ElementsAre("中 文"));
}

TEST(HtmlText, UnclosedAndEmptyParagraphsDoNoHarm) {
  EXPECT_THAT(HtmlParagraphs("<p>a<p>b"), ElementsAre("a", "b"));
  EXPECT_THAT(HtmlParagraphs("<p> </p><p/></p>tail"), IsEmpty());
  EXPECT_THAT(HtmlParagraphs("<p title=\"a > b\">c</p>"), ElementsAre("c"));
  EXPECT_THAT(HtmlParagraphs(""), IsEmpty());
  EXPECT_THAT(HtmlParagraphs("<p>a<"), ElementsAre("a"));
  EXPECT_THAT(HtmlParagraphs("<p>a<pre>b"), ElementsAre("a"));
}

TEST(HtmlText, RandomBytesAreReadToTheEnd) {
  const std::string pieces[] = {"<p>",   "</p>", "<",  ">",  "&", ";", "#x", "<!--",    "-->",
                                "<pre>", "\"",   "中", "\n", "a", "'", "/",  "<script", "\xff"};
  Rng rng(5);
  for (int round = 0; round < 2000; ++round) {
    std::string html;
    for (int i = 0; i < 30; ++i) html += pieces[rng.Below(std::size(pieces))];
    for (const std::string& paragraph : HtmlParagraphs(html)) {
      EXPECT_FALSE(paragraph.empty());
      EXPECT_LE(paragraph.size(), html.size());
    }
  }
}

}  // namespace
}  // namespace crumb
