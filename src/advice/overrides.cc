// What the sum can not say: it adds four scores, so that a 0 where it matters is outweighed by tens
// elsewhere. Each override stands by its name beside the total and never changes it.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "advice/advice.h"

namespace crumb {
namespace {

struct Field {
  std::string_view name;
  std::string_view english;
  std::string_view chinese;
  double fewest_bits;  // of the widths that the note names for it
};
constexpr Field kFields[] = {
    {"medical", "medical diagnosis: FP32 or INT8", "医疗诊断：FP32或INT8", 8},
    {"driving", "autonomous driving: FP32 or FP16", "自动驾驶：FP32或FP16", 16},
    {"finance", "financial risk: FP32 or INT8", "金融风控：FP32或INT8", 8},
    {"legal", "legal documents: FP16 or INT8", "法律文档：FP16或INT8", 8},
};
constexpr Field kTasks[] = {
    {"code", "writing code: syntax must be exact", "代码生成：语法须精确", 4},
    {"proof", "mathematical proof: one wrong step breaks it", "数学证明：一步错即断", 4},
    {"cryptography", "cryptography: no error is allowed", "密码学计算：不容误差", 32},
};

Override FromTable(std::string_view name, std::string_view name_zh, std::span<const Field> table,
                   std::string_view key, const Words& none) {
  Override result{name, name_zh, OverrideState::kDoesNotApply, 0, none, {}};
  for (const Field& field : table) {
    if (field.name != key) continue;
    result.state = OverrideState::kApplies;
    result.fewest_bits = field.fewest_bits;
    result.why = {std::string(field.english), std::string(field.chinese)};
  }
  return result;
}

Override FromScore(std::string_view name, std::string_view name_zh, const Score& score,
                   double fewest_bits, const Words& yes, const Words& no) {
  const bool applies = score.value == 0;
  return {name,
          name_zh,
          applies ? OverrideState::kApplies : OverrideState::kDoesNotApply,
          applies ? fewest_bits : 0,
          applies ? yes : no,
          score.rows};
}

// Two bits are worth their loss only where they are faster than four bits here.
Override Speed(const StudyView* study) {
  Override result{"measured-speed",
                  "实测速度",
                  OverrideState::kNotMeasured,
                  0,
                  {"the speed of 2 bits and 4 bits was not measured on this machine",
                   "本机没有测过2位与4位的速度"},
                  {}};
  if (study == nullptr) return result;
  const StudyVersion* two = study->BestOf(2);
  const StudyVersion* four = study->BestOf(4);
  if (two == nullptr || four == nullptr || two->speed == nullptr || four->speed == nullptr) {
    return result;
  }
  const int order = CompareSpeed(*two, *four);
  const double ratio = two->speed->value / four->speed->value;
  result.rows = {two->speed->id, four->speed->id};
  result.state = order > 0 ? OverrideState::kDoesNotApply : OverrideState::kApplies;
  result.fewest_bits = order > 0 ? 0 : 4;
  const std::string_view how = order > 0 ? "faster" : order < 0 ? "slower" : "not distinguished";
  const std::string_view how_zh = order > 0 ? "更快" : order < 0 ? "更慢" : "分不出快慢";
  result.why = {
      fmt::format("{} runs at {:.3g}x the speed of {} on this machine: {}{}", two->name, ratio,
                  four->name, how,
                  order > 0 ? ", whatever H says" : "; without a gain in speed, 4 bits lose less"),
      fmt::format("本机上{}的速度是{}的{:.3g}倍：{}{}", two->name, four->name, ratio, how_zh,
                  order > 0 ? "，与H的得分无关" : "；速度没有收益时，4位损失更小")};
  return result;
}

}  // namespace

std::vector<Override> FindOverrides(const AdviceInput& input, const StudyView* study,
                                    const std::vector<Score>& scores) {
  return {
      FromScore(
          "accuracy-critical", "精度关键", scores[1], 8,
          {"A is 0: no loss is accepted, so 8 bits at the fewest", "A为0：不接受损失，最低8位"},
          {"some loss is accepted", "可接受一定损失"}),
      FromScore("small-model", "小模型", scores[2], 4,
                {"S is 0: no capacity to spare; 8 bits first, 4 at the fewest",
                 "S为0：没有冗余容量；先用8位，最低4位"},
                {"the model has 100 million parameters or more", "模型不少于一亿参数"}),
      Speed(study),
      FromTable("high-risk-field", "高风险领域", kFields, input.field,
                {"no field with high risk was named", "未指明高风险领域"}),
      FromTable("exact-memory", "精确记忆任务", kTasks, input.task,
                {"no task of exact memory was named", "未指明精确记忆任务"}),
  };
}

Words ExplainContradiction(double total, const std::vector<Score>& scores,
                           const std::vector<Override>& overrides) {
  const MatrixBand& band = BandOf(total);
  const Override* strictest = nullptr;
  Words names;
  size_t count = 0;
  for (const Override& item : overrides) {
    if (item.state != OverrideState::kApplies) continue;
    if (item.fewest_bits <= band.fewest_bits) continue;
    names.en += (count > 0 ? ", " : "") + std::string(item.name);
    names.zh += (count > 0 ? "、" : "") + std::string(item.name_zh);
    ++count;
    if (strictest == nullptr || item.fewest_bits > strictest->fewest_bits) {
      strictest = &item;
    }
  }
  if (strictest != nullptr) {
    return {
        fmt::format("The total of {:g} says \"{}\" because a sum lets high scores outweigh a low "
                    "one; {} allow{} no fewer than {:g} bits, and that counts.",
                    total, band.english, names.en, count == 1 ? "s" : "", strictest->fewest_bits),
        fmt::format(
            "总分{:g}给出“{}”，是因为求和让高分盖过低分；而{}要求不低于{:g}位，应以此为准。", total,
            band.chinese, names.zh, strictest->fewest_bits)};
  }
  // The other way round: the matrix knows kinds of hardware, the measurement knows this one.
  const auto speed =
      std::ranges::find(overrides, std::string_view("measured-speed"), &Override::name);
  const double with_gain = total - scores[3].value + 10;
  if (speed == overrides.end() || speed->rows.empty() ||
      speed->state != OverrideState::kDoesNotApply || &BandOf(with_gain) == &band) {
    return {};
  }
  return {fmt::format(
              "The total of {:g} says \"{}\" because H is {:g} for this kind of hardware; 2 bits "
              "were measured to be faster than 4 here, and with H at 10 the total of {:g} would "
              "say \"{}\".",
              total, band.english, scores[3].value, with_gain, BandOf(with_gain).english),
          fmt::format("总分{:g}给出“{}”，是因为这类硬件的H只有{:g}"
                      "分；而本机实测2位快于4位，H若为10则总分{:g}，即“{}”。",
                      total, band.chinese, scores[3].value, with_gain, BandOf(with_gain).chinese)};
}

}  // namespace crumb
