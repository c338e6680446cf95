// HTML through libxml2's parser as a stream of events: no tree, so neither depth nor size of a page
// can do harm. Where the page marks its article (id="crumb-article"), only that element is read.
#include <fmt/format.h>
#include <libxml/HTMLparser.h>
#include <libxml/parser.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <string>

#include "lint/block_builder.h"
#include "lint/document.h"
#include "text/utf8.h"

namespace crumb::lint {
namespace {

constexpr std::string_view kArticleId = "crumb-article";

std::string_view View(const xmlChar* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

bool IsBlockElement(std::string_view name) {
  constexpr std::array<std::string_view, 26> kNames = {
      "p",       "h1",  "h2",         "h3",     "h4",     "h5",   "h6",    "section", "div",
      "article", "li",  "ul",         "ol",     "td",     "th",   "tr",    "hr",      "br",
      "table",   "pre", "blockquote", "header", "footer", "body", "title", "tbody"};
  return std::ranges::find(kNames, name) != kNames.end();
}

// "text-indent: 2em; color:red" as pairs, without white space and in lower case.
std::vector<std::pair<std::string, std::string>> StyleEntries(std::string_view style) {
  std::vector<std::pair<std::string, std::string>> entries;
  while (!style.empty()) {
    const size_t end = std::min(style.size(), style.find(';'));
    const std::string_view entry = style.substr(0, end);
    style.remove_prefix(std::min(style.size(), end + 1));
    const size_t colon = entry.find(':');
    std::pair<std::string, std::string> pair;
    for (size_t i = 0; i < entry.size(); ++i) {
      const auto c = static_cast<unsigned char>(entry[i]);
      if (i == colon || std::isspace(c) != 0) continue;
      (i < colon ? pair.first : pair.second) += static_cast<char>(std::tolower(c));
    }
    if (!pair.first.empty()) entries.push_back(std::move(pair));
  }
  return entries;
}

class HtmlReader {
 public:
  HtmlReader(std::string_view bytes, Document& document) : bytes_(bytes), document_(document) {
    marked_ = bytes.find(fmt::format("id=\"{}\"", kArticleId)) != std::string_view::npos;
  }

  void Start(std::string_view name, const xmlChar** attributes) {
    const Position at = Here();
    ++depth_;
    if (name == "head" || name == "script" || name == "style") ++silent_;
    bool is_article = false;
    for (const xmlChar** a = attributes; a != nullptr && *a != nullptr; a += 2) {
      if (View(a[0]) == "id" && View(a[1]) == kArticleId) is_article = true;
    }
    if (is_article && article_depth_ == 0) {
      article_depth_ = depth_;
      builder_ = BlockBuilder();
      return;
    }
    if (!Inside() || name == "html" || name == "head" || name == "body") return;
    if (IsBlockElement(name)) builder_.Break(document_.blocks);
    if (name.size() == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6') {
      builder_.block().level = name[1] - '0';
    }
    if (name == "strong" || name == "b") builder_.SetBold(++bold_ > 0);
    if (silent_ == 0 || name == "script" || name == "style") {
      document_.features.push_back({"element", std::string(name), at});
    }
    for (const xmlChar** a = attributes; a != nullptr && *a != nullptr; a += 2) {
      Attribute(View(a[0]), View(a[1]), at);
    }
  }

  void End(std::string_view name) {
    if (name == "head" || name == "script" || name == "style") silent_ = std::max(0, silent_ - 1);
    if (Inside()) {
      if (name == "strong" || name == "b") {
        bold_ = std::max(0, bold_ - 1);
        builder_.SetBold(bold_ > 0);
      }
      if (IsBlockElement(name)) builder_.Break(document_.blocks);
    }
    if (article_depth_ > 0 && depth_ == article_depth_) {
      builder_.Break(document_.blocks);
      done_ = true;
    }
    --depth_;
  }

  void Text(std::string_view text) {
    if (!Inside() || silent_ > 0) return;
    // The parser stands behind what it hands over.
    Position at = Here();
    const int behind = CodePoints(text);
    at.column = std::max(1, at.column - behind);
    if (text.find('\n') != std::string_view::npos) {
      at.line = std::max(1, at.line - static_cast<int>(std::ranges::count(text, '\n')));
      at.column = 1;
    }
    // A run of ASCII white space is one space, as browsers show it.
    std::string shown;
    for (const char c : text) {
      const bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
      if (!space) {
        shown += c;
      } else if (!shown.empty() ? shown.back() != ' ' : builder_.HasText()) {
        shown += ' ';
      }
    }
    builder_.Text(shown, at);
  }

  void Finish() {
    if (!done_) builder_.Break(document_.blocks);
  }

  htmlParserCtxtPtr context = nullptr;

 private:
  bool Inside() const { return !done_ && (!marked_ || article_depth_ > 0); }

  Position Here() {
    const auto offset = static_cast<size_t>(std::max(0L, xmlByteConsumed(context)));
    const size_t end = std::min(offset, bytes_.size());
    if (end < counted_) {  // never seen; positions would only be less exact
      return here_;
    }
    for (; counted_ < end; ++counted_) {
      const char c = bytes_[counted_];
      if (c == '\n') {
        ++here_.line;
        here_.column = 1;
      } else if ((c & 0xC0) != 0x80) {
        ++here_.column;
      }
    }
    return here_;
  }

  void Attribute(std::string_view name, std::string_view value, Position at) {
    if (name != "style") {
      document_.features.push_back({"attribute", std::string(name), at});
      return;
    }
    for (const auto& [key, what] : StyleEntries(value)) {
      if (key == "text-indent") {
        (what == "2em" ? builder_.block().style_indent : builder_.block().odd_indent) =
            what != "0" && what != "0em" && what != "0px";
      }
      document_.features.push_back({"style", key, at});
      if (key == "font-style" && what != "normal") {
        document_.features.push_back({"emphasis", "italic", at});
      } else if (key == "color") {
        document_.features.push_back({"color", what, at});
      }
    }
  }

  std::string_view bytes_;
  Document& document_;
  BlockBuilder builder_;
  size_t counted_ = 0;
  Position here_;
  int depth_ = 0;
  int article_depth_ = 0;
  int silent_ = 0;
  int bold_ = 0;
  bool marked_ = false;
  bool done_ = false;
};

HtmlReader& Reader(void* user) { return *static_cast<HtmlReader*>(user); }

}  // namespace

Result<Document> ReadHtml(std::string_view bytes, const std::string& name) {
  if (!IsValidUtf8(bytes) || bytes.find('\0') != std::string_view::npos) {
    return Corrupt(fmt::format("{}: is not UTF-8 text; save the page as UTF-8", name));
  }
  Document document;
  document.file = name;
  document.form = Form::kHtml;
  HtmlReader reader(bytes, document);
  htmlSAXHandler handler{};
  handler.startElement = [](void* user, const xmlChar* tag, const xmlChar** attributes) {
    Reader(user).Start(View(tag), attributes);
  };
  handler.endElement = [](void* user, const xmlChar* tag) { Reader(user).End(View(tag)); };
  handler.characters = [](void* user, const xmlChar* text, int length) {
    Reader(user).Text({reinterpret_cast<const char*>(text), static_cast<size_t>(length)});
  };
  handler.ignorableWhitespace = handler.characters;
  const std::unique_ptr<htmlParserCtxt, decltype(&htmlFreeParserCtxt)> context(
      htmlCreatePushParserCtxt(&handler, &reader, nullptr, 0, nullptr, XML_CHAR_ENCODING_UTF8),
      &htmlFreeParserCtxt);
  if (context == nullptr) return InternalError("no memory for an HTML parser");
  reader.context = context.get();
  htmlCtxtUseOptions(context.get(), HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                        HTML_PARSE_NONET);
  htmlParseChunk(context.get(), bytes.data(), static_cast<int>(bytes.size()), 0);
  htmlParseChunk(context.get(), nullptr, 0, 1);
  reader.Finish();
  CRUMB_RETURN_IF_ERROR(CheckSize(document));
  for (Block& block : document.blocks) block.text = ToValidUtf8(block.text);
  Classify(document);
  return document;
}

}  // namespace crumb::lint
