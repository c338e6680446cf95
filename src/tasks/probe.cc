#include "tasks/probe.h"

#include <cmath>

#include "base/check.h"

namespace crumb {

std::vector<int64_t> NearestClass(const Embeddings& embeddings, std::span<const int64_t> labels,
                                  int64_t classes) {
  CRUMB_CHECK(embeddings.size() == labels.size() && !embeddings.empty() && classes >= 1);
  const size_t width = embeddings[0].size();
  const auto sums_of = [&](int64_t left_out) {
    std::vector<std::vector<double>> sums(static_cast<size_t>(classes), std::vector<double>(width));
    for (size_t i = 0; i < embeddings.size(); ++i) {
      if (static_cast<int64_t>(i) % kProbeFolds == left_out) continue;
      std::vector<double>& sum = sums[static_cast<size_t>(labels[i])];
      for (size_t d = 0; d < width; ++d) sum[d] += static_cast<double>(embeddings[i][d]);
    }
    return sums;
  };
  std::vector<int64_t> found(embeddings.size());
  for (int64_t fold = 0; fold < kProbeFolds; ++fold) {
    const std::vector<std::vector<double>> sums = sums_of(fold);
    for (size_t i = static_cast<size_t>(fold); i < embeddings.size();
         i += static_cast<size_t>(kProbeFolds)) {
      double best = -2;  // below any cosine
      for (size_t c = 0; c < sums.size(); ++c) {
        double dot = 0;
        double square = 0;
        for (size_t d = 0; d < width; ++d) {
          dot += sums[c][d] * static_cast<double>(embeddings[i][d]);
          square += sums[c][d] * sums[c][d];
        }
        const double cosine = square > 0 ? dot / std::sqrt(square) : -2;
        if (cosine > best) {
          best = cosine;
          found[i] = static_cast<int64_t>(c);
        }
      }
    }
  }
  return found;
}

Result<TaskAnswers> AnswerByProbe(Session& session, const TaskItems& items,
                                  const std::function<Status(int64_t, int64_t)>& between) {
  std::vector<std::string> sentences;
  std::vector<int64_t> labels;
  int64_t classes = 0;
  for (const TaskItem& item : items.items) {
    sentences.push_back(item.contexts[0]);
    labels.push_back(item.gold);
    classes = std::max(classes, static_cast<int64_t>(item.choices.size()));
  }
  CRUMB_ASSIGN_OR_RETURN(const Embeddings embeddings,
                         EmbedSentences(session, sentences, [&](int64_t done, int64_t total) {
                           return !between || between(done, total).ok();
                         }));
  TaskAnswers answers;
  answers.of.resize(items.items.size());
  const std::vector<int64_t> found = NearestClass(embeddings, labels, classes);
  for (size_t i = 0; i < found.size(); ++i) answers.of[i].label = found[i];
  return answers;
}

}  // namespace crumb
