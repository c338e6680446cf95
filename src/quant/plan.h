// Plans: which method and codec each matrix of a model gets, and what such a plan is called.
#ifndef CRUMB_QUANT_PLAN_H_
#define CRUMB_QUANT_PLAN_H_

#include <map>
#include <string>
#include <string_view>

#include "base/json_fwd.h"
#include "base/status.h"
#include "model/model.h"

namespace crumb {

struct MatrixChoice {
  std::string method = "rtn";
  std::string codec;
  bool operator==(const MatrixChoice&) const = default;
};

struct QuantizePlan {
  MatrixChoice block;      // of the matrices in the blocks
  MatrixChoice embedding;  // of the embedding table and the head
  std::map<std::string, MatrixChoice, std::less<>> exceptions;  // by canonical name
  // Of a mixed plan, in place of the name made from its codecs: "mixed-2.50+embed-trellis4".
  std::string mixed_name;

  const MatrixChoice& ChoiceFor(const NamedMatrix& matrix) const;
  bool operator==(const QuantizePlan&) const = default;
};

// Variant name used as Evidence::subject: "int4+embed8", "ternary+embedternary" (round to nearest),
// "gptq-int3+embed8", "trellis2+embed-trellis4".
std::string VariantName(const QuantizePlan& plan);

// The plan with the versions of its methods, as manifests hold it: equal plans give equal text.
Json PlanJson(const QuantizePlan& plan);

// The default method of a width ("8", "4", "3", "2", "1", "1.58" or "ternary"): the best measured
// one (docs/results.md).
std::string_view DefaultMethod(std::string_view width);

// How `method` makes a width. Empty or "best": the default method. kInvalidArgument lists what
// there is.
Result<MatrixChoice> ChoiceForWidth(std::string_view width, std::string_view method);

}  // namespace crumb

#endif  // CRUMB_QUANT_PLAN_H_
