// Studies of publish/fake_study.h as the tests of this folder use them.
#ifndef CRUMB_ARTICLE_STUDY_FOR_TEST_H_
#define CRUMB_ARTICLE_STUDY_FOR_TEST_H_

#include <deque>
#include <string>

#include "article/render_text.h"
#include "article/write.h"
#include "publish/fake_study.h"

namespace crumb::article {

// Rows of metric and subject changed; the interval keeps its share of the value.
inline void Multiply(FakeStudy& study, std::string_view metric, std::string_view subject,
                     double by) {
  for (Evidence& row : study.rows) {
    if (row.metric != metric || row.subject != subject) continue;
    row.value *= by;
    if (row.low.has_value()) *row.low *= by;
    if (row.high.has_value()) *row.high *= by;
  }
}

// As a ledger would hold them: each row in its metric's unit.
inline FakeStudy WithUnits(FakeStudy study) {
  for (Evidence& row : study.rows) {
    if (const MetricInfo* info = FindMetric(row.metric)) row.unit = info->unit;
  }
  return study;
}

inline std::deque<Study> AsStudies(FakeStudy study) {
  std::deque<Study> studies;
  studies.push_back(MakeStudy(WithUnits(std::move(study)).rows, "a-study").value());
  return studies;
}

inline Request Usual() {
  Request request;
  request.audiences = {"government"};
  request.sector = "政务热线";
  return request;
}

}  // namespace crumb::article

#endif  // CRUMB_ARTICLE_STUDY_FOR_TEST_H_
