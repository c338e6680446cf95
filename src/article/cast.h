// Which versions of a study an article speaks of, each by its role: the one it is mainly about, the
// one below it, the first that broke, the rounded one beside it.
#ifndef CRUMB_ARTICLE_CAST_H_
#define CRUMB_ARTICLE_CAST_H_

#include <map>
#include <string>
#include <string_view>

#include "publish/study_rows.h"

namespace crumb::article {

// Limits of an article's own, beside those of publish/verdict.h: what a version may lose and still
// be the one an article is about.
inline constexpr double kUsableRatio = 1.25;
inline constexpr double kUsableCosine = 0.9;

// Role -> subject of the ledger. Roles, where the study has such a version:
//   ref          the reference
//   main         the smallest usable one (the whole interval within the limits on every text); else
//                the smallest that is not broken; else the one closest to the reference
//   safe         the smallest whose quality is kept (publish/verdict.h) on every text
//   edge         the largest below main that is worse than usable
//   broken       the largest that is broken on a text
//   lowest       the fewest bits of its matrices
//   rounded      rounded to nearest at main's width
//   rough        the largest rounded one that is broken
//   eight, four, three, two, ternary, one    the best method of that width
//   fastest      the highest generation (or sentence) speed but the reference's
// Of versions whose embedding is at the width itself none has a role.
using Cast = std::map<std::string, std::string, std::less<>>;
Cast ChooseCast(const StudyRows& study);

// "四位整数版本", "直接取整的四位整数版本", "三位网格编码版本"; "原始版本" of the reference; empty
// where the term table has no word for it.
std::string VariantName(const StudyRows& study, std::string_view subject);
// The term in such a name that a reader meets the first time: "网格编码", "四位整数", "三值".
std::string VariantTerm(std::string_view subject);

}  // namespace crumb::article

#endif  // CRUMB_ARTICLE_CAST_H_
