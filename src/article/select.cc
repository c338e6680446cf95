#include "article/select.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace crumb::article {
namespace {

constexpr double kChosenByHand = 1e6;
constexpr double kOwnSector = 1e4;
constexpr double kOwnAudience = 1e3;
constexpr double kMostCounted = 5;  // half widths; what stands further apart is as certain

double WeightOf(const Entry& entry) {
  const std::string& text = entry.Get("weight");
  double weight = 1;
  std::from_chars(text.data(), text.data() + text.size(), weight);
  return weight;
}

}  // namespace

bool Selector::Fits(const Entry& entry, const Facts& facts, std::string_view audience) const {
  if (!entry.Allows("for", facts.study().is_encoder() ? "encoder" : "decoder")) return false;
  if (!audience.empty()) return entry.Names("audience", audience);
  return entry.Get("audience").empty() ||
         std::ranges::any_of(request_.audiences,
                             [&](const std::string& one) { return entry.Names("audience", one); });
}

double Selector::Score(const Entry& entry, double strength, size_t study) const {
  double score = WeightOf(entry) * (kMostCounted + std::min(strength, kMostCounted));
  if (std::ranges::count(request_.use, entry.id) > 0) score += kChosenByHand;
  if (entry.Names("sector", request_.sector)) score += kOwnSector;
  if (!request_.audiences.empty() && entry.Names("audience", request_.audiences.front())) {
    score += kOwnAudience;
  }
  return score / static_cast<double>(1 + study);
}

std::vector<Told> Selector::Choose(std::string_view part, bool all_studies,
                                   std::string_view audience) {
  std::vector<Told> told;
  for (size_t i = 0; i < (all_studies ? studies_.size() : 1); ++i) {
    const Facts& facts = studies_[i];
    const Context context{&library_, &facts, &words_[i]};
    for (const Entry* entry : library_.Part(part)) {
      if (!Fits(*entry, facts, audience)) continue;
      const Condition condition = facts.CheckAll(entry->All("needs"));
      std::string run = condition.run;
      Told one{entry, &facts, {}, {}, Score(*entry, condition.strength, i)};
      bool ok = condition.holds;
      const auto fill = [&](const std::string& text) {
        Filled filled = Fill(text, context);
        if (!filled.ok && run.empty()) run = filled.run;
        ok = ok && filled.ok;
        return std::move(filled.pieces);
      };
      if (ok) one.title = fill(entry->Get("title"));
      for (const std::string& text : ok ? entry->All("text") : std::vector<std::string>()) {
        one.texts.push_back(fill(text));
      }
      if (ok) {
        told.push_back(std::move(one));
      } else if (!run.empty()) {
        left_out_.emplace(fmt::format("{} {}", part, entry->id), run);
      }
    }
  }
  std::ranges::stable_sort(told, [](const Told& a, const Told& b) {
    return a.score != b.score ? a.score > b.score : a.entry->id < b.entry->id;
  });
  std::set<std::string> themes;
  std::set<std::string_view> ids;
  std::erase_if(told, [&](const Told& one) {
    const std::string& theme = one.entry->Get("once");
    return !ids.insert(one.entry->id).second || (!theme.empty() && !themes.insert(theme).second);
  });
  return told;
}

}  // namespace crumb::article
