// For the tests of this folder: a whole article made from the linter's sample in source form, with
// bold runs, and a small picture.
#ifndef CRUMB_ARTICLE_ARTICLE_FOR_TEST_H_
#define CRUMB_ARTICLE_ARTICLE_FOR_TEST_H_

#include <string>
#include <string_view>
#include <vector>

#include "article/document.h"
#include "base/files.h"

namespace crumb::article {

inline constexpr std::string_view kTestIndent = "　　";

// `line` cut at each "**"; every second piece is bold.
inline std::vector<Run> RunsOfSource(std::string_view line) {
  std::vector<Run> runs;
  bool bold = false;
  while (true) {
    const size_t at = line.find("**");
    if (!line.substr(0, at).empty()) runs.push_back({std::string(line.substr(0, at)), bold});
    if (at == std::string_view::npos) return runs;
    line.remove_prefix(at + 2);
    bold = !bold;
  }
}

// The source form: the title, headings "一、...", other lines without indent, paragraphs indented
// by two ideographic spaces.
inline Document DocumentOfSource(std::string_view source) {
  Document document;
  while (!source.empty()) {
    const size_t end = std::min(source.size(), source.find('\n'));
    std::string_view line = source.substr(0, end);
    source.remove_prefix(std::min(source.size(), end + 1));
    if (line.empty()) continue;
    Block block;
    if (line.starts_with(kTestIndent)) {
      line.remove_prefix(kTestIndent.size());
    } else if (document.blocks.empty()) {
      block.kind = BlockKind::kTitle;
    } else {
      const bool numbered = line.substr(3).starts_with("、") || line == "数据来源";
      block.kind = numbered ? BlockKind::kHeading : BlockKind::kSubheading;
    }
    block.runs = RunsOfSource(line);
    document.blocks.push_back(std::move(block));
  }
  document.audiences = {"government staff"};
  document.sector = "government hotline";
  document.tags = {"wechat", "llm-quantization"};
  return document;
}

// Empty where the sample is not there, which tests then notice.
inline Document SampleDocument() {
  const Result<std::string> source = ReadFile(CRUMB_SOURCE_DIR "/src/lint/data/sample_article.txt");
  return DocumentOfSource(source.ok() ? *source : "");
}

// A picture of one pixel, as any PNG reader takes it.
inline std::string TinyPng() {
  constexpr unsigned char kBytes[] = {
      0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
      0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00,
      0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78,
      0xda, 0x63, 0x68, 0x00, 0x00, 0x00, 0x82, 0x00, 0x81, 0xda, 0x45, 0x08, 0x3b, 0x00,
      0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};
  return {reinterpret_cast<const char*>(kBytes), sizeof(kBytes)};
}

}  // namespace crumb::article

#endif  // CRUMB_ARTICLE_ARTICLE_FOR_TEST_H_
