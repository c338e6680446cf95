#include "lint/article.h"

namespace crumb::lint {

const char* PartName(Part part) {
  constexpr std::array<const char*, kParts> kNames = {
      "scenario", "analogy and numbers", "three steps", "challenges", "use cases", "caution"};
  return kNames[static_cast<size_t>(part)];
}

Article FindSections(const Document& document) {
  Article article;
  bool in_sources = false;
  for (size_t i = 0; i < document.blocks.size(); ++i) {
    const Block& block = document.blocks[i];
    if (block.kind == BlockKind::kTitle) {
      if (!article.title.has_value()) article.title = i;
      continue;
    }
    if (block.kind == BlockKind::kHeading) {
      in_sources = block.text.ends_with("数据来源");
      const Section section{i, i + 1, i + 1};
      if (in_sources) {
        article.sources = section;
      } else {
        article.sections.push_back(section);
      }
      continue;
    }
    if (in_sources) {
      article.sources->end = i + 1;
    } else {
      if (article.sections.empty()) article.sections.push_back({std::nullopt, i, i + 1});
      article.sections.back().end = i + 1;
    }
  }
  if (article.sections.size() == kParts) {
    for (size_t i = 0; i < kParts; ++i) article.parts[i] = article.sections[i];
  }
  return article;
}

std::vector<Section> Items(const Document& document, const Section& section) {
  std::vector<Section> items;
  for (size_t i = section.begin; i < section.end; ++i) {
    if (document.blocks[i].kind == BlockKind::kSubheading) {
      items.push_back({i, i + 1, i + 1});
    } else if (!items.empty()) {
      items.back().end = i + 1;
    }
  }
  return items;
}

std::string BodyText(const Document& document, const Section& section) {
  std::string text;
  for (size_t i = section.begin; i < section.end; ++i) {
    if (document.blocks[i].IsBody()) text += document.blocks[i].text + "\n";
  }
  return text;
}

}  // namespace crumb::lint
