// Which entries of the library an article tells: those whose needs the facts meet, the strongest
// evidence first.
#ifndef CRUMB_ARTICLE_SELECT_H_
#define CRUMB_ARTICLE_SELECT_H_

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "article/fill.h"
#include "article/write.h"

namespace crumb::article {

// An entry whose holes are filled.
struct Told {
  const Entry* entry = nullptr;
  const Facts* facts = nullptr;  // of the study it is told of
  Pieces title;
  std::vector<Pieces> texts;
  double score = 0;
};

class Selector {
 public:
  // Keeps references to all.
  Selector(const Library& library, const Request& request, const std::vector<Facts>& studies,
           const std::vector<WordTable>& words)
      : library_(library), request_(request), studies_(studies), words_(words) {}

  // Entries of `part` that hold, best first, at most one of each `once`; of the first study only,
  // or of all. `audience`: an id, or "" for any of the request's.
  std::vector<Told> Choose(std::string_view part, bool all_studies, std::string_view audience = "");

  const std::map<std::string, std::string>& left_out() const { return left_out_; }

 private:
  double Score(const Entry& entry, double strength, size_t study) const;
  bool Fits(const Entry& entry, const Facts& facts, std::string_view audience) const;

  const Library& library_;
  const Request& request_;
  const std::vector<Facts>& studies_;
  const std::vector<WordTable>& words_;
  std::map<std::string, std::string> left_out_;  // entry -> command
};

}  // namespace crumb::article

#endif  // CRUMB_ARTICLE_SELECT_H_
