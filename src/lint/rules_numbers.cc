// Every numeral against trace and ledger. Without either, a numeral outside the closed classes has
// no evidence; with a ledger alone, it is looked for among the rows of the metric that its words
// name.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/sha256.h"
#include "evidence/metrics.h"
#include "lint/binding.h"
#include "lint/families.h"
#include "lint/word_list.h"
#include "text/pattern.h"

namespace crumb::lint {
namespace {

// Calls check(numeral, entry, row, baseline) for each numeral that stands in the text as its trace
// entry says, and whose row the ledger has.
template <typename Check>
void ForEachBound(const Subject& subject, Check check) {
  if (!subject.trace.has_value() || subject.rows == nullptr) return;
  const std::vector<TraceEntry>& entries = subject.trace->numerals;
  for (size_t i = 0; i < std::min(entries.size(), subject.numerals.size()); ++i) {
    const TraceEntry& entry = entries[i];
    if (entry.text != subject.numerals[i].text || !entry.evidence.has_value()) continue;
    const Evidence* row = subject.rows->Find(*entry.evidence);
    if (row == nullptr) continue;
    const Evidence* baseline =
        entry.baseline.has_value() ? subject.rows->Find(*entry.baseline) : nullptr;
    Numeral numeral = subject.numerals[i];
    // Zeros at the end of which the trace says that they only fill.
    if (entry.digits < 0 && TrailingZeros(numeral) >= -entry.digits) numeral.digits = entry.digits;
    check(numeral, entry, *row, baseline);
  }
}

void Hash(const Subject& subject, Sink& sink) {
  if (!subject.trace.has_value()) return;
  if (Sha256Hex(NormalizedText(subject.document)) == subject.trace->text_sha256) return;
  sink.AddAt({1, 1}, "");
}

// Exact cover: the numerals of the text are the entries of the trace, one for one.
void Cover(const Subject& subject, Sink& sink) {
  if (!subject.trace.has_value()) return;
  const std::vector<TraceEntry>& entries = subject.trace->numerals;
  const std::vector<Numeral>& numerals = subject.numerals;
  size_t i = 0;
  size_t j = 0;
  const auto same = [&](size_t a, size_t b) {
    return a < numerals.size() && b < entries.size() && numerals[a].text == entries[b].text;
  };
  while (i < numerals.size() || j < entries.size()) {
    if (same(i, j)) {
      if (entries[j].closed != numerals[i].closed) {
        sink.Add(numerals[i].block, numerals[i].span,
                 fmt::format("the trace calls it \"{}\", the text makes it \"{}\"",
                             entries[j].closed, numerals[i].closed));
      }
      ++i;
      ++j;
    } else if (i < numerals.size() && (same(i + 1, j) || j >= entries.size())) {
      sink.Add(numerals[i].block, numerals[i].span, "a numeral that the trace does not have");
      ++i;
    } else if (j < entries.size() && (same(i, j + 1) || i >= numerals.size())) {
      sink.AddAt(i < numerals.size()
                     ? subject.document.blocks[numerals[i].block].At(numerals[i].span.begin)
                     : Position{},
                 entries[j].text, fmt::format("entry {} of the trace is not in the text", j + 1));
      ++j;
    } else {
      sink.Add(numerals[i].block, numerals[i].span,
               fmt::format("the trace has {} here", entries[j].text));
      ++i;
      ++j;
    }
  }
}

void RowsThere(const Subject& subject, Sink& sink) {
  if (!subject.trace.has_value() || subject.rows == nullptr) return;
  const std::vector<TraceEntry>& entries = subject.trace->numerals;
  for (size_t i = 0; i < std::min(entries.size(), subject.numerals.size()); ++i) {
    for (const std::optional<int64_t>& id : {entries[i].evidence, entries[i].baseline}) {
      if (!id.has_value()) continue;
      const Numeral& numeral = subject.numerals[i];
      if (subject.rows->Find(*id) == nullptr) {
        sink.Add(numeral.block, numeral.span, fmt::format("the ledger has no row {}", *id));
      } else if (subject.rows->superseded.contains(*id)) {
        sink.Add(numeral.block, numeral.span,
                 fmt::format("row {} was replaced by a newer one", *id));
      }
    }
  }
}

void Value(const Subject& subject, Sink& sink) {
  ForEachBound(subject, [&](const Numeral& numeral, const TraceEntry& entry, const Evidence& row,
                            const Evidence* baseline) {
    const std::optional<Computed> computed = Compute(entry.scale, row, baseline);
    if (!computed.has_value()) {
      sink.Add(numeral.block, numeral.span,
               fmt::format("row {} can not be told as \"{}\"", row.id, entry.scale));
    } else if (!ValueFits(numeral, computed->value)) {
      sink.Add(numeral.block, numeral.span,
               fmt::format("row {} gives {}", row.id, Rounded(numeral, computed->value)));
    }
  });
}

void Unit(const Subject& subject, Sink& sink) {
  ForEachBound(subject, [&](const Numeral& numeral, const TraceEntry& entry, const Evidence& row,
                            const Evidence*) {
    if (FormFits(entry.scale, numeral, row)) return;
    sink.Add(
        numeral.block, numeral.span,
        fmt::format("row {} is in \"{}\", the text says \"{}\"", row.id, row.unit, numeral.unit));
  });
}

void MetricWords(const Subject& subject, Sink& sink) {
  ForEachBound(subject, [&](const Numeral& numeral, const TraceEntry&, const Evidence& row,
                            const Evidence*) {
    const std::optional<MetricWord> word = GoverningMetric(subject, numeral);
    if (!word.has_value()) {
      sink.Add(numeral.block, numeral.span, fmt::format("no word says that it is {}", row.metric));
    } else if (!word->metrics.contains(row.metric)) {
      sink.Add(numeral.block, numeral.span,
               fmt::format("the text says {}, row {} is {}", word->word, row.id, row.metric));
    }
  });
}

void Direction(const Subject& subject, Sink& sink) {
  if (!subject.trace.has_value()) return;
  const std::vector<TraceEntry>& entries = subject.trace->numerals;
  for (size_t i = 0; i < std::min(entries.size(), subject.numerals.size()); ++i) {
    const Numeral& numeral = subject.numerals[i];
    if (!entries[i].closed.empty() || entries[i].text != numeral.text) continue;
    const std::string said = GoverningDirection(subject, numeral);
    if (said != entries[i].direction) {
      sink.Add(numeral.block, numeral.span,
               fmt::format("the text says \"{}\", the trace \"{}\"", said, entries[i].direction));
    }
  }
  ForEachBound(subject, [&](const Numeral& numeral, const TraceEntry& entry, const Evidence& row,
                            const Evidence* baseline) {
    const std::optional<Computed> computed = Compute(entry.scale, row, baseline);
    if (!computed.has_value() || computed->sign == 0) return;
    const bool change = entry.scale == "change" || entry.scale == "points" ||
                        entry.scale == "difference" || entry.scale == "excess";
    const bool lower = entry.direction.starts_with("lower");
    if (change && entry.direction == "level") {
      sink.Add(numeral.block, numeral.span, "a change without a word of direction");
    } else if (entry.direction != "level" &&
               (baseline != nullptr || !entry.direction.ends_with("-to")) &&
               lower != (computed->sign < 0)) {
      sink.Add(numeral.block, numeral.span,
               fmt::format("row {} went {}", row.id, computed->sign < 0 ? "down" : "up"));
    }
  });
}

// A change that is smaller than the half width of its interval was not shown.
bool HoldsNoChange(const TraceEntry& entry, const Computed& computed) {
  const bool change = entry.scale == "change" || entry.scale == "points" ||
                      entry.scale == "difference" || entry.scale == "excess";
  return change && entry.direction != "level" && computed.value <= computed.half_width;
}

void Digits(const Subject& subject, Sink& sink) {
  ForEachBound(subject, [&](const Numeral& numeral, const TraceEntry& entry, const Evidence& row,
                            const Evidence* baseline) {
    const std::optional<Computed> computed = Compute(entry.scale, row, baseline);
    if (entry.digits != numeral.digits) {
      sink.Add(numeral.block, numeral.span,
               fmt::format("{} decimals, the trace says {}", numeral.digits, entry.digits));
    } else if (computed.has_value() && HoldsNoChange(entry, *computed)) {
      sink.Add(numeral.block, numeral.span,
               fmt::format("the interval is {:.2g} to either side: no change was shown",
                           computed->half_width / numeral.factor),
               "do not tell it as a change");
    } else if (computed.has_value() && !DigitsFit(numeral, computed->half_width)) {
      sink.Add(numeral.block, numeral.span,
               fmt::format("the interval is {:.2g} to either side",
                           computed->half_width / numeral.factor));
    }
  });
}

void SubjectWords(const Subject& subject, Sink& sink) {
  ForEachBound(subject, [&](const Numeral& numeral, const TraceEntry&, const Evidence& row,
                            const Evidence*) {
    const std::set<double> named = NamedWidths(subject, numeral);
    const std::optional<double> width = WidthOf(row);
    if (named.empty() || !width.has_value() || named.contains(*width)) return;
    sink.Add(numeral.block, numeral.span,
             fmt::format("the sentence names another width than row {} ({})", row.id, row.subject));
  });
}

enum class Support { kSupported, kContradicted, kUnsupported };

// Whether the words of direction go with a match: a level has none or one with 到, a change one
// without; what remains of an excess is gone down to.
bool DirectionFits(std::string_view scale, const std::string& direction, int sign, bool compared) {
  const std::string way = sign < 0 ? "lower" : "higher";
  if (scale == "change" || scale == "points" || scale == "difference") return direction == way;
  if (scale == "excess")
    return direction == way || direction == (sign < 0 ? "higher-to" : "lower-to");
  if (direction.ends_with("-to")) return compared && direction == way + "-to";
  return direction == "level";
}

bool Matches(Numeral numeral, const std::string& direction, std::string_view scale,
             const Evidence& row, const Evidence* baseline) {
  if (!FormFits(scale, numeral, row)) return false;
  const std::optional<Computed> computed = Compute(scale, row, baseline);
  // Without a trace, zeros at the end only fill where the interval supports no digit there.
  const int zeros = TrailingZeros(numeral);
  while (computed.has_value() && -numeral.digits < zeros &&
         !DigitsFit(numeral, computed->half_width)) {
    --numeral.digits;
  }
  return computed.has_value() && ValueFits(numeral, computed->value) &&
         DirectionFits(scale, direction, computed->sign, baseline != nullptr);
}

// Looks among the rows of the metric that the words name; a change, and what something came down or
// up to, needs two rows of one text. 三成 and 一半 fit too much by chance: their clause itself has
// to name the metric.
Support Search(const Subject& subject, const Numeral& numeral) {
  const std::optional<MetricWord> word = GoverningMetric(subject, numeral);
  if (!word.has_value()) return Support::kUnsupported;
  const bool rough = numeral.form == NumberForm::kTenths || numeral.form == NumberForm::kFraction;
  const std::string_view text = subject.document.blocks[numeral.block].text;
  const Span clause = ClauseAround(text, numeral.span.begin);
  if (rough && text.substr(clause.begin, clause.end - clause.begin).find(word->word) ==
                   std::string_view::npos) {
    return Support::kUnsupported;
  }
  const std::string direction = GoverningDirection(subject, numeral);
  const std::set<double> widths = NamedWidths(subject, numeral);
  bool candidates = false;
  for (const auto& [id, row] : subject.rows->by_id) {
    if (!word->metrics.contains(row.metric) || subject.rows->superseded.contains(id)) continue;
    const std::optional<double> width = WidthOf(row);
    if (!widths.empty() && width.has_value() && !widths.contains(*width)) continue;
    candidates = true;
    for (const std::string_view scale : {"unit", "percent", "excess", "times", "spread"}) {
      if (Matches(numeral, direction, scale, row, nullptr)) return Support::kSupported;
    }
    if (row.metric == metric::kTaskChange && Matches(numeral, direction, "points", row, nullptr)) {
      return Support::kSupported;
    }
    for (const auto& [other_id, other] : subject.rows->by_id) {
      if (other_id == id || other.metric != row.metric || other.text != row.text) continue;
      for (const std::string_view scale :
           {"unit", "percent", "change", "times", "points", "difference"}) {
        if (Matches(numeral, direction, scale, row, &other)) return Support::kSupported;
      }
    }
  }
  return candidates ? Support::kContradicted : Support::kUnsupported;
}

void Unbound(const Subject& subject, Sink& sink) {
  if (subject.trace.has_value()) return;
  for (const Numeral& numeral : subject.numerals) {
    if (!numeral.closed.empty() || numeral.date) continue;
    if (subject.rows == nullptr) {
      sink.Add(numeral.block, numeral.span);
      continue;
    }
    const Support support = Search(subject, numeral);
    if (support == Support::kContradicted) {
      sink.Add(numeral.block, numeral.span,
               "contradicted: no row of the metric that the words name has this value");
    } else if (support == Support::kUnsupported) {
      sink.Add(numeral.block, numeral.span,
               "unsupported: no metric of the ledger is named beside it");
    }
  }
}

// The specification's own example numbers, unless the trace binds that numeral.
void SeedNumbers(const Subject& subject, Sink& sink) {
  struct Trap {
    std::unique_ptr<const Pattern> pattern;
    std::string_view what;
  };
  static const std::vector<Trap> traps = [] {
    std::vector<Trap> all;
    for (const Fields& line : DataLines("seed_numbers.txt")) {
      all.push_back({std::make_unique<const Pattern>(line[0]), line[1]});
    }
    return all;
  }();
  const auto bound = [&](size_t block, Span span) {
    if (subject.rows == nullptr) return false;
    if (!subject.trace.has_value()) {
      return std::ranges::any_of(subject.numerals, [&](const Numeral& numeral) {
        return numeral.block == block && numeral.span.begin >= span.begin &&
               numeral.span.begin < span.end && Search(subject, numeral) == Support::kSupported;
      });
    }
    for (size_t i = 0; i < std::min(subject.numerals.size(), subject.trace->numerals.size()); ++i) {
      const Numeral& numeral = subject.numerals[i];
      const TraceEntry& entry = subject.trace->numerals[i];
      if (numeral.block == block && numeral.span.begin >= span.begin &&
          numeral.span.begin < span.end && entry.text == numeral.text &&
          entry.evidence.has_value()) {
        return true;
      }
    }
    return false;
  };
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    for (const Trap& trap : traps) {
      for (const Span& span : trap.pattern->FindAll(subject.utf16[i])) {
        if (!bound(i, span))
          sink.Add(i, span, "an example number of the specification: " + std::string(trap.what));
      }
    }
  }
}

}  // namespace

std::vector<Rule> NumberRules() {
  return {
      {"R56-unbound", Severity::kError, "a numeral without evidence",
       "bind it with --trace and --ledger, or leave it out", "　　内存少了三成。", "　　内存少了。",
       Unbound},
      {"R56-trace-hash", Severity::kError, "the trace was made for another text",
       "write the article and its trace again", "@stale:这是本次实测的结果=>这是实测的结果", "@",
       Hash},
      {"R56-cover", Severity::kError, "text and trace do not have the same numerals",
       "write the article and its trace again", "@269.1 MB=>269.7 MB", "@", Cover},
      {"R56-row", Severity::kError, "a row that is not there or no longer counts",
       "measure again, or name the newest row", "@trace:0.41\t14=>0.41\t10", "@", RowsThere},
      {"R56-value", Severity::kError, "another value than the row's, rounded half to even",
       "print the row's value", "@trace:94.2\t2\t1=>94.2\t1\t1", "@", Value},
      {"R56-unit", Severity::kError, "another unit or form than the row's",
       "print the unit of the row", "@从269.1 MB=>从269.1秒", "@", Unit},
      {"R56-metric", Severity::kError, "the words name another metric than the row",
       "name the row's metric before the number", "@让权重内存从=>让生成速度从", "@", MetricWords},
      {"R56-direction", Severity::kError, "the words give another direction than the row",
       "降低了 is a change, 降低到 a level", "@减少了65.0%=>增加了65.0%", "@", Direction},
      {"R56-digits", Severity::kError, "more digits than the interval supports",
       "print fewer decimals", "@trace:7.1%\t5\t\texcess=>7.1%\t4\t3\tchange", "@", Digits},
      {"R56-subject", Severity::kError, "the sentence names another version than the row",
       "name the version that was measured", "@同样是四位整数，中文=>同样是三位整数，中文", "@",
       SubjectWords},
      {"R57-seed-number", Severity::kError, "a number of the specification's examples",
       "an example is no evidence: leave it out, or bind a row", "　　每天5万次咨询。",
       "　　每天的咨询。", SeedNumbers},
  };
}

}  // namespace crumb::lint
