// Templates of the library with their holes filled from facts. A hole without a fact fails the
// whole text: an entry is told in full or not at all.
//
//   {{main.memory}}                    a fact in the form of its metric
//   {{main.memory/ref|change down}}    a scale and a direction of docs/formats/trace.md; "/ref":
//   the
//                                      same fact of another role is the baseline
//   {{@main}}                          the version's name
//   {{$place}}                         a word of the sector, the model or the study
//   {{=三 count}}                      a numeral of a closed class
//   {{>cost main}}                     the first fragment "cost.*" that holds, X in it read as main
#ifndef CRUMB_ARTICLE_FILL_H_
#define CRUMB_ARTICLE_FILL_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "article/facts.h"
#include "article/library.h"

namespace crumb::article {

// An entry of the trace, before it has its place in the text.
struct Numeral {
  std::string text;
  const Evidence* row = nullptr;       // or
  std::string closed;                  // "section", "quarter", "count", "name"
  const Evidence* baseline = nullptr;  // may be null
  int digits = 0;
  Scale scale = Scale::kUnit;
  Direction direction = Direction::kLevel;
};

// A stretch of a filled text: plain (with ** of emphasis), a numeral, or the name of a version.
struct Piece {
  std::string text;
  std::optional<Numeral> numeral;
  std::string variant;  // subject of the ledger; empty: no name
};
using Pieces = std::vector<Piece>;

// Words for {{$...}}: each may hold a numeral, the quarter for example.
using WordTable = std::map<std::string, Pieces, std::less<>>;

struct Context {
  const Library* library;
  const Facts* facts;
  const WordTable* words;
};

struct Filled {
  bool ok = false;
  Pieces pieces;
  std::string run;  // not ok: the command that measures what is missing, where one can
};
Filled Fill(std::string_view text, const Context& context);

// The numeral and the words around it.
Pieces NumberPieces(const Printed& printed, Scale scale, Direction direction, const Evidence& row,
                    const Evidence* baseline);

}  // namespace crumb::article

#endif  // CRUMB_ARTICLE_FILL_H_
