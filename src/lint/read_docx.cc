// Word files: word/document.xml out of the zip (libzip), read with pugixml. Only what decides how a
// paragraph looks is looked at: its style, indent, runs and what is no text.
#include <fmt/format.h>
#include <zip.h>

#include <array>
#include <memory>
#include <pugixml.hpp>
#include <utility>

#include "lint/block_builder.h"
#include "lint/document.h"
#include "text/utf8.h"

namespace crumb::lint {
namespace {

constexpr int kMaxDepth = 64;
constexpr const char* kMainPart = "word/document.xml";

Result<std::string> ReadMainPart(std::string_view bytes, const std::string& name) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  zip_t* opened = source == nullptr ? nullptr : zip_open_from_source(source, ZIP_RDONLY, &error);
  if (opened == nullptr) {
    if (source != nullptr) zip_source_free(source);
    const std::string why = zip_error_strerror(&error);
    zip_error_fini(&error);
    return Corrupt(fmt::format("{}: is no Word file (a .docx is a zip archive): {}", name, why));
  }
  zip_error_fini(&error);
  const std::unique_ptr<zip_t, decltype(&zip_discard)> archive(opened, &zip_discard);
  const std::unique_ptr<zip_file_t, decltype(&zip_fclose)> file(
      zip_fopen(archive.get(), kMainPart, 0), &zip_fclose);
  if (file == nullptr) {
    return Corrupt(fmt::format("{}: is no Word file: it holds no {}", name, kMainPart));
  }
  std::string part;
  std::array<char, 1 << 16> piece;
  while (true) {
    const int64_t size = zip_fread(file.get(), piece.data(), piece.size());
    if (size < 0) return Corrupt(fmt::format("{}: {} is damaged", name, kMainPart));
    if (size == 0) return part;
    part.append(piece.data(), static_cast<size_t>(size));
    // The sizes that an archive claims are not believed.
    if (static_cast<int64_t>(part.size()) > kMaxPartBytes) {
      return Corrupt(fmt::format("{}: {} unpacks to more than {} bytes, which no article does",
                                 name, kMainPart, kMaxPartBytes));
    }
  }
}

class DocxReader {
 public:
  explicit DocxReader(Document& document) : document_(document) {}

  Status Walk(const pugi::xml_node& node, int depth) {
    if (depth > kMaxDepth) return Corrupt("is nested deeper than any Word file");
    for (const pugi::xml_node& child : node) {
      const std::string_view name = child.name();
      if (name == "w:p") {
        ++paragraph_;
        column_ = 1;
        builder_.Break(document_.blocks);
        ParagraphProperties(child.child("w:pPr"));
        const bool below_figure = std::exchange(has_figure_, false);
        if (!below_figure) builder_.block().caption = false;
        CRUMB_RETURN_IF_ERROR(Walk(child, depth + 1));
        builder_.Break(document_.blocks);
      } else if (name == "w:r") {
        Run(child);
      } else if (name != "w:pPr" && name != "w:sectPr") {
        if (name == "w:tbl") Add("element", "table");
        if (name == "w:hyperlink") Add("element", "a");
        CRUMB_RETURN_IF_ERROR(Walk(child, depth + 1));
      }
    }
    return OkStatus();
  }

 private:
  Position Here() const { return {std::max(1, paragraph_), column_}; }
  void Add(std::string kind, std::string name) {
    document_.features.push_back({std::move(kind), std::move(name), Here()});
  }

  void ParagraphProperties(const pugi::xml_node& properties) {
    const std::string_view style = properties.child("w:pStyle").attribute("w:val").value();
    Block& block = builder_.block();
    if (style == "Title") block.level = 1;
    if (style.starts_with("Heading")) block.level = 2;
    block.caption = style == "Caption";
    if (properties.child("w:numPr")) Add("element", "li");
    if (properties.child("w:pBdr")) Add("element", "hr");
    const pugi::xml_node indent = properties.child("w:ind");
    const std::string_view chars = indent.attribute("w:firstLineChars").value();
    const std::string_view points = indent.attribute("w:firstLine").value();
    const bool none = (chars.empty() || chars == "0") && (points.empty() || points == "0");
    block.style_indent = chars == "200";
    block.odd_indent = !none && !block.style_indent;
  }

  static bool IsOn(const pugi::xml_node& property) {
    const std::string_view value = property.attribute("w:val").value();
    return property && value != "0" && value != "false" && value != "none";
  }

  void Run(const pugi::xml_node& run) {
    const pugi::xml_node properties = run.child("w:rPr");
    if (IsOn(properties.child("w:i"))) Add("emphasis", "italic");
    if (IsOn(properties.child("w:u"))) Add("emphasis", "underline");
    if (IsOn(properties.child("w:highlight"))) Add("emphasis", "highlight");
    if (IsOn(properties.child("w:strike"))) Add("emphasis", "strike");
    const std::string_view color = properties.child("w:color").attribute("w:val").value();
    if (!color.empty() && color != "auto") Add("color", std::string(color));
    builder_.SetBold(IsOn(properties.child("w:b")));
    for (const pugi::xml_node& child : run) {
      const std::string_view name = child.name();
      if (name == "w:t") {
        const std::string text = ToValidUtf8(child.text().get());
        builder_.Text(text, Here());
        column_ += CodePoints(text);
      } else if (name == "w:tab") {
        builder_.Text("\t", Here());
        ++column_;
      } else if (name == "w:br" || name == "w:cr") {
        builder_.Break(document_.blocks);
      } else if (name == "w:drawing") {
        Add("element", "figure");  // figures belong in the Word file
        has_figure_ = true;
      }
    }
  }

  Document& document_;
  BlockBuilder builder_;
  bool has_figure_ = false;  // the paragraph that is read, and until the next one, that before
  int paragraph_ = 0;
  int column_ = 1;
};

}  // namespace

Result<Document> ReadDocx(std::string_view bytes, const std::string& name) {
  CRUMB_ASSIGN_OR_RETURN(const std::string part, ReadMainPart(bytes, name));
  pugi::xml_document xml;
  // Text runs may be white space only: an indent of their own.
  const pugi::xml_parse_result parsed =
      xml.load_buffer(part.data(), part.size(), pugi::parse_default | pugi::parse_ws_pcdata_single);
  if (!parsed) {
    return Corrupt(
        fmt::format("{}: {} byte {}: {}", name, kMainPart, parsed.offset, parsed.description()));
  }
  Document document;
  document.file = name;
  document.form = Form::kDocx;
  const pugi::xml_node body = xml.child("w:document").child("w:body");
  DocxReader reader(document);
  CRUMB_RETURN_IF_ERROR(reader.Walk(body, 0).WithContext(name));
  CRUMB_RETURN_IF_ERROR(CheckSize(document));
  Classify(document);
  return document;
}

}  // namespace crumb::lint
