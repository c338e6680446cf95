// The texts that a study reads: chapters of the Debian Reference in English and Chinese (Debian
// packages debian-reference-en, debian-reference-zh-cn), a user's file, and sentence pairs.
// docs/texts.md says what is kept of them and why.
#ifndef CRUMB_EVAL_TEXT_SOURCE_H_
#define CRUMB_EVAL_TEXT_SOURCE_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace crumb {

struct EvaluationText {
  std::string name;  // "en", "zh", or the base name of the file
  std::string
      source;  // for people: "Debian Reference (zh-cn), chapters 1-5, paragraphs mostly Han"
  std::string content;  // UTF-8, NFC not applied: the bytes as they are
  std::string sha256;   // of content
};

// `language` "en" or "zh" (else kInvalidArgument); `for_calibration` gives other chapters than
// evaluation does. The Chinese text keeps only paragraphs in which at least half of the letters are
// Han; both leave out listings, captions and fragments. Paragraphs are separated by an empty line.
// kNotFound names the Debian package to install. `root` is "/" but in tests.
Result<EvaluationText> DebianReference(const std::string& language, bool for_calibration,
                                       const std::string& root = "/");

// A user's file, UTF-8 (invalid bytes are kCorrupt with the position; an empty file too).
Result<EvaluationText> TextFile(const std::string& path);

struct SentencePair {
  std::string a;
  std::string b;
  double score = 0;  // 0 .. 5
};
// The original STS benchmark: tab-separated, no quoting; columns 5, 6, 7 are score and sentences,
// more columns are left alone. kCorrupt names the line.
Result<std::vector<SentencePair>> ReadStsb(const std::string& path);

// A data set of the folder that the environment variable CRUMB_DATA names, for example
// "stsb/sts-test.tsv". kNotFound says what to set.
Result<std::string> FindDataFile(std::string_view name);

}  // namespace crumb

#endif  // CRUMB_EVAL_TEXT_SOURCE_H_
