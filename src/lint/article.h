// The parts of an article by their place: the opening, the analogy with its numbers, the three
// steps, the challenges, the use cases, the caution, and the sources.
#ifndef CRUMB_LINT_ARTICLE_H_
#define CRUMB_LINT_ARTICLE_H_

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "lint/document.h"

namespace crumb::lint {

enum class Part { kScenario, kAnalogy, kSteps, kChallenges, kUses, kCaution };
inline constexpr size_t kParts = 6;
const char* PartName(Part part);

// Blocks [begin, end). `heading`: its heading or subheading, if it has one.
struct Section {
  std::optional<size_t> heading;
  size_t begin = 0;
  size_t end = 0;
};

struct Article {
  std::optional<size_t> title;
  std::vector<Section> sections;  // numbered ones in order; paragraphs before the first are one too
  std::optional<Section> sources;
  // The parts by place where there are exactly six sections; empty otherwise.
  std::array<std::optional<Section>, kParts> parts;

  const std::optional<Section>& part(Part which) const { return parts[static_cast<size_t>(which)]; }
};

Article FindSections(const Document& document);

// A section cut at its subheadings; what stands before the first is left out.
std::vector<Section> Items(const Document& document, const Section& section);

// The body text of a section, a line for a block; `at` is given what block and byte the text at a
// place came from where it is needed.
std::string BodyText(const Document& document, const Section& section);

}  // namespace crumb::lint

#endif  // CRUMB_LINT_ARTICLE_H_
