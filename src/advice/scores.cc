// The four scores of the matrix, each from evidence where there is some and typed in where not.
// Only the note's anchors 10, 5 and 0 are given; between them it says nothing.
#include <fmt/format.h>

#include "advice/advice.h"

namespace crumb {
namespace {

constexpr double kTightMemory = 50e6;  // under it: 10
constexpr double kFloat16Bytes = 2;    // what a model takes for a parameter before quantizing
constexpr double kTightBudget = 0.25;  // of the reference's cost: not met by 4 bits for 16
constexpr double kMuchLoss = 5;        // points; from here 10
constexpr double kSmallModel = 100e6;  // parameters
constexpr double kLargeModel = 1e9;

Score Typed(char key, double value) { return {key, value, {"typed in", "手工给出"}, {}}; }

Result<Score> Resources(const AdviceInput& input, const StudyView* study) {
  if (input.r.has_value()) return Typed('R', *input.r);
  if (input.memory_limit.has_value()) {
    const double limit = *input.memory_limit;
    if (limit < kTightMemory) {
      return Score{'R',
                   10,
                   {fmt::format("memory of {:.4g} MB is under 50 MB", limit / 1e6),
                    fmt::format("内存{:.4g} MB，小于50 MB", limit / 1e6)},
                   {}};
    }
    if (study == nullptr || study->parameters <= 0) {
      return InvalidArgument(
          "R: a memory limit of 50 MB or more is medium or ample by the size of the model; give a "
          "study or --r");
    }
    const double bytes = study->parameters * kFloat16Bytes;
    const bool fits = bytes <= limit;
    return Score{'R',
                 fits ? 0.0 : 5.0,
                 {fmt::format("memory of {:.4g} MB {} the model at FP16 ({:.4g} MB)", limit / 1e6,
                              fits ? "holds" : "does not hold", bytes / 1e6),
                  fmt::format("内存{:.4g} MB，FP16模型（{:.4g} MB）{}", limit / 1e6, bytes / 1e6,
                              fits ? "放得下" : "放不下")},
                 study->parameter_rows};
  }
  if (input.budget.has_value() && input.reference_cost.has_value()) {
    const double share = *input.budget / *input.reference_cost;
    return Score{'R',
                 share < kTightBudget ? 10.0
                 : share < 1          ? 5.0
                                      : 0.0,
                 {fmt::format("the budget is {:.3g} % of what the reference costs", 100 * share),
                  fmt::format("预算为参照成本的{:.3g}%", 100 * share)},
                 {}};
  }
  return InvalidArgument(
      "R is not known: give --memory, --budget with --reference-cost, or --r 0 to 10");
}

Result<Score> Accuracy(const AdviceInput& input) {
  if (input.a.has_value()) return Typed('A', *input.a);
  if (!input.accepted_loss.has_value()) {
    return InvalidArgument(
        "A is not known: give --accept-loss in points of task accuracy, or --a 0 to 10");
  }
  const double loss = *input.accepted_loss;
  // Between 3 and 5 points the note says nothing: the lower anchor, since it promises less.
  const double value = loss <= 0 ? 0 : loss < kMuchLoss ? 5 : 10;
  return Score{'A',
               value,
               {loss <= 0 ? std::string("no loss is accepted: accuracy is critical")
                          : fmt::format("a loss of {:g} points of task accuracy is accepted", loss),
                loss <= 0 ? std::string("不接受损失：精度关键")
                          : fmt::format("可接受{:g}个百分点的任务精度损失", loss)},
               {}};
}

Result<Score> Size(const AdviceInput& input, const StudyView* study) {
  if (input.s.has_value()) return Typed('S', *input.s);
  if (study == nullptr || study->parameters <= 0) {
    return InvalidArgument("S is not known: give a study with its sizes, or --s 0 to 10");
  }
  const double count = study->parameters;
  return Score{'S',
               count > kLargeModel    ? 10.0
               : count >= kSmallModel ? 5.0
                                      : 0.0,
               {fmt::format("{:.3g} million parameters", count / 1e6),
                fmt::format("{:.3g}百万个参数", count / 1e6)},
               study->parameter_rows};
}

Result<Score> Hardware(const AdviceInput& input, const StudyView* study) {
  if (input.h.has_value()) return Typed('H', *input.h);
  std::string hardware = input.hardware;
  std::vector<int64_t> rows;
  std::string cpu;
  if (hardware.empty() && study != nullptr) {
    hardware = study->kernel_set == "neon" ? "arm" : "cpu";
    cpu = study->cpu_model + ", " + study->kernel_set;
    if (study->reference.speed != nullptr) rows = {study->reference.speed->id};
  }
  if (hardware.empty()) {
    return InvalidArgument(
        "H is not known: give a study, --hardware asic|fpga|arm|cpu|gpu, or --h 0 to 10");
  }
  const bool special = hardware == "asic" || hardware == "fpga";
  const std::string_view kind = special             ? "a chip for the purpose"
                                : hardware == "arm" ? "ARM"
                                                    : "a general CPU or GPU";
  const std::string_view kind_zh = special ? "专用芯片" : hardware == "arm" ? "ARM" : "通用CPU/GPU";
  const std::string where = cpu.empty() ? std::string() : " (" + cpu + ")";
  return Score{'H',
               special             ? 10.0
               : hardware == "arm" ? 5.0
                                   : 0.0,
               {std::string(kind) + where, std::string(kind_zh) + where},
               rows};
}

}  // namespace

Result<std::vector<Score>> FillScores(const AdviceInput& input, const StudyView* study) {
  std::vector<Score> scores;
  CRUMB_ASSIGN_OR_RETURN(Score resources, Resources(input, study));
  CRUMB_ASSIGN_OR_RETURN(Score accuracy, Accuracy(input));
  CRUMB_ASSIGN_OR_RETURN(Score size, Size(input, study));
  CRUMB_ASSIGN_OR_RETURN(Score hardware, Hardware(input, study));
  for (Score* score : {&resources, &accuracy, &size, &hardware}) {
    scores.push_back(std::move(*score));
  }
  return scores;
}

}  // namespace crumb
