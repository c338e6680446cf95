// One model's likelihood of one piece of text in the units that people publish: perplexity per
// token, per word and per byte, bits per byte and per character. They are the same number only
// where they stand for the same text: a value is converted when its counts are of the tokens that
// were scored, and refused otherwise.
//
// Words, bytes and their perplexities are those of lm-evaluation-harness (word_perplexity,
// byte_perplexity, bits_per_byte): with L the negative log-likelihood of the text in nats,
//   exp(L / words)   exp(L / bytes)   L / (bytes ln 2)
// words being the pieces between runs of white space, bytes those of UTF-8.
#ifndef CRUMB_EVAL_PERPLEXITY_UNITS_H_
#define CRUMB_EVAL_PERPLEXITY_UNITS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace crumb {

// Counts of one text, or of the part of it that was scored. 0: not known.
struct TextCounts {
  int64_t tokens = 0;
  int64_t words = 0;
  int64_t bytes = 0;
  int64_t characters = 0;
};

enum class PerplexityUnit {
  kToken,
  kWord,
  kByte,
  kBitsPerByte,
  kBitsPerCharacter,
};
// "token", "word", "byte", "bits-per-byte", "bits-per-character"; kInvalidArgument lists them.
Result<PerplexityUnit> ParsePerplexityUnit(std::string_view name);
std::string_view PerplexityUnitName(PerplexityUnit unit);

// Negative log-likelihood of the whole text, in nats, from a value in one unit and back.
// kInvalidArgument when the count that the unit divides by is not known, and when the value can be
// no perplexity (below 1) or no number of bits (below 0).
Result<double> TotalNll(double value, PerplexityUnit unit, const TextCounts& counts);
Result<double> FromTotalNll(double nll, PerplexityUnit unit, const TextCounts& counts);

// `value`, measured on the tokens that `scored` counts, in another unit. `text` counts the text
// that the result shall stand for. Exact, or refused: kInvalidArgument when the scored tokens are
// not all of the text's, since the likelihood of the others is not in the value. Counts of words,
// bytes and characters are taken from `text`.
Result<double> ConvertPerplexity(double value, PerplexityUnit from, PerplexityUnit to,
                                 int64_t scored_tokens, const TextCounts& text);

// Pieces between runs of white space as lm-evaluation-harness counts them: white space at an end
// makes an empty piece there, which counts. What is white space is Python's rule (Unicode's, and
// U+001C to U+001F).
int64_t CountWords(std::string_view text);

// Bytes that start a UTF-8 character.
int64_t CountCodePoints(std::string_view text);

}  // namespace crumb

#endif  // CRUMB_EVAL_PERPLEXITY_UNITS_H_
