// All metrics by name. A new one is its files in this folder and one line in registry.cc.
#ifndef CRUMB_SCORING_REGISTRY_H_
#define CRUMB_SCORING_REGISTRY_H_

#include <span>
#include <string_view>

#include "base/status.h"
#include "scoring/scorer.h"

namespace crumb {

struct ScorerEntry {
  std::string_view name;     // "pass@K" stands for pass@1, pass@2, ...
  std::string_view keys;     // of an item, for people
  std::string_view summary;  // for people
  Scorer (*make)(int64_t k);
};

std::span<const ScorerEntry> AllScorers();

// kInvalidArgument lists the names there are.
Result<Scorer> MakeScorer(std::string_view name);

}  // namespace crumb

#endif  // CRUMB_SCORING_REGISTRY_H_
