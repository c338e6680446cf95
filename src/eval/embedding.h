// Encoders: how close are a model's sentence embeddings to the reference's, and how well do they
// order sentence pairs as people do (STS benchmark, Cer et al. 2017).
#ifndef CRUMB_EVAL_EMBEDDING_H_
#define CRUMB_EVAL_EMBEDDING_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "eval/text_source.h"
#include "measure/statistics.h"
#include "model/session.h"

namespace crumb {

// One vector of length 1 for each sentence, all of the same dimension.
using Embeddings = std::vector<std::vector<float>>;

// Of two embeddings of the same dimension; 0 where one is all zeros.
double Cosine(std::span<const float> a, std::span<const float> b);

// Sentences longer than the model's positions are cut, their last token ([SEP]) kept. `progress` is
// called after each sentence with (done, total); false stops with kInterrupted. kNumerics when an
// embedding is not finite.
Result<Embeddings> EmbedSentences(Session& session, std::span<const std::string> sentences,
                                  const std::function<bool(int64_t, int64_t)>& progress);

// The first sentence of every pair, then the second ones: what EmbedSentences takes for ScoreStsb.
std::vector<std::string> SentencesOf(std::span<const SentencePair> pairs);

// Mean over the sentences of the cosine between the two embeddings of each, 95 % interval by
// Student's t. REQUIRES: the same number of sentences, not 0.
Estimate CosineAgreement(const Embeddings& reference, const Embeddings& other);

struct StsbScore {
  double spearman = 0;  // of cosine similarity against people's score
  Interval interval;    // 95 %, percentile bootstrap over the pairs
  int64_t pairs = 0;
};
// `embeddings` as of SentencesOf(pairs). REQUIRES: at least 2 pairs.
StsbScore ScoreStsb(std::span<const SentencePair> pairs, const Embeddings& embeddings);

}  // namespace crumb

#endif  // CRUMB_EVAL_EMBEDDING_H_
