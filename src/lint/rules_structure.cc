// The numbering of sections, their order, and what the parts hold.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "lint/families.h"
#include "lint/word_list.h"
#include "text/pattern.h"

namespace crumb::lint {
namespace {

constexpr std::array<std::string_view, 3> kSteps = {"映射", "校准", "优化"};

// 一, 二, ... 十, 十一.
std::string ChineseOrdinal(size_t n) {
  constexpr std::array<std::string_view, 11> kDigits = {"零", "一", "二", "三", "四", "五",
                                                        "六", "七", "八", "九", "十"};
  if (n <= 10) return std::string(kDigits[n]);
  return "十" + (n % 10 == 0 ? std::string() : std::string(kDigits[n % 10]));
}

bool Holds(std::string_view list, std::string_view text) {
  return !Words(list).FindAll(text).empty();
}

std::string PartText(const Subject& subject, Part part) {
  const auto& section = subject.article.part(part);
  return section.has_value() ? BodyText(subject.document, *section) : "";
}

// The block that a finding about a whole part points to.
size_t Anchor(const Section& section) {
  return section.heading.value_or(section.begin > 0 ? section.begin - (section.end == section.begin)
                                                    : section.begin);
}

void Numbering(const Subject& subject, Sink& sink) {
  size_t expected = 1;
  for (const Section& section : subject.article.sections) {
    if (!section.heading.has_value()) continue;
    const std::string& text = subject.document.blocks[*section.heading].text;
    const std::string prefix = ChineseOrdinal(expected) + "、";
    if (!text.starts_with(prefix) || text.size() == prefix.size()) {
      sink.AddBlock(*section.heading, "a section out of order or without a title",
                    fmt::format("begin it with {}", prefix));
    }
    ++expected;
  }
  if (expected == 1) sink.AddAt({1, 1}, "", "no numbered section");
}

void Order(const Subject& subject, Sink& sink) {
  const Article& article = subject.article;
  if (article.sections.size() != kParts) {
    sink.AddAt({1, 1}, "", fmt::format("{} sections", article.sections.size()));
    return;
  }
  // What a part can not be without tells it from the others.
  const std::string challenges = PartText(subject, Part::kChallenges);
  for (const Part part :
       {Part::kScenario, Part::kAnalogy, Part::kSteps, Part::kUses, Part::kCaution}) {
    const Section& section = *article.part(part);
    const std::string text = BodyText(subject.document, section);
    if (text.find("没想到") == std::string::npos) continue;
    sink.AddBlock(Anchor(section), fmt::format("没想到 stands in the part \"{}\"", PartName(part)));
  }
  for (const Part part : {Part::kScenario, Part::kAnalogy, Part::kUses}) {
    const Section& section = *article.part(part);
    if (Items(subject.document, section).empty()) continue;
    sink.AddBlock(Anchor(section),
                  fmt::format("the part \"{}\" is cut into items", PartName(part)));
  }
  for (const Part part : {Part::kSteps, Part::kChallenges, Part::kCaution}) {
    const Section& section = *article.part(part);
    if (!Items(subject.document, section).empty()) continue;
    sink.AddBlock(Anchor(section), fmt::format("the part \"{}\" has no items", PartName(part)));
  }
}

void Title(const Subject& subject, Sink& sink) {
  if (!subject.article.title.has_value()) sink.AddAt({1, 1}, "");
  size_t titles = 0;
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    if (subject.document.blocks[i].kind == BlockKind::kTitle && ++titles > 1) {
      sink.AddBlock(i, "a second title");
    }
  }
}

void Scenario(const Subject& subject, Sink& sink) {
  const auto& part = subject.article.part(Part::kScenario);
  if (!part.has_value()) return;
  if (!Holds("sectors.txt", PartText(subject, Part::kScenario))) {
    sink.AddBlock(Anchor(*part), "the opening names no sector");
  }
  if (!subject.HasNumber(*part)) sink.AddBlock(Anchor(*part), "the opening has no load number");
}

void OneAnalogy(const Subject& subject, Sink& sink) {
  const auto& part = subject.article.part(Part::kAnalogy);
  if (!part.has_value()) return;
  const size_t count = Words("analogy.txt").FindAll(PartText(subject, Part::kAnalogy)).size();
  if (count != 1) sink.AddBlock(Anchor(*part), fmt::format("{} analogies", count));
}

void AnchorNumbers(const Subject& subject, Sink& sink) {
  const auto& part = subject.article.part(Part::kAnalogy);
  if (!part.has_value()) return;
  if (!subject.HasNumber(*part)) sink.AddBlock(Anchor(*part), "the analogy has no number");
  if (!Holds("hardware.txt", PartText(subject, Part::kAnalogy))) {
    sink.AddBlock(Anchor(*part), "the numbers name neither a machine nor a service");
  }
}

void ThreeSteps(const Subject& subject, Sink& sink) {
  const auto& part = subject.article.part(Part::kSteps);
  if (!part.has_value()) return;
  const std::vector<Section> items = Items(subject.document, *part);
  if (items.size() != kSteps.size()) {
    sink.AddBlock(Anchor(*part), fmt::format("{} steps", items.size()));
    return;
  }
  for (size_t i = 0; i < kSteps.size(); ++i) {
    const std::string& text = subject.document.blocks[*items[i].heading].text;
    if (text.find(kSteps[i]) == std::string::npos) {
      sink.AddBlock(*items[i].heading, fmt::format("step {} does not name {}", i + 1, kSteps[i]));
    }
  }
}

void StepCauses(const Subject& subject, Sink& sink) {
  const auto& part = subject.article.part(Part::kSteps);
  if (!part.has_value()) return;
  for (const Section& item : Items(subject.document, *part)) {
    const std::string text = BodyText(subject.document, item);
    const bool chain =
        text.find("因为") != std::string::npos &&
        (text.find("因此") != std::string::npos || text.find("所以") != std::string::npos);
    if (!chain) sink.AddBlock(*item.heading);
  }
}

void Sectors(const Subject& subject, Sink& sink) {
  const auto& part = subject.article.part(Part::kUses);
  if (!part.has_value()) return;
  if (!Holds("sectors.txt", PartText(subject, Part::kUses))) {
    sink.AddBlock(Anchor(*part), "the use cases name no sector");
  }
}

void Outcomes(const Subject& subject, Sink& sink) {
  const auto& part = subject.article.part(Part::kUses);
  if (!part.has_value()) return;
  for (size_t i = part->begin; i < part->end; ++i) {
    const Block& block = subject.document.blocks[i];
    if (!block.IsBody() || !Holds("sectors.txt", block.text)) continue;
    if (!subject.HasNumber(i, {0, block.text.size()})) sink.AddBlock(i);
  }
}

void Misuses(const Subject& subject, Sink& sink) {
  const auto& part = subject.article.part(Part::kCaution);
  if (!part.has_value()) return;
  const size_t count = Items(subject.document, *part).size();
  if (count < 2 || count > 3) sink.AddBlock(Anchor(*part), fmt::format("{} misuses", count));
}

void Heuristics(const Subject& subject, Sink& sink) {
  const auto& part = subject.article.part(Part::kCaution);
  if (!part.has_value()) return;
  static const Pattern advice("对[^，。；]{2,20}，(要求|索取|核对)");
  const size_t count = advice.FindAll(Utf16Text(PartText(subject, Part::kCaution))).size();
  size_t audiences = subject.trace.has_value() ? subject.trace->audiences.size() : 1;
  audiences = std::max<size_t>(audiences, 1);
  if (count < audiences) {
    sink.AddBlock(Anchor(*part), fmt::format("{} of {} audiences have a heuristic",
                                             std::min(count, audiences), audiences));
  }
}

void Sources(const Subject& subject, Sink& sink) {
  const auto& sources = subject.article.sources;
  if (!sources.has_value()) return;
  if (sources->begin == sources->end) sink.AddBlock(*sources->heading, "an empty list of sources");
  if (sources->end != subject.document.blocks.size()) {
    sink.AddBlock(*sources->heading, "the sources are not the last block");
  }
}

}  // namespace

std::vector<Rule> StructureRules() {
  return {
      {"R19-numbering", Severity::kError, "sections are not numbered 一、二、三、 in order",
       "number every section", "@二、把=>三、把", "@", Numbering},
      {"R19-title", Severity::kError, "the article has no title, or more than one",
       "begin with one line without indent", "　　正文。", "题目\n　　正文。", Title},
      {"R40-scenario", Severity::kWarning, "the opening is not a scene of work with its load",
       "name the sector and a measured load", "@在市级政务热线的机房里=>在一个房间里", "@",
       Scenario},
      {"R41-analogy", Severity::kWarning, "the second part has not exactly one analogy",
       "keep one (好比, 就像, 相当于)", "@这好比=>这就像换表，好比", "@", OneAnalogy},
      {"R42-anchor", Severity::kError,
       "the analogy is not anchored by numbers of a machine or service",
       "add a measured number and where it was measured", "@在同一台服务器上，=>", "@",
       AnchorNumbers},
      {"R43-steps", Severity::kError, "not the three steps 映射, 校准, 优化 in this order",
       "give three items, each with its name", "@第二步，校准=>第二步，调整", "@", ThreeSteps},
      {"R44-step-cause", Severity::kWarning, "a step without its chain of cause and effect",
       "write 因为…于是…因此…", "@因为机器搬运=>机器搬运", "@", StepCauses},
      {"R50-sectors", Severity::kError, "the use cases name no sector",
       "name them: 政务热线, 工业质检, 银行客服",
       "题\n一、甲\n　　甲。\n二、乙\n　　乙。\n三、丙\n　　丙。\n四、丁\n　　丁。\n五、戊\n　　戊"
       "。\n六、己\n　　己。",
       "@", Sectors},
      {"R51-outcome", Severity::kError, "a sector without a measured outcome",
       "give a bound number in its paragraph",
       "@所以只有重启时才要等0.41秒的加载时间=>所以只有重启时才要等", "@", Outcomes},
      {"R52-misuses", Severity::kError, "not two or three misuses", "give two or three items",
       "@直接套用默认设置\n=>", "@", Misuses},
      {"R53-heuristic", Severity::kWarning, "no advice for the audience",
       "write 对…，要求… for each", "@对政务部门，要求供应方=>让供应方", "@", Heuristics},
      {"R54-order", Severity::kError,
       "not the six parts in order: scenario, analogy, steps, challenges, uses, caution",
       "give six numbered sections in this order; only steps, challenges and caution have items",
       "@六、误用与核对\n=>", "@", Order},
      {"R55-sources", Severity::kError, "数据来源 is not a short list at the end",
       "put it last, one source a paragraph", "@数据来源\n=>数据来源\n\n七、附录\n", "@", Sources},
  };
}

}  // namespace crumb::lint
