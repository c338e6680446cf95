// Advice for a terminal and as JSON.
#include <fmt/format.h>

#include "advice/advice.h"
#include "advice/text_lines.h"
#include "base/json.h"

namespace crumb {
namespace {

std::string Ids(const std::vector<int64_t>& rows) {
  std::string text;
  for (const int64_t id : rows) text += fmt::format("{}#{}", text.empty() ? " (" : ", ", id);
  return text.empty() ? text : text + ")";
}

std::string_view StateName(OverrideState state) {
  switch (state) {
    case OverrideState::kApplies:
      return "applies";
    case OverrideState::kDoesNotApply:
      return "does not apply";
    case OverrideState::kNotMeasured:
      break;
  }
  return "not measured";
}

std::string_view StateName(CheckState state) {
  switch (state) {
    case CheckState::kGood:
      return "good";
    case CheckState::kWarning:
      return "warning";
    case CheckState::kNotMeasured:
      break;
  }
  return "not measured";
}

std::string_view InChinese(std::string_view state) {
  if (state == "applies") return "适用";
  if (state == "does not apply") return "不适用";
  if (state == "good") return "正常";
  if (state == "warning") return "警告";
  return "未测";
}

void AddMatrix(const Advice& advice, bool zh, std::string& text) {
  for (const Score& score : advice.scores) {
    text += fmt::format("{}  {:>3g}  {}{}\n", score.key, score.value,
                        zh ? score.reason.zh : score.reason.en, Ids(score.rows));
  }
  text += fmt::format("{} {:g}: {}{}\n", zh ? "总分" : "total", advice.total, advice.band->chinese,
                      zh ? std::string() : fmt::format(" ({})", advice.band->english));
}

void AddComparison(const Advice& advice, bool zh, std::string& text) {
  if (advice.candidates.empty()) return;
  text += zh ? "\n版本比较（*：没有其他版本处处更好）\n"
             : "\nVersions (*: no other is at least as good on every axis)\n";
  text += Fit("", 2) + Fit(zh ? "版本" : "version", 26) + Fit(zh ? "质量" : "quality", 12) +
          Fit("MB", 12) + Fit(zh ? "速度" : "speed", 12) + (zh ? "百万词元" : "1M tokens") + "\n";
  for (const Candidate& candidate : advice.candidates) {
    const StudyVersion& version = *candidate.version;
    const auto cell = [](const Evidence* row, double unit) {
      return row == nullptr ? std::string("-") : fmt::format("{:.4g}", row->value / unit);
    };
    text +=
        Fit(candidate.best ? "*" : "", 2) + Fit(version.name, 25) + " " +
        Fit(cell(version.quality, 1), 12) + Fit(cell(version.bytes, 1e6), 12) +
        Fit(cell(version.speed, 1), 12) +
        (candidate.million_tokens > 0 ? fmt::format("${:.4g}", candidate.million_tokens) : "-") +
        "\n";
  }
}

}  // namespace

std::string AdviceText(const Advice& advice, std::string_view language) {
  const bool zh = language == "zh";
  std::string text;
  if (!advice.model.empty()) {
    text += fmt::format("{}  {}\n", zh ? "模型" : "model", advice.model);
  }
  AddMatrix(advice, zh, text);
  text += zh ? "\n否决项（列在总分旁，不计入总分）\n"
             : "\nOverrides (beside the total, never inside)\n";
  for (const Override& item : advice.overrides) {
    const std::string_view state = StateName(item.state);
    text += Wrapped(
        fmt::format("{}: {}{}{}{}", zh ? item.name_zh : item.name, zh ? InChinese(state) : state,
                    zh ? "。" : ". ", item.why.In(language), Ids(item.rows)),
        2);
  }
  if (!advice.contradiction.en.empty()) {
    text += "\n" + Wrapped(advice.contradiction.In(language), 0);
  }
  text += zh ? "\n四个坑\n" : "\nPitfalls\n";
  for (const Pitfall& pitfall : advice.pitfalls) {
    const std::string_view state = StateName(pitfall.state);
    text += Wrapped(fmt::format("{}: {}{}{}{}", zh ? pitfall.name_zh : pitfall.name,
                                zh ? InChinese(state) : state, zh ? "。" : ". ",
                                pitfall.why.In(language), Ids(pitfall.rows)),
                    2);
  }
  AddComparison(advice, zh, text);
  if (!advice.recommendations.empty()) text += zh ? "\n三类读者\n" : "\nFor three readers\n";
  for (const Recommendation& reader : advice.recommendations) {
    text += Wrapped(
        fmt::format("{} ({}): {}. {}", reader.reader.In(language), reader.wants.In(language),
                    reader.choice != nullptr ? reader.choice->version->name : (zh ? "无" : "none"),
                    reader.why.In(language)),
        2);
  }
  return text;
}

Json AdviceJson(const Advice& advice) {
  Json json = Json::object();
  json["format"] = "crumb-advice";
  json["version"] = 1;
  json["model"] = advice.model;
  json["scores"] = Json::array();
  for (const Score& score : advice.scores) {
    json["scores"].push_back({{"key", std::string(1, score.key)},
                              {"value", score.value},
                              {"reason", score.reason.en},
                              {"reason_zh", score.reason.zh},
                              {"ledger_ids", score.rows}});
  }
  json["total"] = advice.total;
  json["advice"] = advice.band->chinese;
  json["advice_en"] = advice.band->english;
  json["overrides"] = Json::array();
  for (const Override& item : advice.overrides) {
    json["overrides"].push_back({{"name", item.name},
                                 {"state", StateName(item.state)},
                                 {"fewest_bits", item.fewest_bits},
                                 {"why", item.why.en},
                                 {"why_zh", item.why.zh},
                                 {"ledger_ids", item.rows}});
  }
  json["contradiction"] = advice.contradiction.en;
  json["contradiction_zh"] = advice.contradiction.zh;
  json["pitfalls"] = Json::array();
  for (const Pitfall& pitfall : advice.pitfalls) {
    json["pitfalls"].push_back({{"name", pitfall.name},
                                {"state", StateName(pitfall.state)},
                                {"why", pitfall.why.en},
                                {"why_zh", pitfall.why.zh},
                                {"ledger_ids", pitfall.rows}});
  }
  json["versions"] = Json::array();
  for (const Candidate& candidate : advice.candidates) {
    const StudyVersion& version = *candidate.version;
    Json entry = {{"name", version.name}, {"pareto", candidate.best}};
    for (const auto& [key, row] :
         {std::pair{"quality", version.quality}, std::pair{"bytes", version.bytes},
          std::pair{"speed", version.speed}, std::pair{"energy", version.energy},
          std::pair{"task", version.task}}) {
      entry[key] =
          row == nullptr
              ? Json(nullptr)
              : Json({{"value", row->value}, {"metric", row->metric}, {"ledger_id", row->id}});
    }
    entry["million_tokens_usd"] =
        candidate.million_tokens > 0 ? Json(candidate.million_tokens) : Json(nullptr);
    json["versions"].push_back(std::move(entry));
  }
  json["recommendations"] = Json::array();
  for (const Recommendation& reader : advice.recommendations) {
    json["recommendations"].push_back(
        {{"reader", reader.reader.en},
         {"reader_zh", reader.reader.zh},
         {"wants", reader.wants.en},
         {"version", reader.choice == nullptr ? Json(nullptr) : Json(reader.choice->version->name)},
         {"why", reader.why.en},
         {"why_zh", reader.why.zh}});
  }
  return json;
}

}  // namespace crumb
