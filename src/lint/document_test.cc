#include "lint/document.h"

#include <gtest/gtest.h>
#include <zip.h>

#include <string>

#include "base/files.h"
#include "base/sha256.h"
#include "base/temporary_folder_for_test.h"
#include "lint/rule.h"
#include "lint/sample.h"
#include "lint/trace.h"

namespace crumb::lint {
namespace {

std::string Wordfile(const std::string& body) {
  const std::string part =
      R"(<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="w"><w:body>)" + body +
      "</w:body></w:document>";
  zip_error_t error;
  zip_source_t* target = zip_source_buffer_create(nullptr, 0, 0, &error);
  zip_source_keep(target);
  zip_t* zip = zip_open_from_source(target, ZIP_TRUNCATE, &error);
  zip_file_add(zip, "word/document.xml", zip_source_buffer(zip, part.data(), part.size(), 0), 0);
  zip_close(zip);
  zip_source_open(target);
  zip_stat_t info;
  zip_source_stat(target, &info);
  std::string bytes(info.size, '\0');
  zip_source_read(target, bytes.data(), bytes.size());
  zip_source_close(target);
  zip_source_free(target);
  return bytes;
}

TEST(ReadText, TakesMarksAwayAndKeepsPositions) {
  const Result<Document> document =
      ReadText("题目\r\n\r\n### 一、开始\n　　这是**重点**，完。\n", "t");
  ASSERT_TRUE(document.ok());
  ASSERT_EQ(document->blocks.size(), 3u);
  EXPECT_EQ(document->blocks[0].kind, BlockKind::kTitle);
  EXPECT_EQ(document->blocks[1].kind, BlockKind::kHeading);
  const Block& block = document->blocks[2];
  EXPECT_EQ(block.text, "这是重点，完。");
  EXPECT_EQ(block.lead, "　　");
  ASSERT_EQ(block.bold.size(), 1u);
  EXPECT_EQ(block.text.substr(block.bold[0].begin, 6), "重点");
  EXPECT_EQ(block.At(block.text.find("完")).line, 4);
  EXPECT_EQ(block.At(block.text.find("完")).column, 12);
  EXPECT_EQ(NormalizedText(*document), "题目\n一、开始\n这是重点，完。");
}

TEST(ReadText, RefusesWhatIsNotUtf8InOneLine) {
  for (const std::string& bytes : {std::string("\xff\xfe好"), std::string("a\0b", 3)}) {
    const Result<Document> document = ReadText(bytes, "bad.txt");
    ASSERT_FALSE(document.ok());
    EXPECT_EQ(document.status().code(), StatusCode::kCorrupt);
    EXPECT_TRUE(document.status().message().starts_with("bad.txt:1"));
  }
}

TEST(ReadText, RefusesAnEmptyOrEndlessArticle) {
  EXPECT_EQ(ReadText("\n \n", "t").status().code(), StatusCode::kCorrupt);
  std::string text(kMaxCharacters, 'a');
  EXPECT_TRUE(ReadText(text, "t").ok());
  text += "a";
  EXPECT_EQ(ReadText(text, "t").status().code(), StatusCode::kCorrupt);
}

TEST(ReadHtml, ReadsTheMarkedArticleAsItsText) {
  const Result<Document> html = ReadHtml(
      "<!DOCTYPE html><html><head><title>x</title><style>p{}</style></head><body>\n"
      "<button>复制</button><section id=\"crumb-article\"><h1>题目</h1><h2>一、开始</h2>\n"
      "<p style=\"color:#333\">　　这是<strong>重点</strong>，完。</p></section><script>1</script>",
      "t");
  ASSERT_TRUE(html.ok()) << html.status().message();
  EXPECT_EQ(NormalizedText(*html), "题目\n一、开始\n这是重点，完。");
  EXPECT_EQ(html->blocks[2].lead, "　　");
  EXPECT_EQ(html->blocks[2].bold.size(), 1u);
  EXPECT_EQ(html->blocks[2].At(0).line, 3);
  for (const Feature& feature : html->features) EXPECT_NE(feature.name, "script");
}

TEST(ReadHtml, TellsBothWaysOfIndenting) {
  const Result<Document> html = ReadHtml(
      "<p style=\"text-indent: 2em\">一段。</p><p style=\"text-indent:4em\">二段。</p>", "t");
  ASSERT_TRUE(html.ok());
  EXPECT_TRUE(html->blocks[0].style_indent);
  EXPECT_FALSE(html->blocks[0].odd_indent);
  EXPECT_TRUE(html->blocks[1].odd_indent);
}

TEST(ReadHtml, BearsDeepNestingAndBrokenMarkup) {
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "<b><div>";
  EXPECT_TRUE(ReadHtml(deep + "字", "t").ok());
  EXPECT_TRUE(ReadHtml("<p>字<", "t").ok());
  EXPECT_FALSE(ReadHtml("", "t").ok());
  EXPECT_FALSE(ReadHtml("\xff", "t").ok());
}

TEST(ReadDocx, ReadsStylesIndentsAndRuns) {
  const std::string bytes = Wordfile(
      R"(<w:p><w:pPr><w:pStyle w:val="Title"/></w:pPr><w:r><w:t>题目</w:t></w:r></w:p>)"
      R"(<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>一、开始</w:t></w:r></w:p>)"
      R"(<w:p><w:pPr><w:ind w:firstLineChars="200" w:firstLine="480"/></w:pPr><w:r><w:t>这是</w:t></w:r>)"
      R"(<w:r><w:rPr><w:b/></w:rPr><w:t>重点</w:t></w:r><w:r><w:rPr><w:i/></w:rPr><w:t>，完。</w:t></w:r></w:p>)");
  const Result<Document> docx = ReadDocx(bytes, "t");
  ASSERT_TRUE(docx.ok()) << docx.status().message();
  EXPECT_EQ(NormalizedText(*docx), "题目\n一、开始\n这是重点，完。");
  EXPECT_TRUE(docx->blocks[2].style_indent);
  EXPECT_EQ(docx->blocks[2].At(0).line, 3);
  ASSERT_EQ(docx->features.size(), 1u);
  EXPECT_EQ(docx->features[0].name, "italic");
}

TEST(ReadDocx, TakesTheLineBelowAFigureForItsCaptionAndNoOther) {
  const std::string caption =
      R"(<w:p><w:pPr><w:pStyle w:val="Caption"/></w:pPr><w:r><w:t>各版本的内存</w:t></w:r></w:p>)";
  const std::string bytes =
      Wordfile(R"(<w:p><w:pPr><w:pStyle w:val="Title"/></w:pPr><w:r><w:t>题目</w:t></w:r></w:p>)" +
               caption + "<w:p><w:r><w:drawing/></w:r></w:p>" + caption + caption);
  const Result<Document> docx = ReadDocx(bytes, "t");
  ASSERT_TRUE(docx.ok()) << docx.status().message();
  EXPECT_EQ(NormalizedText(*docx), "题目\n各版本的内存\n各版本的内存");
  ASSERT_EQ(docx->blocks.size(), 4u);
  EXPECT_EQ(docx->blocks[1].kind, BlockKind::kSubheading);
  EXPECT_EQ(docx->blocks[2].kind, BlockKind::kCaption);
}

TEST(ReadDocx, RefusesNoZipAndAnArchiveThatUnpacksToTooMuch) {
  EXPECT_EQ(ReadDocx("not a zip", "t").status().code(), StatusCode::kCorrupt);
  const std::string bomb = Wordfile(std::string(kMaxPartBytes + 1, ' '));
  ASSERT_LT(bomb.size(), 1u << 20);
  const Status status = ReadDocx(bomb, "t").status();
  EXPECT_EQ(status.code(), StatusCode::kCorrupt);
  EXPECT_NE(status.message().find("unpacks to more"), std::string::npos);
}

TEST(Trace, IsRefusedWithTheEntryThatIsWrong) {
  const auto message = [](const std::string& numerals) {
    return std::string(
        ParseTrace(R"({"format":"crumb-article-trace","version":1,"text_sha256":"","numerals":[)" +
                       numerals + "]}",
                   "t.json")
            .status()
            .message());
  };
  EXPECT_EQ(message(R"({"text":"1","evidence":1})"), "");
  EXPECT_NE(message(R"({"text":"1"})").find("numeral 1: give either"), std::string::npos);
  EXPECT_NE(message(R"({"text":"1","evidence":1,"scale":"x"})").find("scale"), std::string::npos);
  EXPECT_NE(message("3").find("numeral 1"), std::string::npos);
  EXPECT_EQ(ParseTrace("{}", "t").status().code(), StatusCode::kCorrupt);
}

}  // namespace
}  // namespace crumb::lint
