#include "article/outside.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "publish/study_rows.h"

namespace crumb::article {

Pieces QuarterPieces(std::string_view quarter) {
  constexpr std::string_view kNames[] = {"一", "二", "三", "四"};
  if (quarter.size() != 7 || quarter[6] < '1' || quarter[6] > '4') return {};
  Numeral numeral;
  numeral.text = fmt::format("{}年第{}季度", quarter.substr(0, 4), kNames[quarter[6] - '1']);
  numeral.closed = "quarter";
  return {{numeral.text, numeral, ""}};
}

std::string_view KindName(std::string_view kind) {
  if (kind == "public") return "公开报告";
  if (kind == "deployment") return "部署记录";
  if (kind == "audit") return "审计记录";
  return "手工登记";
}

std::string SourceName(const Evidence& row) {
  const std::string source = OptionText(row, "source");
  const bool latin = std::ranges::count_if(source, [](unsigned char c) {
                       return std::isalpha(c) != 0 && c < 0x80;
                     }) > 12;
  constexpr std::string_view kNumerals[] = {"一", "二", "三", "四", "五", "六",
                                            "七", "八", "九", "十", "两", "《"};
  const bool numeral = std::ranges::any_of(
      kNumerals, [&](std::string_view one) { return source.find(one) != std::string::npos; });
  if (source.empty() || latin || numeral ||
      source.find_first_of("0123456789#*_`|") != std::string::npos) {
    return "来源名见账本";
  }
  return source;
}

Pieces OutsidePieces(const Library& library, const Evidence& row) {
  const Entry* metric = nullptr;
  for (const Entry* entry : library.Part("metric")) {
    if (entry->Get("row") == row.metric && !entry->Get("words").empty()) metric = entry;
  }
  if (metric == nullptr) return {};
  const Scale scale = ParseScale(metric->Get("scale")).value_or(Scale::kUnit);
  Direction direction = Direction::kLevel;
  std::string_view moved = "是";
  if (scale == Scale::kPoints) {
    direction = row.value < 0 ? Direction::kLower : Direction::kHigher;
    moved = row.value < 0 ? "下降" : "上升";
  }
  const std::optional<Printed> printed = Print(scale, direction, row, nullptr);
  if (!printed.has_value()) return {};
  Pieces pieces = {{fmt::format("另有{}可以对照：", KindName(row.kind)), {}, ""}};
  std::ranges::copy(QuarterPieces(row.quarter), std::back_inserter(pieces));
  pieces.push_back(
      {fmt::format("，{}，{}{}", SourceName(row), metric->Get("words"), moved), {}, ""});
  std::ranges::copy(NumberPieces(*printed, scale, direction, row, nullptr),
                    std::back_inserter(pieces));
  pieces.push_back(
      {"。这不是本次实测，因为机器、模型和文字都不同，所以只作旁证，不和上面的数比大小。", {}, ""});
  return pieces;
}

}  // namespace crumb::article
