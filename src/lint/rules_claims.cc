// What is claimed: gains with their cost, causes before analogies, techniques with an effect,
// numbers with the kind of their evidence.
#include <fmt/format.h>

#include "lint/families.h"
#include "lint/word_list.h"
#include "text/pattern.h"

namespace crumb::lint {
namespace {

bool Holds(std::string_view list, std::string_view text) {
  return !Words(list).FindAll(text).empty();
}

// Whether a paragraph tells of a gain: a word of gain in a clause with a number that needs
// evidence.
bool TellsGain(const Subject& subject, size_t block, Span* where) {
  const std::string& text = subject.document.blocks[block].text;
  for (const WordFinder::Match& match : Words("gain.txt").FindAll(text)) {
    if (!subject.HasNumber(block, ClauseAround(text, match.span.begin))) continue;
    *where = match.span;
    return true;
  }
  return false;
}

void GainHasCost(const Subject& subject, Sink& sink) {
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    const Block& block = subject.document.blocks[i];
    Span where;
    if (block.kind != BlockKind::kParagraph || !TellsGain(subject, i, &where)) continue;
    // A challenge is a cost told as a whole; its heading stands for it.
    if (block.text.find("没想到") != std::string::npos) continue;
    if (!Holds("cost.txt", block.text)) sink.Add(i, where);
  }
}

void CausesOverAnalogies(const Subject& subject, Sink& sink) {
  const std::string text = NormalizedText(subject.document);
  const size_t analogies = Words("analogy.txt").FindAll(text).size();
  const size_t causes = Words("cause.txt").FindAll(text).size();
  if (analogies > causes) {
    sink.AddAt({1, 1}, "", fmt::format("{} analogies and {} causes", analogies, causes));
  }
}

void TechniqueHasEffect(const Subject& subject, Sink& sink) {
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    const Block& block = subject.document.blocks[i];
    if (!block.IsBody() || subject.HasNumber(i, {0, block.text.size()})) continue;
    if (block.text.find("没想到") != std::string::npos) continue;
    const auto matches = Words("techniques.txt").FindAll(block.text);
    if (!matches.empty() && block.kind != BlockKind::kSource) sink.Add(i, matches.front().span);
  }
}

void EvidenceKind(const Subject& subject, Sink& sink) {
  for (const Section& section : subject.article.sections) {
    if (!subject.HasNumber(section)) continue;
    if (Holds("evidence_kind.txt", NormalizedText(subject.document))) return;
    sink.AddBlock(section.begin);
    return;
  }
}

// A deployment is claimed only where the ledger holds one.
void Deployment(const Subject& subject, Sink& sink) {
  static const Pattern claim(
      "已(?:经)?(?:在[^，。；]{0,20})?(?:上线|部署|投产|落地|投入使用)|部署后的实际运行");
  if (subject.rows != nullptr) {
    for (const auto& [id, row] : subject.rows->by_id) {
      if (row.kind == "deployment") return;
    }
  }
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    for (const Span& span : claim.FindAll(subject.utf16[i])) sink.Add(i, span);
  }
}

// A paragraph of the parts that claim something has a number, a cause or a source in it.
void Grounded(const Subject& subject, Sink& sink) {
  for (const Part part : {Part::kChallenges, Part::kUses}) {
    const auto& section = subject.article.part(part);
    if (!section.has_value()) continue;
    for (size_t i = section->begin; i < section->end; ++i) {
      const Block& block = subject.document.blocks[i];
      if (!block.IsBody() || subject.HasNumber(i, {0, block.text.size()})) continue;
      if (!Holds("evidence_kind.txt", block.text)) sink.AddBlock(i);
    }
  }
}

}  // namespace

std::vector<Rule> ClaimRules() {
  return {
      {"R05-evidence-kind", Severity::kWarning, "the text does not say what kind its evidence is",
       "write 本次实测, 公开报告, 部署记录, 审计 or 手工登记", "一、甲\n　　内存降到94.2 MB。",
       "一、甲\n　　本次实测里内存降到94.2 MB。", EvidenceKind},
      {"R18-cause-effect", Severity::kWarning, "more analogies than causes",
       "say what follows from what", "　　这好比换表，就像换尺。", "　　因为换表，所以更快。",
       CausesOverAnalogies},
      {"R28-ungrounded", Severity::kWarning, "a paragraph with neither number nor source",
       "bind a number, or leave it out",
       "@银行客服看重换班时的恢复。因为服务常驻，所以只有重启时才要等0."
       "41秒的加载时间，代价是内存一直被占用。=>银行客服也能用。",
       "@", Grounded},
      {"R29-deployment", Severity::kError, "a deployment that the ledger does not hold",
       "write 本次实测, or add the deployment to the ledger", "　　已经在热线上线。",
       "　　本次实测在一台机器上完成。", Deployment},
      {"R33-technique", Severity::kWarning, "a technique named without its effect",
       "give a bound number or a failure in the same paragraph",
       "　　网格编码是指把一串数一起编成更短代码的办法。", "　　网格编码让内存降到94.2 MB。",
       TechniqueHasEffect},
      {"R39-cost", Severity::kError, "a gain without its cost in the same paragraph",
       "add what it costs: 代价是…", "　　内存降到94.2 MB。",
       "　　内存降到94.2 MB，代价是困惑度上升7.1%。", GainHasCost},
  };
}

}  // namespace crumb::lint
