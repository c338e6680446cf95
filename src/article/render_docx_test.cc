#include "article/render_docx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zip.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <pugixml.hpp>

#include "article/article_for_test.h"

namespace crumb::article {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Name to content of every part, and the names in their order.
struct Package {
  std::vector<std::string> names;
  std::map<std::string, std::string> parts;
};

Package Unpack(const std::string& bytes) {
  Package package;
  zip_error_t error;
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  zip_t* archive = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
  if (archive == nullptr) return package;
  for (zip_int64_t i = 0; i < zip_get_num_entries(archive, 0); ++i) {
    zip_stat_t stat;
    zip_stat_index(archive, static_cast<zip_uint64_t>(i), 0, &stat);
    zip_file_t* file = zip_fopen_index(archive, static_cast<zip_uint64_t>(i), 0);
    std::string content(stat.size, '\0');
    EXPECT_EQ(zip_fread(file, content.data(), stat.size), static_cast<zip_int64_t>(stat.size));
    zip_fclose(file);
    package.names.emplace_back(stat.name);
    package.parts[stat.name] = content;
  }
  zip_discard(archive);
  return package;
}

std::string Rendered(const Document& document) {
  Result<std::string> docx = RenderDocx(document);
  EXPECT_TRUE(docx.ok()) << docx.status().message();
  return docx.ok() ? *docx : "";
}

pugi::xml_document Parsed(const std::string& xml) {
  pugi::xml_document parsed;
  EXPECT_TRUE(parsed.load_buffer(xml.data(), xml.size(),
                                 pugi::parse_default | pugi::parse_ws_pcdata_single));
  return parsed;
}

// The sample with a figure in its second and one at its last section.
Document WithFigures() {
  Document document = SampleDocument();
  document.figures.push_back({"speed", "各版本的<速度>", TinyPng(), 1080, 900, {1}, 2});
  document.figures.push_back({"memory", "各版本的内存", TinyPng(), 1080, 2000, {2}, 0});
  return document;
}

std::string TextOf(const pugi::xml_node& paragraph) {
  std::string text;
  for (const pugi::xpath_node& run : paragraph.select_nodes(".//w:t")) {
    text += run.node().text().get();
  }
  return text;
}

std::string StyleOf(const pugi::xml_node& paragraph) {
  return paragraph.child("w:pPr").child("w:pStyle").attribute("w:val").value();
}

TEST(RenderDocx, ReadsBackAsTheTextOfTheDocument) {
  const Document document = WithFigures();
  const Package package = Unpack(Rendered(document));
  const pugi::xml_document main = Parsed(package.parts.at("word/document.xml"));
  std::string text;
  std::vector<std::string> styles;
  for (const pugi::xpath_node& found : main.select_nodes("/w:document/w:body/w:p")) {
    const std::string style = StyleOf(found.node());
    if (style == "Caption" || style == "Figure") continue;
    text += (text.empty() ? "" : "\n") + TextOf(found.node());
    styles.push_back(style);
  }
  EXPECT_EQ(text, NormalizedText(document));
  EXPECT_THAT(std::vector(styles.begin(), styles.begin() + 3),
              ElementsAre("Title", "Heading1", ""));
  EXPECT_EQ(std::ranges::count(styles, "Heading2"), 8);
}

// Word takes firstLineChars, others firstLine; the font has 12 points, so two characters are 24.
TEST(RenderDocx, IndentsParagraphsInBothWaysAndByNoSpace) {
  const Document document = SampleDocument();
  const Package package = Unpack(Rendered(document));
  const pugi::xml_document main = Parsed(package.parts.at("word/document.xml"));
  int64_t paragraphs = 0;
  for (const pugi::xpath_node& found : main.select_nodes("//w:p")) {
    const pugi::xml_node indent = found.node().child("w:pPr").child("w:ind");
    EXPECT_THAT(TextOf(found.node()), Not(HasSubstr("　")));
    if (!StyleOf(found.node()).empty()) {
      EXPECT_FALSE(indent);
      continue;
    }
    ++paragraphs;
    EXPECT_STREQ(indent.attribute("w:firstLineChars").value(), "200");
    EXPECT_STREQ(indent.attribute("w:firstLine").value(), "480");
  }
  EXPECT_EQ(paragraphs, std::ranges::count(document.blocks, BlockKind::kParagraph, &Block::kind));
  const pugi::xml_document styles = Parsed(package.parts.at("word/styles.xml"));
  EXPECT_EQ(styles.select_nodes("//w:ind").size(), 0u);
  EXPECT_STREQ(styles.select_node("//w:docDefaults//w:sz").node().attribute("w:val").value(), "24");
}

TEST(RenderDocx, EmphasizesByBoldOnly) {
  const Document document = SampleDocument();
  const Package package = Unpack(Rendered(document));
  const pugi::xml_document main = Parsed(package.parts.at("word/document.xml"));
  std::string bold;
  for (const pugi::xpath_node& found : main.select_nodes("//w:r[w:rPr/w:b]/w:t")) {
    bold += found.node().text().get();
  }
  EXPECT_EQ(bold, "四位整数");
  for (const char* other : {"//w:i", "//w:u", "//w:color", "//w:highlight", "//w:em", "//w:shd"}) {
    EXPECT_TRUE(main.select_nodes(other).empty()) << other;
    EXPECT_TRUE(Parsed(package.parts.at("word/styles.xml")).select_nodes(other).empty()) << other;
  }
}

TEST(RenderDocx, NamesItsEastAsianFontAndLanguage) {
  const Package package = Unpack(Rendered(SampleDocument()));
  const pugi::xml_document styles = Parsed(package.parts.at("word/styles.xml"));
  const pugi::xml_node run = styles.select_node("//w:docDefaults/w:rPrDefault/w:rPr").node();
  EXPECT_STREQ(run.child("w:rFonts").attribute("w:eastAsia").value(), "SimSun");
  EXPECT_STREQ(run.child("w:rFonts").attribute("w:ascii").value(), "Times New Roman");
  EXPECT_STREQ(run.child("w:rFonts").attribute("w:hAnsi").value(), "Times New Roman");
  EXPECT_STREQ(run.child("w:lang").attribute("w:eastAsia").value(), "zh-CN");
  // No run has a font of its own, only the hint that quotation marks are Chinese.
  const pugi::xml_document main = Parsed(package.parts.at("word/document.xml"));
  EXPECT_TRUE(main.select_nodes("//w:rFonts[@w:eastAsia or @w:ascii]").empty());
}

TEST(RenderDocx, IsTheSameBytesASecondTimeAndInAnotherTimeZone) {
  const std::string first = Rendered(WithFigures());
  ASSERT_EQ(setenv("TZ", "Asia/Shanghai", 1), 0);
  tzset();
  const std::string second = Rendered(WithFigures());
  unsetenv("TZ");
  tzset();
  EXPECT_TRUE(first == second);
  // Local headers hold the date 1980-01-01 and the time 0 at their bytes 10 to 13.
  size_t headers = 0;
  for (size_t at = first.find("PK\x03\x04"); at != std::string::npos;
       at = first.find("PK\x03\x04", at + 4)) {
    EXPECT_EQ(first.substr(at + 10, 4), std::string("\x00\x00\x21\x00", 4));
    ++headers;
  }
  EXPECT_EQ(headers, 9u);
}

TEST(RenderDocx, NamesNoPersonProgramOrTime) {
  const Package package = Unpack(Rendered(WithFigures()));
  const std::string& core = package.parts.at("docProps/core.xml");
  EXPECT_THAT(core, HasSubstr("<dc:title>把大模型装进热线机房：省下多少，付出什么</dc:title>"));
  EXPECT_THAT(core, HasSubstr("<cp:keywords>wechat, llm-quantization</cp:keywords>"));
  for (const char* word : {"creator", "modified", "created", "Application", "rsid"}) {
    for (const auto& [name, content] : package.parts) {
      EXPECT_EQ(content.find(word), std::string::npos) << name << " holds " << word;
    }
  }
}

TEST(RenderDocx, PutsFiguresAtTheEndOfTheirSections) {
  const Package package = Unpack(Rendered(WithFigures()));
  const pugi::xml_document main = Parsed(package.parts.at("word/document.xml"));
  std::vector<std::string> order;
  for (const pugi::xpath_node& found : main.select_nodes("//w:p")) {
    const std::string style = StyleOf(found.node());
    if (style == "Heading1" || style == "Caption") order.push_back(TextOf(found.node()));
    if (style == "Figure") {
      order.emplace_back(found.node().select_node(".//wp:docPr").node().attribute("descr").value());
    }
  }
  EXPECT_THAT(
      order, ElementsAre("一、热线高峰时的难题", "二、把台账缩成速查表", "各版本的<速度>",
                         "各版本的<速度>", "三、量化的三步", "四、实测里的意外", "五、放到岗位上看",
                         "六、误用与核对", "数据来源", "各版本的内存", "各版本的内存"));
}

TEST(RenderDocx, FitsFiguresIntoTheTextWithoutChangingTheirShape) {
  const Package package = Unpack(Rendered(WithFigures()));
  const pugi::xml_document main = Parsed(package.parts.at("word/document.xml"));
  const pugi::xpath_node_set extents = main.select_nodes("//wp:extent");
  ASSERT_EQ(extents.size(), 2u);
  const double ratios[] = {900.0 / 1080, 2000.0 / 1080};
  for (size_t i = 0; i < 2; ++i) {
    const double width = extents[i].node().attribute("cx").as_double();
    const double height = extents[i].node().attribute("cy").as_double();
    EXPECT_LE(width, (21.0 - 2 * 3.175) * 360000 + 1);
    EXPECT_LE(height, (29.7 - 2 * 2.54) * 360000 / 2);
    EXPECT_NEAR(height / width, ratios[i], 1e-5);
  }
}

TEST(RenderDocx, HoldsEveryPartThatItPointsToAndPointsToEveryPicture) {
  const Package package = Unpack(Rendered(WithFigures()));
  EXPECT_EQ(package.names.front(), "[Content_Types].xml");
  const pugi::xml_document relations = Parsed(package.parts.at("word/_rels/document.xml.rels"));
  std::map<std::string, std::string> targets;
  for (const pugi::xml_node& relation : relations.first_child()) {
    const std::string target = relation.attribute("Target").value();
    targets[relation.attribute("Id").value()] = target;
    EXPECT_TRUE(package.parts.contains("word/" + target)) << target;
  }
  const pugi::xml_document main = Parsed(package.parts.at("word/document.xml"));
  const pugi::xpath_node_set pictures = main.select_nodes("//a:blip");
  ASSERT_EQ(pictures.size(), 2u);
  EXPECT_EQ(targets.at(pictures[0].node().attribute("r:embed").value()), "media/speed.png");
  EXPECT_EQ(package.parts.at("word/media/speed.png"), TinyPng());
  const pugi::xml_document types = Parsed(package.parts.at("[Content_Types].xml"));
  for (const pugi::xpath_node& part : types.select_nodes("//Override")) {
    EXPECT_TRUE(
        package.parts.contains(std::string(part.node().attribute("PartName").value()).substr(1)));
  }
}

TEST(RenderDocx, EscapesTextAndLeavesOutWhatXmlCanNotHold) {
  Document document;
  document.blocks = {{BlockKind::kTitle, {{"题目 & <b>", false}}},
                     {BlockKind::kParagraph, {{"一\x01<二>\xff&三\xef\xbf\xbf", false}}}};
  const Package package = Unpack(Rendered(document));
  const pugi::xml_document main = Parsed(package.parts.at("word/document.xml"));
  EXPECT_EQ(TextOf(main.select_node("//w:p[2]").node()), "一<二>\xef\xbf\xbd&三");
  EXPECT_THAT(package.parts.at("docProps/core.xml"), HasSubstr("题目 &amp; &lt;b&gt;"));
}

TEST(RenderDocx, RefusesAFigureThatIsNone) {
  for (const Figure& bad :
       {Figure{"", "x", TinyPng(), 1, 1, {}, 0}, Figure{"../x", "x", TinyPng(), 1, 1, {}, 0},
        Figure{"x", "x", "", 1, 1, {}, 0}, Figure{"x", "x", TinyPng(), 0, 1, {}, 0}}) {
    Document document = SampleDocument();
    document.figures = {bad};
    EXPECT_EQ(RenderDocx(document).status().code(), StatusCode::kInvalidArgument);
  }
  Document twice = WithFigures();
  twice.figures[1].name = twice.figures[0].name;
  EXPECT_FALSE(RenderDocx(twice).ok());
}

// ---- order of elements (ECMA-376, part 1: wml.xsd, dml-wordprocessingDrawing.xsd,
// dml-picture.xsd, dml-main.xsd)

// For each element whose content is a sequence: its possible children in their order. Of long
// sequences the part that could be used here.
const std::map<std::string, std::vector<std::string>>& Sequences() {
  static const std::map<std::string, std::vector<std::string>> sequences = {
      {"w:document", {"w:background", "w:body"}},
      {"w:body", {"w:p", "w:sectPr"}},
      {"w:p", {"w:pPr", "w:r"}},
      {"w:pPr",
       {"w:pStyle",
        "w:keepNext",
        "w:keepLines",
        "w:pageBreakBefore",
        "w:framePr",
        "w:widowControl",
        "w:numPr",
        "w:suppressLineNumbers",
        "w:pBdr",
        "w:shd",
        "w:tabs",
        "w:suppressAutoHyphens",
        "w:kinsoku",
        "w:wordWrap",
        "w:overflowPunct",
        "w:topLinePunct",
        "w:autoSpaceDE",
        "w:autoSpaceDN",
        "w:bidi",
        "w:adjustRightInd",
        "w:snapToGrid",
        "w:spacing",
        "w:ind",
        "w:contextualSpacing",
        "w:mirrorIndents",
        "w:suppressOverlap",
        "w:jc",
        "w:textDirection",
        "w:textAlignment",
        "w:textboxTightWrap",
        "w:outlineLvl",
        "w:divId",
        "w:cnfStyle",
        "w:rPr",
        "w:sectPr"}},
      {"w:r", {"w:rPr", "w:t", "w:drawing"}},
      {"w:rPr",
       {"w:rStyle",
        "w:rFonts",
        "w:b",
        "w:bCs",
        "w:i",
        "w:iCs",
        "w:caps",
        "w:smallCaps",
        "w:strike",
        "w:dstrike",
        "w:outline",
        "w:shadow",
        "w:emboss",
        "w:imprint",
        "w:noProof",
        "w:snapToGrid",
        "w:vanish",
        "w:webHidden",
        "w:color",
        "w:spacing",
        "w:w",
        "w:kern",
        "w:position",
        "w:sz",
        "w:szCs",
        "w:highlight",
        "w:u",
        "w:effect",
        "w:bdr",
        "w:shd",
        "w:fitText",
        "w:vertAlign",
        "w:rtl",
        "w:cs",
        "w:em",
        "w:lang",
        "w:eastAsianLayout",
        "w:specVanish",
        "w:oMath"}},
      {"w:sectPr",
       {"w:headerReference", "w:footerReference", "w:footnotePr", "w:endnotePr", "w:type", "w:pgSz",
        "w:pgMar", "w:paperSrc", "w:pgBorders", "w:lnNumType", "w:pgNumType", "w:cols", "w:titlePg",
        "w:docGrid"}},
      {"w:styles", {"w:docDefaults", "w:latentStyles", "w:style"}},
      {"w:docDefaults", {"w:rPrDefault", "w:pPrDefault"}},
      {"w:style",
       {"w:name", "w:aliases", "w:basedOn", "w:next", "w:link", "w:autoRedefine", "w:hidden",
        "w:uiPriority", "w:semiHidden", "w:unhideWhenUsed", "w:qFormat", "w:locked", "w:pPr",
        "w:rPr"}},
      {"w:settings",
       {"w:zoom", "w:defaultTabStop", "w:characterSpacingControl", "w:compat", "w:themeFontLang",
        "w:decimalSymbol", "w:listSeparator"}},
      {"w:drawing", {"wp:inline"}},
      {"wp:inline",
       {"wp:extent", "wp:effectExtent", "wp:docPr", "wp:cNvGraphicFramePr", "a:graphic"}},
      {"a:graphic", {"a:graphicData"}},
      {"a:graphicData", {"pic:pic"}},
      {"pic:pic", {"pic:nvPicPr", "pic:blipFill", "pic:spPr"}},
      {"pic:nvPicPr", {"pic:cNvPr", "pic:cNvPicPr"}},
      {"pic:blipFill", {"a:blip", "a:srcRect", "a:stretch"}},
      {"a:stretch", {"a:fillRect"}},
      {"pic:spPr", {"a:xfrm", "a:prstGeom"}},
      {"a:xfrm", {"a:off", "a:ext"}},
      {"a:prstGeom", {"a:avLst"}},
  };
  return sequences;
}

// The first element that is not known in its parent or stands too late, or "".
std::string OutOfOrder(const pugi::xml_node& node) {
  const auto sequence = Sequences().find(node.name());
  size_t reached = 0;
  for (const pugi::xml_node& child : node) {
    if (child.type() != pugi::node_element) continue;
    if (sequence != Sequences().end()) {
      const std::vector<std::string>& order = sequence->second;
      const auto found = std::ranges::find(order, child.name());
      const auto place = static_cast<size_t>(found - order.begin());
      if (found == order.end() || place < reached) return child.path();
      reached = place;
    }
    if (std::string deeper = OutOfOrder(child); !deeper.empty()) return deeper;
  }
  return "";
}

TEST(RenderDocx, HasItsElementsInTheOrderOfTheSchema) {
  const Package package = Unpack(Rendered(WithFigures()));
  for (const char* part : {"word/document.xml", "word/styles.xml", "word/settings.xml"}) {
    EXPECT_EQ(OutOfOrder(Parsed(package.parts.at(part))), "") << part;
  }
  // The check itself sees an order that is wrong, and an element that is not known.
  EXPECT_NE(OutOfOrder(Parsed("<w:pPr><w:jc/><w:ind/></w:pPr>")), "");
  EXPECT_NE(OutOfOrder(Parsed("<w:rPr><w:bold/></w:rPr>")), "");
}

}  // namespace
}  // namespace crumb::article
