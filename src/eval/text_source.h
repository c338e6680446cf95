// The texts that a study reads: chapters of the Debian Reference in English and Chinese (Debian
// packages debian-reference-en, debian-reference-zh-cn), a user's file, and sentence pairs.
#ifndef CRUMB_EVAL_TEXT_SOURCE_H_
#define CRUMB_EVAL_TEXT_SOURCE_H_

#include <string>
#include <vector>

#include "base/status.h"

namespace crumb {

struct EvaluationText {
  std::string name;  // "en", "zh", or the base name of the file
  std::string
      source;  // for people: "Debian Reference (zh-cn), chapters 1-5, paragraphs mostly Han"
  std::string content;  // UTF-8, NFC not applied: the bytes as they are
  std::string sha256;
};

// `language` "en" or "zh"; `for_calibration` gives other chapters than evaluation does. The Chinese
// text keeps only paragraphs in which at least half of the letters are Han, and the English one the
// prose paragraphs. kNotFound names the Debian package to install. `root` is "/" but in tests.
Result<EvaluationText> DebianReference(const std::string& language, bool for_calibration,
                                       const std::string& root = "/");

// A user's file, UTF-8 (invalid bytes are kCorrupt with the position).
Result<EvaluationText> TextFile(const std::string& path);

struct SentencePair {
  std::string a;
  std::string b;
  double score = 0;  // 0 .. 5
};
// The original STS benchmark: tab-separated, no quoting; columns 5, 6, 7 are score and sentences.
Result<std::vector<SentencePair>> ReadStsb(const std::string& path);

}  // namespace crumb

#endif  // CRUMB_EVAL_TEXT_SOURCE_H_
