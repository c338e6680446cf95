#include "article/write.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>
#include <set>
#include <tuple>

#include "article/outside.h"
#include "article/select.h"
#include "evidence/metrics.h"
#include "publish/variants.h"

namespace crumb::article {
namespace {

struct Counts {
  size_t challenges;
  size_t uses;
  size_t misuses;
};

Counts CountsOf(Length length) {
  switch (length) {
    case Length::kShort:
      return {3, 2, 2};
    case Length::kStandard:
      return {4, 3, 3};
    case Length::kLong:
      return {5, 5, 3};
  }
  return {};
}

constexpr size_t kFewestChallenges = 3;
constexpr size_t kFewestMisuses = 2;
constexpr size_t kHeuristics = 2;  // of each audience
constexpr std::string_view kWidthsRun = "crumb study MODEL --bits 8,4,3,2,1.58,1 -o STUDY";

// The public name of a model by its file's name; a name that no list has is not told.
std::string ModelName(const Library& library, std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const Entry* entry : library.Part("model")) {
    const size_t at = name.find(entry->Get("match"));
    if (at == std::string::npos) continue;
    // At the start of a word: "babyllama-" is no Llama.
    if (at == 0 || std::isalnum(static_cast<unsigned char>(name[at - 1])) == 0) return entry->id;
  }
  return "被测模型";
}

// A name with a digit in it is a numeral of the class "name".
Pieces NamePieces(const std::string& name) {
  if (name.find_first_of("0123456789") == std::string::npos) return {{name, {}, ""}};
  Numeral numeral;
  numeral.text = name;
  numeral.closed = "name";
  return {{name, numeral, ""}};
}

std::string TextName(std::string_view text) {
  if (text == "en") return "英文";
  if (text == "zh") return "中文";
  return "自备文字";
}

WordTable WordsOf(const Library& library, const Request& request, const Facts& facts) {
  WordTable words;
  const auto plain = [&](const std::string& key, const std::string& text) {
    words[key] = {{text, {}, ""}};
  };
  const Entry* sector = library.Find("sector", request.sector);
  plain("sector", request.sector);
  for (const auto& [key, value] : sector->fields) plain(key, value);
  plain("reader", library.Find("audience", request.audiences.front())->Get("words"));
  const Evidence& reference = facts.study().first_of_reference();
  words["model"] = NamePieces(ModelName(library, reference.model));
  plain("text", TextName(facts.TextOf("main")));
  words["quarter"] = QuarterPieces(reference.quarter);
  std::string task = facts.TextOf("task");
  task = task.substr(0, task.find(':'));
  if (const Entry* entry = library.Find("task", task)) plain("task", entry->Get("words"));
  return words;
}

bool HasIntervals(const StudyRows& study) {
  const std::string_view metric =
      study.is_encoder() ? metric::kEmbeddingCosine : metric::kPerplexityRatio;
  return std::ranges::any_of(study.all(), [&](const Evidence& row) {
    return row.metric == metric && row.low.has_value() && row.high.has_value() &&
           *row.low < *row.high;
  });
}

Status CheckStudy(const StudyRows& study, const Facts& facts) {
  std::set<std::string> widths;
  for (const std::string& subject : study.variants()) {
    if (subject != kReference) widths.insert(NominalWidth(PartsOf(subject)));
  }
  if (widths.size() < 2) {
    return NotFound(fmt::format("the study holds {}: an article compares widths; run {}",
                                widths.empty() ? "no width" : "a single width", kWidthsRun));
  }
  if (!HasIntervals(study)) {
    return NotFound(
        fmt::format("the study's quality has no interval ({}): run crumb study MODEL -o STUDY",
                    study.is_encoder() ? metric::kEmbeddingCosine : metric::kPerplexityRatio));
  }
  if (facts.SubjectOf("main").empty()) {
    return NotFound(fmt::format(
        "no version of the study has quality on every text, sizes and a name that an article can "
        "print: run {}",
        kWidthsRun));
  }
  // An article speaks of uses; where nothing can be used there is none to speak of.
  if (facts.SubjectOf("main") == facts.SubjectOf("broken")) {
    return NotFound(fmt::format(
        "every version of the study is broken on a text (the best of them is {}): an article needs "
        "one that can be used; run {}",
        facts.SubjectOf("main"), kWidthsRun));
  }
  return OkStatus();
}

std::string ForStudy(std::string run, const std::string& path) {
  for (size_t at = run.find("STUDY"); at != std::string::npos; at = run.find("STUDY", at)) {
    run.replace(at, 5, path);
    at += path.size();
  }
  return run;
}

class Writer {
 public:
  Writer(const std::deque<Study>& studies, const Request& request, const Library& library)
      : studies_(studies), request_(request), library_(library), composer_(library) {}

  Result<Article> Write() {
    CRUMB_RETURN_IF_ERROR(Prepare());
    Selector selector(library_, request_, facts_, words_);
    selector_ = &selector;
    Opening();
    Analogy();
    Steps();
    Challenges();
    Uses();
    Outside();
    Caution();
    Sources();
    for (const auto& [entry, run] : selector.left_out()) {
      article_.left_out.push_back({entry, ForStudy(run, studies_.front().path)});
    }
    CRUMB_RETURN_IF_ERROR(Refusal());
    Document& document = composer_.document();
    for (const std::string& audience : request_.audiences) {
      document.audiences.push_back(library_.Find("audience", audience)->Get("text"));
    }
    for (const Entry* tag : library_.Part("tag")) document.tags.push_back(tag->id);
    document.sector = request_.sector;
    article_.document = std::move(document);
    article_.numerals = composer_.numerals();
    return std::move(article_);
  }

 private:
  Status Prepare() {
    indexed_.reserve(studies_.size());
    facts_.reserve(studies_.size());
    for (const Study& study : studies_) {
      Result<StudyRows> rows = StudyRows::Index(study.rows);
      if (!rows.ok()) return rows.status().WithContext(study.path);
      indexed_.push_back(std::move(rows).value());
      facts_.emplace_back(indexed_.back(), library_, &study.outside);
      const Status status = CheckStudy(indexed_.back(), facts_.back());
      if (!status.ok())
        return {status.code(), study.path + ": " + ForStudy(status.message(), study.path)};
      words_.push_back(WordsOf(library_, request_, facts_.back()));
    }
    return OkStatus();
  }

  const Facts& Main() const { return facts_.front(); }

  // The best of a part; a part without any is kept for the refusal.
  const Told* Best(std::vector<Told>& told, const char* what) {
    if (told.empty()) {
      Missing(what, 0, 1);
      return nullptr;
    }
    return &told.front();
  }

  void Missing(const char* what, size_t have, size_t want) {
    missing_.push_back(fmt::format("{} of {} {}", have, want, what));
    missing_parts_.push_back(what);
  }

  void Use(const Told& told) {
    article_.used.push_back(fmt::format("{} {}", told.entry->part, told.entry->id));
    for (const Pieces& text : told.texts) {
      Pieces pieces;
      if (told.facts != &Main()) {
        pieces.push_back({"换到", {}, ""});
        const WordTable& words = words_[static_cast<size_t>(told.facts - &Main())];
        std::ranges::copy(words.at("model"), std::back_inserter(pieces));
        pieces.push_back({"的实测里看。", {}, ""});
      }
      std::ranges::copy(text, std::back_inserter(pieces));
      composer_.Paragraph(pieces, *told.facts);
    }
  }

  Pieces FillMain(std::string_view text) {
    return Fill(text, {&library_, &Main(), &words_.front()}).pieces;
  }

  void Opening() {
    if (request_.title.empty()) {
      std::vector<Told> titles = selector_->Choose("title", false);
      if (const Told* title = Best(titles, "title")) composer_.Title(title->texts.front());
    } else {
      composer_.Title({{request_.title, {}, ""}});
    }
    std::vector<Told> told = selector_->Choose("opening", false);
    if (const Told* best = Best(told, "opening")) {
      composer_.Heading(best->title);
      Use(*best);
    }
  }

  void Analogy() {
    std::vector<Told> analogies = selector_->Choose("analogy", false);
    std::vector<Told> anchors = selector_->Choose("anchor", false);
    const Told* analogy = Best(analogies, "analogy");
    const Told* anchor = Best(anchors, "anchor");
    if (analogy == nullptr || anchor == nullptr) return;
    composer_.Heading(analogy->title);
    Use(*analogy);
    Use(*anchor);
  }

  void Steps() {
    composer_.Heading(FillMain("{{>heading-steps}}"));
    constexpr std::pair<const char*, const char*> kSteps[] = {
        {"mapping", "第{{=一 section}}步，映射"},
        {"calibration", "第{{=二 section}}步，校准"},
        {"optimization", "第{{=三 section}}步，优化"}};
    for (const auto& [part, title] : kSteps) {
      std::vector<Told> told = selector_->Choose(part, false);
      const Told* best = Best(told, part);
      if (best == nullptr) continue;
      composer_.Subheading(FillMain(title));
      Use(*best);
    }
  }

  // The first `count` of told, the last places kept for the best of each other study.
  std::vector<const Told*> Picked(const std::vector<Told>& told, size_t count) const {
    std::vector<const Told*> others;
    for (size_t i = 1; i < facts_.size() && others.size() + 1 < count; ++i) {
      const auto best = std::ranges::find(told, &facts_[i], &Told::facts);
      if (best != told.end()) others.push_back(&*best);
    }
    std::vector<const Told*> picked;
    for (const Told& one : told) {
      if (picked.size() + others.size() >= count) break;
      if (std::ranges::count(others, &one) == 0) picked.push_back(&one);
    }
    std::ranges::copy(others, std::back_inserter(picked));
    return picked;
  }

  void Challenges() {
    composer_.Heading(FillMain("{{>heading-challenges}}"));
    std::vector<Told> told = selector_->Choose("challenge", true);
    const Counts counts = CountsOf(request_.length);
    if (told.size() < kFewestChallenges) Missing("challenge", told.size(), kFewestChallenges);
    for (const Told* one : Picked(told, counts.challenges)) {
      composer_.Subheading(one->title);
      Use(*one);
    }
  }

  void Uses() {
    composer_.Heading(FillMain("{{>heading-uses}}"));
    std::vector<Told> told = selector_->Choose("use", true);
    if (told.empty()) Missing("use", 0, 1);
    // A sector is told once.
    std::set<std::string> sectors;
    std::erase_if(
        told, [&](const Told& one) { return !sectors.insert(one.entry->Get("sector")).second; });
    for (const Told* one : Picked(told, CountsOf(request_.length).uses)) Use(*one);
  }

  void Caution() {
    composer_.Heading(FillMain("{{>heading-caution}}"));
    std::vector<Told> told = selector_->Choose("misuse", true);
    if (told.size() < kFewestMisuses) Missing("misuse", told.size(), kFewestMisuses);
    for (const Told* one : Picked(told, CountsOf(request_.length).misuses)) {
      composer_.Subheading(one->title);
      Use(*one);
    }
    for (const std::string& audience : request_.audiences) {
      const std::vector<Told> advice = selector_->Choose("heuristic", false, audience);
      if (advice.empty()) Missing("heuristic", 0, 1);
      Pieces pieces;
      for (size_t i = 0; i < std::min(advice.size(), kHeuristics); ++i) {
        article_.used.push_back("heuristic " + advice[i].entry->id);
        for (const Pieces& text : advice[i].texts) {
          std::ranges::copy(text, std::back_inserter(pieces));
        }
      }
      if (!pieces.empty()) composer_.Paragraph(pieces, Main());
    }
  }

  void Sources() {
    composer_.UnnumberedHeading("数据来源");
    for (size_t i = 0; i < facts_.size(); ++i) {
      const Filled filled = Fill("{{>source}}", {&library_, &facts_[i], &words_[i]});
      composer_.Paragraph(filled.pieces, facts_[i]);
      const Filled busy = Fill("{{>busy}}", {&library_, &facts_[i], &words_[i]});
      if (busy.ok) composer_.Paragraph(busy.pieces, facts_[i]);
    }
    for (const auto& [kind, source, quarter] : sources_) {
      Pieces pieces = {{kind + "，", {}, ""}};
      std::ranges::copy(QuarterPieces(quarter), std::back_inserter(pieces));
      pieces.push_back({"，" + source + "。", {}, ""});
      composer_.Paragraph(pieces, Main());
    }
  }

  // What was not measured here, each with its kind and source; never compared with what was.
  void Outside() {
    for (size_t i = 0; i < studies_.size(); ++i) {
      for (const Evidence& row : studies_[i].outside) {
        if (row.subject == kLoadSubject) {
          sources_.insert({"手工登记", "请求量", row.quarter});
          continue;
        }
        Pieces pieces = OutsidePieces(library_, row);
        if (pieces.empty()) {
          article_.left_out.push_back(
              {fmt::format("row {}", row.id),
               fmt::format("crumb ledger show {} --ledger STUDY (no words for it)", row.id)});
          continue;
        }
        composer_.Paragraph(pieces, facts_[i]);
        sources_.insert({std::string(KindName(row.kind)), SourceName(row), row.quarter});
      }
    }
  }

  Status Refusal() const {
    if (missing_.empty()) return OkStatus();
    std::string parts;
    for (const std::string& one : missing_) parts += (parts.empty() ? "" : ", ") + one;
    std::set<std::string> runs;
    for (const LeftOut& left : article_.left_out) {
      for (const std::string& part : missing_parts_) {
        if (left.entry.starts_with(part + " ")) runs.insert(left.run);
      }
    }
    std::string commands;
    for (const std::string& run : runs) commands += (commands.empty() ? "" : ", or ") + run;
    if (commands.empty()) commands = ForStudy(std::string(kWidthsRun), studies_.front().path);
    const bool opening = std::ranges::count(missing_parts_, "opening") > 0;
    return NotFound(fmt::format(
        "{}: too little evidence for an article ({}): run {}{}", studies_.front().path, parts,
        commands, opening ? ", or open with requests that you count (--load 3000/day)" : ""));
  }

  const std::deque<Study>& studies_;
  const Request& request_;
  const Library& library_;
  std::vector<StudyRows> indexed_;
  std::vector<Facts> facts_;
  std::vector<WordTable> words_;
  Selector* selector_ = nullptr;
  Composer composer_;
  Article article_;
  std::set<std::tuple<std::string, std::string, std::string>> sources_;  // kind, name, quarter
  std::vector<std::string> missing_;
  std::vector<std::string> missing_parts_;
};

}  // namespace

Result<Article> WriteArticle(const std::deque<Study>& studies, const Request& request,
                             const Library& library) {
  return Writer(studies, request, library).Write();
}

}  // namespace crumb::article
