// The note's four pitfalls as checks of what was measured: hardware that gains nothing, few bits
// without training, one width for everything, effort on a model that is small already.
#include <fmt/format.h>

#include <algorithm>

#include "advice/advice.h"

namespace crumb {
namespace {

constexpr double kBroken = 1.0;  // a perplexity twice that of the reference, as loss
constexpr double kLowest = 2;    // bits from which on training is said to be needed

Pitfall Missing(std::string_view name, std::string_view name_zh) {
  return {name,
          name_zh,
          CheckState::kNotMeasured,
          {"not measured: needs a study", "未测：需要一次研究"},
          {}};
}

Pitfall Hardware(const StudyView& study) {
  Pitfall check = Missing("hardware", "硬件不支持");
  const StudyVersion* fastest = nullptr;
  for (const StudyVersion& version : study.versions) {
    if (version.width == 0 || version.width > 4 || version.speed == nullptr) continue;
    if (fastest == nullptr || version.speed->value > fastest->speed->value) fastest = &version;
  }
  if (fastest == nullptr || study.reference.speed == nullptr) return check;
  const bool gains = CompareSpeed(*fastest, study.reference) > 0;
  const double ratio = fastest->speed->value / study.reference.speed->value;
  check.state = gains ? CheckState::kGood : CheckState::kWarning;
  check.rows = {fastest->speed->id, study.reference.speed->id};
  check.why = {
      fmt::format("the fastest version of at most 4 bits, {}, runs at {:.3g}x the reference{}",
                  fastest->name, ratio, gains ? "" : ": no gain on this machine"),
      fmt::format("不超过4位的最快版本{}，速度为参照的{:.3g}倍{}", fastest->name, ratio,
                  gains ? "" : "：本机上没有收益")};
  return check;
}

Pitfall Training(const StudyView& study) {
  Pitfall check = Missing("training", "未经训练");
  const StudyVersion* best = nullptr;
  for (const StudyVersion& version : study.versions) {
    if (version.width == 0 || version.width > kLowest || version.quality == nullptr) continue;
    if (best == nullptr || LossOf(version) < LossOf(*best)) best = &version;
  }
  if (best == nullptr) return check;
  const bool broken = LossOf(*best, true) > (study.encoder ? 0.3 : kBroken);
  check.state = broken ? CheckState::kWarning : CheckState::kGood;
  check.rows = {best->quality->id};
  check.why = {
      fmt::format("the best version of at most 2 bits, {}, has {} {:.3g}{}", best->name,
                  study.encoder ? "a cosine of" : "a perplexity ratio of", best->quality->value,
                  broken ? ": it needs training, or more bits" : ", without training"),
      fmt::format("不超过2位的最好版本{}，{}{:.3g}{}", best->name,
                  study.encoder ? "余弦相似度" : "困惑度之比", best->quality->value,
                  broken ? "：需要训练或更多位" : "，未经训练")};
  return check;
}

// The same width with the embedding and head at 8 bits and at the width itself.
Pitfall Mixed(const StudyView& study) {
  Pitfall check = Missing("mixed-precision", "忽略混合精度");
  for (const StudyVersion& low : study.versions) {
    if (!low.low_embedding || low.quality == nullptr || low.width == 0 || low.width > 4) continue;
    const StudyVersion* kept = nullptr;
    for (const StudyVersion& version : study.versions) {
      if (version.width == low.width && !version.low_embedding && version.rounded == low.rounded &&
          version.quality != nullptr) {
        kept = &version;
      }
    }
    if (kept == nullptr) continue;
    const bool matters = LossOf(low) > LossOf(*kept);
    check.state = matters ? CheckState::kWarning : CheckState::kGood;
    check.rows = {low.quality->id, kept->quality->id};
    check.why = {
        fmt::format("{} {} than {}: {}", low.name, matters ? "loses more" : "loses no more",
                    kept->name, matters ? "keep embedding and head at 8 bits" : "it may stay"),
        fmt::format("{}{}{}：{}", low.name, matters ? "的损失大于" : "的损失不大于", kept->name,
                    matters ? "嵌入与输出层应保留8位" : "可以使用")};
    if (matters) return check;
  }
  if (check.state != CheckState::kNotMeasured) return check;
  // No version has them lower: the pitfall is avoided.
  const auto low = std::ranges::find_if(study.versions, &StudyVersion::low_embedding);
  if (!study.versions.empty() && low == study.versions.end()) {
    check.state = CheckState::kGood;
    check.why = {"every version keeps embedding and head at 8 bits",
                 "所有版本的嵌入与输出层都保留8位"};
  }
  return check;
}

Pitfall Small(const StudyView& study, const Score& size) {
  Pitfall check = Missing("small-model", "过度优化小模型");
  const StudyVersion* four = study.BestOf(4);
  if (study.reference.bytes == nullptr || four == nullptr || four->bytes == nullptr) return check;
  const double saved = study.reference.bytes->value - four->bytes->value;
  check.state = size.value == 0 ? CheckState::kWarning : CheckState::kGood;
  check.rows = {study.reference.bytes->id, four->bytes->id};
  check.why = {fmt::format("{} saves {:.3g} MB of {:.3g} MB{}", four->name, saved / 1e6,
                           study.reference.bytes->value / 1e6,
                           size.value == 0 ? ": the work may cost more than that is worth" : ""),
               fmt::format("{}节省{:.3g} MB（共{:.3g} MB）{}", four->name, saved / 1e6,
                           study.reference.bytes->value / 1e6,
                           size.value == 0 ? "：工程成本可能超过收益" : "")};
  return check;
}

}  // namespace

std::vector<Pitfall> CheckPitfalls(const StudyView* study, const std::vector<Score>& scores) {
  if (study == nullptr) {
    return {Missing("hardware", "硬件不支持"), Missing("training", "未经训练"),
            Missing("mixed-precision", "忽略混合精度"), Missing("small-model", "过度优化小模型")};
  }
  return {Hardware(*study), Training(*study), Mixed(*study), Small(*study, scores[2])};
}

}  // namespace crumb
