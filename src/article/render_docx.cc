#include "article/render_docx.h"

#include <fmt/format.h>

#include <algorithm>
#include <pugixml.hpp>
#include <sstream>

#include "article/zip_parts.h"
#include "text/utf8.h"

namespace crumb::article {
namespace {

constexpr std::string_view kStyles =
#include "article/docx_styles.inc"
    ;
constexpr std::string_view kSettings =
    R"xml(<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<w:settings xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">
<w:zoom w:percent="100"/>
<w:defaultTabStop w:val="420"/>
<w:characterSpacingControl w:val="compressPunctuation"/>
<w:compat><w:compatSetting w:name="compatibilityMode" w:uri="http://schemas.microsoft.com/office/word" w:val="15"/></w:compat>
<w:themeFontLang w:val="en-US" w:eastAsia="zh-CN"/>
<w:decimalSymbol w:val="."/>
<w:listSeparator w:val=","/>
</w:settings>
)xml";
constexpr std::string_view kPackageRelations =
    R"xml(<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>
<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties" Target="docProps/core.xml"/>
</Relationships>
)xml";

constexpr const char* kMain = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
constexpr const char* kRelationships =
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
constexpr const char* kDrawing =
    "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing";
constexpr const char* kGraphic = "http://schemas.openxmlformats.org/drawingml/2006/main";
constexpr const char* kPicture = "http://schemas.openxmlformats.org/drawingml/2006/picture";
constexpr const char* kPackageRelationships =
    "http://schemas.openxmlformats.org/package/2006/relationships";

// Twentieths of a point: A4, and the margins that Word uses for Chinese.
constexpr int kPageWidth = 11906;
constexpr int kPageHeight = 16838;
constexpr int kSideMargin = 1800;
constexpr int kTopMargin = 1440;
constexpr int64_t kFontSize = 240;  // 12 points, as docx_styles.inc says in half points
constexpr int64_t kEmuPerTwentieth = 635;
// Of the text's height; a figure higher than that would push all else from its page.
constexpr double kFigureShare = 0.34;

std::string Clean(std::string_view text) {
  std::string clean = ToValidUtf8(text);
  std::erase_if(clean, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  // The two code points of three bytes that XML excludes.
  return ReplaceAll(ReplaceAll(clean, "\xef\xbf\xbe", ""), "\xef\xbf\xbf", "");
}

void Set(pugi::xml_node node, const char* name, const std::string& value) {
  node.append_attribute(name).set_value(value.c_str());
}
void Set(pugi::xml_node node, const char* name, int64_t value) {
  node.append_attribute(name).set_value(static_cast<long long>(value));
}

std::string Saved(const pugi::xml_document& xml) {
  std::ostringstream out;
  xml.save(out, "", pugi::format_raw);
  return out.str();
}

void Declare(pugi::xml_document& xml) {
  pugi::xml_node declaration = xml.append_child(pugi::node_declaration);
  Set(declaration, "version", "1.0");
  Set(declaration, "encoding", "UTF-8");
  Set(declaration, "standalone", "yes");
}

// Adds <w:r> with text; elements of rPr stand in the order of CT_RPr.
void AddRun(pugi::xml_node paragraph, const std::string& text, bool bold) {
  pugi::xml_node run = paragraph.append_child("w:r");
  pugi::xml_node properties = run.append_child("w:rPr");
  // Quotation marks belong to both scripts; this makes them Chinese.
  Set(properties.append_child("w:rFonts"), "w:hint", "eastAsia");
  if (bold) {
    properties.append_child("w:b");
    properties.append_child("w:bCs");
  }
  pugi::xml_node content = run.append_child("w:t");
  Set(content, "xml:space", "preserve");
  content.text().set(Clean(text).c_str());
}

const char* StyleOf(BlockKind kind) {
  switch (kind) {
    case BlockKind::kTitle:
      return "Title";
    case BlockKind::kHeading:
      return "Heading1";
    case BlockKind::kSubheading:
      return "Heading2";
    case BlockKind::kParagraph:
      break;
  }
  return nullptr;
}

pugi::xml_node AddParagraph(pugi::xml_node body, const char* style) {
  pugi::xml_node paragraph = body.append_child("w:p");
  if (style != nullptr) {
    Set(paragraph.append_child("w:pPr").append_child("w:pStyle"), "w:val", style);
  }
  return paragraph;
}

void AddBlock(pugi::xml_node body, const Block& block) {
  const char* style = StyleOf(block.kind);
  pugi::xml_node paragraph = AddParagraph(body, style);
  if (style == nullptr) {
    pugi::xml_node indent = paragraph.append_child("w:pPr").append_child("w:ind");
    Set(indent, "w:firstLineChars", 200);  // hundredths of a character
    Set(indent, "w:firstLine", 2 * kFontSize);
  }
  // Titles and headings are bold by their style.
  for (const Run& run : block.runs) AddRun(paragraph, run.text, run.bold && style == nullptr);
}

struct Extent {
  int64_t width;  // EMU
  int64_t height;
};

// As wide as the text, or as high as a figure may be.
Extent ExtentOf(const Figure& figure) {
  const double ratio = static_cast<double>(figure.height_pixels) / figure.width_pixels;
  auto width = static_cast<double>((kPageWidth - 2 * kSideMargin) * kEmuPerTwentieth);
  const double highest =
      kFigureShare * static_cast<double>((kPageHeight - 2 * kTopMargin) * kEmuPerTwentieth);
  width = std::min(width, highest / ratio);
  return {static_cast<int64_t>(width), static_cast<int64_t>(width * ratio)};
}

std::string RelationOf(size_t number) { return fmt::format("rIdFigure{}", number); }

// <pic:pic> as CT_Picture has it: what it is, which bytes, where.
void AddPicture(pugi::xml_node data, const Figure& figure, size_t number, Extent extent) {
  pugi::xml_node picture = data.append_child("pic:pic");
  Set(picture, "xmlns:pic", kPicture);
  pugi::xml_node about = picture.append_child("pic:nvPicPr");
  pugi::xml_node name = about.append_child("pic:cNvPr");
  Set(name, "id", static_cast<int64_t>(number));
  Set(name, "name", figure.name + ".png");
  about.append_child("pic:cNvPicPr");
  pugi::xml_node fill = picture.append_child("pic:blipFill");
  Set(fill.append_child("a:blip"), "r:embed", RelationOf(number));
  fill.append_child("a:stretch").append_child("a:fillRect");
  pugi::xml_node shape = picture.append_child("pic:spPr");
  pugi::xml_node place = shape.append_child("a:xfrm");
  pugi::xml_node offset = place.append_child("a:off");
  Set(offset, "x", 0);
  Set(offset, "y", 0);
  pugi::xml_node size = place.append_child("a:ext");
  Set(size, "cx", extent.width);
  Set(size, "cy", extent.height);
  pugi::xml_node geometry = shape.append_child("a:prstGeom");
  Set(geometry, "prst", "rect");
  geometry.append_child("a:avLst");
}

void AddFigure(pugi::xml_node body, const Figure& figure, size_t number) {
  pugi::xml_node drawing =
      AddParagraph(body, "Figure").append_child("w:r").append_child("w:drawing");
  pugi::xml_node in_line = drawing.append_child("wp:inline");
  for (const char* side : {"distT", "distB", "distL", "distR"}) Set(in_line, side, 0);
  const Extent extent = ExtentOf(figure);
  pugi::xml_node size = in_line.append_child("wp:extent");
  Set(size, "cx", extent.width);
  Set(size, "cy", extent.height);
  pugi::xml_node about = in_line.append_child("wp:docPr");
  Set(about, "id", static_cast<int64_t>(number));
  Set(about, "name", figure.name);
  Set(about, "descr", Clean(figure.caption));
  pugi::xml_node graphic = in_line.append_child("a:graphic");
  Set(graphic, "xmlns:a", kGraphic);
  pugi::xml_node data = graphic.append_child("a:graphicData");
  Set(data, "uri", kPicture);
  AddPicture(data, figure, number, extent);
  AddRun(AddParagraph(body, "Caption"), figure.caption, false);
}

void AddPage(pugi::xml_node body) {
  pugi::xml_node section = body.append_child("w:sectPr");
  pugi::xml_node size = section.append_child("w:pgSz");
  Set(size, "w:w", kPageWidth);
  Set(size, "w:h", kPageHeight);
  pugi::xml_node margins = section.append_child("w:pgMar");
  Set(margins, "w:top", kTopMargin);
  Set(margins, "w:right", kSideMargin);
  Set(margins, "w:bottom", kTopMargin);
  Set(margins, "w:left", kSideMargin);
  Set(margins, "w:header", 851);
  Set(margins, "w:footer", 992);
  Set(margins, "w:gutter", 0);
}

std::string MainPart(const Document& document) {
  pugi::xml_document xml;
  Declare(xml);
  pugi::xml_node root = xml.append_child("w:document");
  Set(root, "xmlns:w", kMain);
  Set(root, "xmlns:r", kRelationships);
  Set(root, "xmlns:wp", kDrawing);
  pugi::xml_node body = root.append_child("w:body");
  int section = 0;
  // Figures of the section that ends, in their order; at the end all that are left.
  std::vector<bool> drawn(document.figures.size(), false);
  const auto end_section = [&](bool last) {
    for (size_t i = 0; i < document.figures.size(); ++i) {
      if (drawn[i] || (!last && document.figures[i].after_section != section)) continue;
      AddFigure(body, document.figures[i], i + 1);
      drawn[i] = true;
    }
  };
  for (const Block& block : document.blocks) {
    if (block.kind == BlockKind::kHeading) {
      if (section > 0) end_section(false);
      ++section;
    }
    AddBlock(body, block);
  }
  end_section(true);
  AddPage(body);
  return Saved(xml);
}

std::string MainRelations(const Document& document) {
  pugi::xml_document xml;
  Declare(xml);
  pugi::xml_node root = xml.append_child("Relationships");
  Set(root, "xmlns", kPackageRelationships);
  const auto add = [&](const std::string& id, const char* type, const std::string& target) {
    pugi::xml_node relation = root.append_child("Relationship");
    Set(relation, "Id", id);
    Set(relation, "Type", fmt::format("{}/{}", kRelationships, type));
    Set(relation, "Target", target);
  };
  add("rIdStyles", "styles", "styles.xml");
  add("rIdSettings", "settings", "settings.xml");
  for (size_t i = 0; i < document.figures.size(); ++i) {
    add(RelationOf(i + 1), "image", fmt::format("media/{}.png", document.figures[i].name));
  }
  return Saved(xml);
}

std::string ContentTypes(bool with_figures) {
  constexpr std::string_view kWord =
      "application/vnd.openxmlformats-officedocument.wordprocessingml";
  return fmt::format(
      R"xml(<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>{0}
<Override PartName="/word/document.xml" ContentType="{1}.document.main+xml"/>
<Override PartName="/word/styles.xml" ContentType="{1}.styles+xml"/>
<Override PartName="/word/settings.xml" ContentType="{1}.settings+xml"/>
<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>
</Types>
)xml",
      with_figures ? "\n<Default Extension=\"png\" ContentType=\"image/png\"/>" : "", kWord);
}

std::string CoreProperties(const Document& document) {
  pugi::xml_document xml;
  Declare(xml);
  pugi::xml_node root = xml.append_child("cp:coreProperties");
  Set(root, "xmlns:cp", "http://schemas.openxmlformats.org/package/2006/metadata/core-properties");
  Set(root, "xmlns:dc", "http://purl.org/dc/elements/1.1/");
  root.append_child("dc:title").text().set(Clean(document.Title()).c_str());
  std::string tags;
  for (const std::string& tag : document.tags) tags += (tags.empty() ? "" : ", ") + Clean(tag);
  if (!tags.empty()) root.append_child("cp:keywords").text().set(tags.c_str());
  root.append_child("dc:language").text().set("zh-CN");
  return Saved(xml);
}

Status CheckFigures(const std::vector<Figure>& figures) {
  for (size_t i = 0; i < figures.size(); ++i) {
    const Figure& figure = figures[i];
    const bool named = !figure.name.empty() && std::ranges::all_of(figure.name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
    const bool again = std::any_of(figures.begin(), figures.begin() + static_cast<ptrdiff_t>(i),
                                   [&](const Figure& f) { return f.name == figure.name; });
    if (!named || again) {
      return InvalidArgument(fmt::format(
          "figure \"{}\": a name is small letters, digits and -, and stands once", figure.name));
    }
    if (figure.png.empty() || figure.width_pixels <= 0 || figure.height_pixels <= 0) {
      return InvalidArgument(fmt::format("figure {}: has no picture or no size", figure.name));
    }
  }
  return OkStatus();
}

}  // namespace

Result<std::string> RenderDocx(const Document& document) {
  CRUMB_RETURN_IF_ERROR(CheckFigures(document.figures));
  std::vector<ZipPart> parts = {
      {"[Content_Types].xml", ContentTypes(!document.figures.empty())},
      {"_rels/.rels", std::string(kPackageRelations)},
      {"docProps/core.xml", CoreProperties(document)},
      {"word/document.xml", MainPart(document)},
      {"word/_rels/document.xml.rels", MainRelations(document)},
      {"word/settings.xml", std::string(kSettings)},
      {"word/styles.xml", std::string(kStyles)},
  };
  for (const Figure& figure : document.figures) {
    parts.push_back({fmt::format("word/media/{}.png", figure.name), figure.png, false});
  }
  return ZipParts(parts);
}

}  // namespace crumb::article
