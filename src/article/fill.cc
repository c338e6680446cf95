#include "article/fill.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace crumb::article {
namespace {

constexpr int kDeepest = 4;  // of fragments in fragments

std::string Replaced(std::string text, std::string_view old, std::string_view by) {
  for (size_t at = text.find(old); at != std::string::npos; at = text.find(old, at + by.size())) {
    text.replace(at, old.size(), by);
  }
  return text;
}

// X of a fragment read as `role`: in "X.memory", "@X", "/X" and ">cost X".
std::string WithRole(std::string text, std::string_view role) {
  if (role.empty()) return text;
  const std::string name(role);
  text = Replaced(std::move(text), "@X", "@" + name);
  text = Replaced(std::move(text), "X.", name + ".");
  text = Replaced(std::move(text), "/X", "/" + name);
  return Replaced(std::move(text), " X}}", " " + name + "}}");
}

class Filler {
 public:
  explicit Filler(const Context& context) : context_(context) {}

  Filled Text(std::string_view text, int depth) {
    Filled filled;
    while (!text.empty()) {
      const size_t open = std::min(text.size(), text.find("{{"));
      if (open > 0) filled.pieces.push_back({std::string(text.substr(0, open)), {}, ""});
      text.remove_prefix(open);
      if (text.empty()) break;
      const size_t close = text.find("}}");
      if (close == std::string_view::npos) return {};
      Filled hole = Hole(text.substr(2, close - 2), depth);
      if (!hole.ok) return hole;
      std::ranges::move(hole.pieces, std::back_inserter(filled.pieces));
      text.remove_prefix(close + 2);
    }
    filled.ok = true;
    return filled;
  }

 private:
  Filled Hole(std::string_view hole, int depth) {
    if (hole.empty()) return {};
    const std::string_view rest = hole.substr(1);
    switch (hole.front()) {
      case '@':
        return Variant(rest);
      case '$':
        return Word(rest);
      case '=':
        return Closed(rest);
      case '>':
        return Fragment(rest, depth);
      default:
        return Number(hole);
    }
  }

  Filled Variant(std::string_view role) {
    const std::string subject = context_.facts->SubjectOf(role);
    if (subject.empty()) {
      return {false, {}, context_.facts->MeasuredBy(std::string(role) + ".")};
    }
    return {true, {{VariantName(context_.facts->study(), subject), {}, subject}}, ""};
  }

  Filled Word(std::string_view name) {
    const auto found = context_.words->find(name);
    if (found == context_.words->end()) return {};
    return {true, found->second, ""};
  }

  static Filled Closed(std::string_view hole) {
    const std::vector<std::string> words = SplitList(hole, ' ');
    if (words.size() != 2) return {};
    Numeral numeral;
    numeral.text = words[0];
    numeral.closed = words[1];
    return {true, {{words[0], numeral, ""}}, ""};
  }

  Filled Fragment(std::string_view hole, int depth) {
    const std::vector<std::string> words = SplitList(hole, ' ');
    if (words.empty() || depth >= kDeepest) return {};
    const std::string role = words.size() > 1 ? words[1] : "";
    std::string run;
    for (const Entry* entry : context_.library->Part("fragment")) {
      if (!entry->id.starts_with(words[0] + ".")) continue;
      if (!entry->Allows("for", context_.facts->study().is_encoder() ? "encoder" : "decoder")) {
        continue;
      }
      std::vector<std::string> needs = entry->All("needs");
      for (std::string& need : needs) need = WithRole(std::move(need), role);
      const Condition condition = context_.facts->CheckAll(needs);
      Filled filled{false, {}, condition.run};
      if (condition.holds) filled = Text(WithRole(entry->Get("text"), role), depth + 1);
      if (filled.ok) return filled;
      if (run.empty()) run = filled.run;
    }
    return {false, {}, run};
  }

  // FACT[/ROLE][|SCALE [DIRECTION]]
  Filled Number(std::string_view hole) {
    const size_t bar = std::min(hole.size(), hole.find('|'));
    std::string_view name = hole.substr(0, bar);
    const std::vector<std::string> form =
        SplitList(bar < hole.size() ? hole.substr(bar + 1) : std::string_view(), ' ');
    const size_t slash = std::min(name.size(), name.find('/'));
    std::string other;
    if (slash < name.size()) {
      const size_t dot = name.find('.');
      other = std::string(name.substr(slash + 1)) + std::string(name.substr(dot, slash - dot));
      name = name.substr(0, slash);
    }
    const std::optional<Fact> fact = context_.facts->Find(name);
    if (!fact.has_value()) return {false, {}, context_.facts->MeasuredBy(name)};
    std::optional<Fact> baseline;
    if (!other.empty()) {
      baseline = context_.facts->Find(other);
      if (!baseline.has_value()) return {false, {}, context_.facts->MeasuredBy(other)};
    }
    const std::optional<Scale> scale =
        form.empty() || form[0] == "as" ? std::optional<Scale>(fact->scale) : ParseScale(form[0]);
    const std::optional<Direction> direction =
        ParseDirection(form.size() > 1 ? form[1] : std::string_view());
    if (!scale.has_value() || !direction.has_value()) return {};
    const Evidence* base = baseline.has_value() ? baseline->row : nullptr;
    const std::optional<Printed> printed = Print(*scale, *direction, *fact->row, base);
    if (!printed.has_value()) return {};
    return {true, NumberPieces(*printed, *scale, *direction, *fact->row, base), ""};
  }

  const Context& context_;
};

}  // namespace

Filled Fill(std::string_view text, const Context& context) { return Filler(context).Text(text, 0); }

Pieces NumberPieces(const Printed& printed, Scale scale, Direction direction, const Evidence& row,
                    const Evidence* baseline) {
  Numeral numeral;
  numeral.text = printed.number;
  numeral.row = &row;
  numeral.baseline = baseline;
  numeral.digits = printed.digits;
  numeral.scale = scale;
  numeral.direction = direction;
  Pieces pieces;
  if (!printed.before.empty()) pieces.push_back({printed.before, {}, ""});
  pieces.push_back({printed.number, std::move(numeral), ""});
  if (!printed.after.empty()) pieces.push_back({printed.after, {}, ""});
  return pieces;
}

}  // namespace crumb::article
