#include "eval/embedding.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace crumb {
namespace {

constexpr int kBootstrapRounds = 1000;
constexpr uint64_t kBootstrapSeed = 1;

Result<std::vector<float>> EmbedSentence(Session& session, const std::string& sentence) {
  const Model& model = session.model();
  CRUMB_ASSIGN_OR_RETURN(std::vector<int32_t> tokens, model.tokenizer().Encode(sentence));
  const auto room = static_cast<size_t>(model.config().max_positions);
  if (tokens.size() > room) {
    tokens[room - 1] = tokens.back();
    tokens.resize(room);
  }
  CRUMB_ASSIGN_OR_RETURN(std::vector<float> embedding, session.Embed(tokens));
  const auto bad = std::ranges::count_if(embedding, [](float x) { return !std::isfinite(x); });
  if (bad > 0) {
    return NumericsError(fmt::format("{} of {} numbers of a sentence embedding are not finite", bad,
                                     embedding.size()));
  }
  return embedding;
}

}  // namespace

// The lengths are divided out again: an embedding's own length is 1 only up to float32 rounding.
double Cosine(std::span<const float> a, std::span<const float> b) {
  CRUMB_CHECK(a.size() == b.size());
  double dot = 0;
  double aa = 0;
  double bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const auto x = static_cast<double>(a[i]);
    const auto y = static_cast<double>(b[i]);
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa > 0 && bb > 0 ? dot / std::sqrt(aa * bb) : 0.0;
}

Result<Embeddings> EmbedSentences(Session& session, std::span<const std::string> sentences,
                                  const std::function<bool(int64_t, int64_t)>& progress) {
  Embeddings embeddings;
  const auto total = static_cast<int64_t>(sentences.size());
  for (const std::string& sentence : sentences) {
    CRUMB_ASSIGN_OR_RETURN(std::vector<float> embedding, EmbedSentence(session, sentence));
    embeddings.push_back(std::move(embedding));
    const auto done = static_cast<int64_t>(embeddings.size());
    if (progress && !progress(done, total)) {
      return Interrupted(fmt::format("stopped after {} of {} sentences", done, total));
    }
  }
  return embeddings;
}

std::vector<std::string> SentencesOf(std::span<const SentencePair> pairs) {
  std::vector<std::string> sentences;
  for (const SentencePair& pair : pairs) sentences.push_back(pair.a);
  for (const SentencePair& pair : pairs) sentences.push_back(pair.b);
  return sentences;
}

Estimate CosineAgreement(const Embeddings& reference, const Embeddings& other) {
  CRUMB_CHECK(reference.size() == other.size() && !reference.empty());
  std::vector<double> cosines;
  for (size_t i = 0; i < reference.size(); ++i) cosines.push_back(Cosine(reference[i], other[i]));
  return {.value = Mean(cosines),
          .standard_error = StandardError(cosines),
          .interval = MeanInterval(cosines)};
}

StsbScore ScoreStsb(std::span<const SentencePair> pairs, const Embeddings& embeddings) {
  CRUMB_CHECK(pairs.size() >= 2 && embeddings.size() == 2 * pairs.size());
  std::vector<double> similarity;
  std::vector<double> people;
  for (size_t i = 0; i < pairs.size(); ++i) {
    similarity.push_back(Cosine(embeddings[i], embeddings[pairs.size() + i]));
    people.push_back(pairs[i].score);
  }
  return {.spearman = SpearmanCorrelation(similarity, people),
          .interval = SpearmanInterval(similarity, people, kBootstrapRounds, kBootstrapSeed),
          .pairs = static_cast<int64_t>(pairs.size())};
}

}  // namespace crumb
