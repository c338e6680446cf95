// What advice looks at in a study: each version with its quality, bytes, speed and energy.
#ifndef CRUMB_ADVICE_STUDY_VIEW_H_
#define CRUMB_ADVICE_STUDY_VIEW_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "evidence/evidence.h"

namespace crumb {

struct StudyVersion {
  std::string name;            // the ledger's subject
  double width = 0;            // nominal bits of the blocks; 32 of the reference; 0: a mixture
  bool rounded = false;        // rounded to nearest, without calibration
  bool low_embedding = false;  // embedding and head under 8 bits
  // Rows, nullptr where not measured. Of several texts the one with the largest loss.
  const Evidence* quality = nullptr;  // perplexity_ratio, of encoders embedding_cosine
  const Evidence* bytes = nullptr;    // weights in memory
  const Evidence* speed = nullptr;    // tokens (or sentences) per second
  const Evidence* energy = nullptr;
  const Evidence* task =
      nullptr;  // change of the share of right answers; of several the largest loss
};

struct StudyView {
  std::string model;
  std::string cpu_model;
  std::string kernel_set;
  bool encoder = false;
  StudyVersion reference;
  std::vector<StudyVersion> versions;  // from most to fewest bits
  double parameters = 0;               // 8 * weights / total bits; 0: not known
  std::vector<int64_t> parameter_rows;

  // Of the versions of one width the one with the least loss; nullptr when there is none.
  const StudyVersion* BestOf(double width) const;
};

// Points into `rows`, which must outlive it. kNotFound without rows of a reference; rows of two
// models are kInvalidArgument with both hashes.
Result<StudyView> ViewStudy(const std::vector<Evidence>& rows);

// What a version loses: perplexity ratio - 1, or 1 - cosine; lower is better. The upper end of its
// interval with `worst`. 1e9 where it was not measured.
double LossOf(const StudyVersion& version, bool worst = false);

// -1, 0, 1: a is slower than b, not distinguished, faster. Only intervals that do not touch decide.
int CompareSpeed(const StudyVersion& a, const StudyVersion& b);

}  // namespace crumb

#endif  // CRUMB_ADVICE_STUDY_VIEW_H_
