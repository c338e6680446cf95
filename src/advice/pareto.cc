// The versions that no other beats, and which of them three readers would take.
//
// Axes: loss (perplexity ratio or cosine), bytes of weights, speed, energy of a token, price of a
// million tokens. An axis counts where every version has it. A version is beaten when another is at
// least as good on every axis and better on one.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "advice/advice.h"

namespace crumb {
namespace {

// At most 5 % more perplexity, or a cosine of at least 0.99: as the reports judge
// (docs/reports.md).
constexpr double kKeptRatio = 0.05;
constexpr double kKeptCosine = 0.01;

// Lower is better on all.
using Axis = std::function<double(const Candidate&)>;

std::vector<Axis> AxesOf(const std::vector<Candidate>& candidates) {
  const auto all = [&](auto has) { return std::ranges::all_of(candidates, has); };
  std::vector<Axis> axes;
  if (all([](const Candidate& c) { return c.version->quality != nullptr; })) {
    axes.emplace_back([](const Candidate& c) { return LossOf(*c.version); });
  }
  if (all([](const Candidate& c) { return c.version->bytes != nullptr; })) {
    axes.emplace_back([](const Candidate& c) { return c.version->bytes->value; });
  }
  if (all([](const Candidate& c) { return c.version->speed != nullptr; })) {
    axes.emplace_back([](const Candidate& c) { return -c.version->speed->value; });
  }
  if (all([](const Candidate& c) { return c.version->energy != nullptr; })) {
    axes.emplace_back([](const Candidate& c) { return c.version->energy->value; });
  }
  if (all([](const Candidate& c) { return c.million_tokens > 0; })) {
    axes.emplace_back([](const Candidate& c) { return c.million_tokens; });
  }
  return axes;
}

bool Beats(const Candidate& a, const Candidate& b, const std::vector<Axis>& axes) {
  bool better = false;
  for (const Axis& axis : axes) {
    if (axis(a) > axis(b)) return false;
    better = better || axis(a) < axis(b);
  }
  return better;
}

// The candidate that `accept` takes with the least `axis`; nullptr when none is taken. Of equal
// ones that which beats the other: no accepted candidate beats the choice. (One that is not
// accepted may.)
const Candidate* Least(const std::vector<Candidate>& candidates,
                       const std::function<bool(const Candidate&)>& accept, const Axis& axis) {
  const std::vector<Axis> axes = AxesOf(candidates);
  const Candidate* least = nullptr;
  for (const Candidate& candidate : candidates) {
    if (!accept(candidate)) continue;
    const bool better = least == nullptr || axis(candidate) < axis(*least) ||
                        (axis(candidate) == axis(*least) && Beats(candidate, *least, axes));
    if (better) least = &candidate;
  }
  return least;
}

Words Describe(const Candidate& candidate, const StudyView& study) {
  const StudyVersion& version = *candidate.version;
  Words words;
  const auto add = [&](const std::string& en, const std::string& zh) {
    words.en += (words.en.empty() ? "" : ", ") + en;
    words.zh += (words.zh.empty() ? "" : "，") + zh;
  };
  if (version.quality != nullptr) {
    const double value = version.quality->value;
    add(fmt::format("{} {:.4g} (#{})", study.encoder ? "cosine" : "perplexity ratio", value,
                    version.quality->id),
        fmt::format("{}{:.4g}（#{}）", study.encoder ? "余弦" : "困惑度之比", value,
                    version.quality->id));
  }
  if (version.task != nullptr) {
    add(fmt::format("{:+.3g} points on {} (#{})", 100 * version.task->value, version.task->text,
                    version.task->id),
        fmt::format("{}{:+.3g}个百分点（#{}）", version.task->text, 100 * version.task->value,
                    version.task->id));
  }
  if (version.bytes != nullptr) {
    add(fmt::format("{:.4g} MB (#{})", version.bytes->value / 1e6, version.bytes->id),
        fmt::format("{:.4g} MB（#{}）", version.bytes->value / 1e6, version.bytes->id));
  }
  if (version.speed != nullptr) {
    add(fmt::format("{:.4g} {} (#{})", version.speed->value, version.speed->unit,
                    version.speed->id),
        fmt::format("{:.4g} {}（#{}）", version.speed->value, version.speed->unit,
                    version.speed->id));
  }
  if (candidate.million_tokens > 0) {
    add(fmt::format("${:.4g} a million tokens", candidate.million_tokens),
        fmt::format("每百万词元{:.4g}美元", candidate.million_tokens));
  }
  return words;
}

}  // namespace

std::vector<Candidate> Compare(const StudyView& study, double price_per_hour) {
  std::vector<Candidate> candidates;
  for (const StudyVersion& version : study.versions) {
    if (version.quality == nullptr && version.speed == nullptr) continue;
    Candidate candidate;
    candidate.version = &version;
    if (price_per_hour > 0 && version.speed != nullptr && version.speed->value > 0) {
      candidate.million_tokens = price_per_hour / (version.speed->value * 3600) * 1e6;
    }
    candidates.push_back(candidate);
  }
  const std::vector<Axis> axes = AxesOf(candidates);
  for (Candidate& candidate : candidates) {
    candidate.best = std::ranges::none_of(candidates, [&](const Candidate& other) {
      return &other != &candidate && Beats(other, candidate, axes);
    });
  }
  return candidates;
}

std::vector<Recommendation> Recommend(const AdviceInput& input, const StudyView& study,
                                      const std::vector<Candidate>& candidates,
                                      const std::vector<Override>& overrides) {
  double fewest = 0;
  for (const Override& item : overrides) {
    if (item.state == OverrideState::kApplies) {
      fewest = std::max(fewest, item.fewest_bits);
    }
  }
  // Fewer bits than an override allows are out, and so is a measured loss above what is accepted.
  const auto allowed = [&](const Candidate& c) {
    const Evidence* task = c.version->task;
    const bool loses = input.accepted_loss.has_value() && task != nullptr &&
                       -100 * task->value > *input.accepted_loss;
    return c.version->width >= fewest && !loses;
  };
  const double limit = study.encoder ? kKeptCosine : kKeptRatio;
  const auto kept = [&](const Candidate& c) {
    return allowed(c) && LossOf(*c.version, true) <= limit;
  };
  const auto bytes = [](const Candidate& c) {
    return c.version->bytes == nullptr ? 1e30 : c.version->bytes->value;
  };
  const auto fits = [&](const Candidate& c) {
    return allowed(c) && (!input.memory_limit.has_value() || bytes(c) <= *input.memory_limit);
  };
  const std::string_view quality = study.encoder ? "a cosine of 0.99" : "a perplexity within 5 %";
  const std::string_view quality_zh = study.encoder ? "余弦不低于0.99" : "困惑度上升不超过5%";
  std::vector<Recommendation> readers = {
      {{"platform engineer", "平台工程师"},
       {fmt::format("the fastest that surely keeps {}", quality),
        fmt::format("确定保持{}的最快版本", quality_zh)},
       Least(candidates, kept,
             [](const Candidate& c) {
               return c.version->speed == nullptr ? 0 : -c.version->speed->value;
             }),
       {}},
      {{"IT manager", "信息化主管"},
       {fmt::format("the smallest that surely keeps {}", quality),
        fmt::format("确定保持{}的最小版本", quality_zh)},
       Least(candidates, kept, bytes),
       {}},
      {{"frontline supervisor", "一线主管"},
       {input.memory_limit.has_value() ? "the best answers that fit the memory"
                                       : "the best answers of all versions",
        input.memory_limit.has_value() ? "放得进内存的版本中质量最好的" : "所有版本中质量最好的"},
       Least(candidates, fits, [](const Candidate& c) { return LossOf(*c.version); }),
       {}},
  };
  for (Recommendation& reader : readers) {
    if (reader.choice != nullptr) {
      reader.why = Describe(*reader.choice, study);
    } else {
      reader.why = {"no version that is allowed does; stay with the reference",
                    "允许的版本中没有符合的；保留参照版本"};
    }
  }
  return readers;
}

}  // namespace crumb
