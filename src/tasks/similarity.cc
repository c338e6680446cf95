#include "tasks/similarity.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "eval/embedding.h"
#include "measure/statistics.h"

namespace crumb {
namespace {

constexpr int kRounds = 1000;
constexpr uint64_t kSeed = 1;

std::vector<double> People(const TaskItems& items) {
  std::vector<double> scores;
  for (const TaskItem& item : items.items) scores.push_back(item.score);
  return scores;
}

std::vector<double> Similarities(const TaskAnswers& answers) {
  std::vector<double> values;
  for (const ItemAnswer& answer : answers.of) values.push_back(answer.similarity);
  return values;
}

}  // namespace

Result<TaskAnswers> AnswerBySimilarity(Session& session, const TaskItems& items,
                                       const std::function<Status(int64_t, int64_t)>& between) {
  std::vector<std::string> sentences;
  for (const TaskItem& item : items.items) {
    sentences.insert(sentences.end(), item.contexts.begin(), item.contexts.end());
  }
  CRUMB_ASSIGN_OR_RETURN(const Embeddings embeddings,
                         EmbedSentences(session, sentences, [&](int64_t done, int64_t total) {
                           return !between || between(done, total).ok();
                         }));
  TaskAnswers answers;
  for (size_t i = 0; i < items.items.size(); ++i) {
    ItemAnswer answer;
    answer.similarity = Cosine(embeddings[2 * i], embeddings[2 * i + 1]);
    answers.of.push_back(std::move(answer));
  }
  return answers;
}

TaskScore ScoreSimilarity(const TaskItems& items, const TaskAnswers& answers) {
  const std::vector<double> people = People(items);
  const std::vector<double> values = Similarities(answers);
  TaskScore score;
  score.n = std::ssize(people);
  score.value = SpearmanCorrelation(values, people);
  score.interval = SpearmanInterval(values, people, kRounds, kSeed);
  // What the interval would come from if the correlation were normal.
  score.standard_error = (score.interval.high - score.interval.low) / (2 * kNormal975);
  return score;
}

TaskComparison CompareSimilarity(const TaskItems& items, const TaskAnswers& reference,
                                 const TaskAnswers& model) {
  const std::vector<double> people = People(items);
  const std::vector<double> a = Similarities(reference);
  const std::vector<double> b = Similarities(model);
  TaskComparison comparison;
  comparison.difference.value = SpearmanCorrelation(b, people) - SpearmanCorrelation(a, people);
  Rng rng(kSeed);
  std::vector<double> sample[3];
  for (std::vector<double>& one : sample) one.resize(people.size());
  std::vector<double> differences;
  int64_t below = 0;
  int64_t above = 0;
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < people.size(); ++i) {
      const auto pick = static_cast<size_t>(rng.Below(people.size()));
      sample[0][i] = people[pick];
      sample[1][i] = a[pick];
      sample[2][i] = b[pick];
    }
    differences.push_back(SpearmanCorrelation(sample[2], sample[0]) -
                          SpearmanCorrelation(sample[1], sample[0]));
    below += differences.back() <= 0 ? 1 : 0;
    above += differences.back() >= 0 ? 1 : 0;
  }
  comparison.difference.standard_error = std::sqrt(Variance(differences));
  comparison.difference.interval = {Quantile(differences, 0.025), Quantile(differences, 0.975)};
  comparison.p =
      std::clamp(2.0 * static_cast<double>(std::min(below, above)) / kRounds, 2.0 / kRounds, 1.0);
  comparison.p_adjusted = comparison.p;
  comparison.detectable = DetectableMeanDifference(comparison.difference.standard_error);
  comparison.above_reference = comparison.difference.interval.low > 0;
  return comparison;
}

}  // namespace crumb
