// Any bytes as a file of items, and every metric on whatever came out: an error or a value, never a
// crash.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "scoring/registry.h"
#include "scoring/score.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const crumb::Result<std::vector<crumb::ScoringItem>> items = crumb::ParseItems(text, "fuzz");
  if (!items.ok()) return 0;
  for (const crumb::ScorerEntry& entry : crumb::AllScorers()) {
    const crumb::Scorer scorer = *crumb::MakeScorer(entry.name == "pass@K" ? "pass@2" : entry.name);
    const crumb::Result<crumb::ScoreRows> rows = crumb::MakeRows(scorer, *items, "fuzz");
    if (rows.ok()) (void)scorer.combine(*rows);
  }
  return 0;
}
