// Which model a row is of, in the words that a study uses, so that a study and the commands that
// measure one thing alone (crumb eval) write rows with equal keys for equal measurements.
#ifndef CRUMB_LAB_MODEL_ROW_H_
#define CRUMB_LAB_MODEL_ROW_H_

#include <functional>
#include <string>
#include <string_view>

#include "base/json_fwd.h"
#include "base/status.h"
#include "evidence/evidence.h"
#include "model/model.h"

namespace crumb {

struct RowModel {
  std::string subject;         // "reference", or the variant: "int4+embed8"
  std::string name;            // base name of the reference
  std::string sha256;          // of the reference
  std::string codec;           // of the block matrices
  std::string options = "{}";  // JSON: how the variant was made
};

// A folder that crumb packed is a variant of the model it was made from; any other model is a
// reference. One that no study makes (a mixed plan, tuned end to end, options of its own) has its
// own hash in the options.
Result<RowModel> RowModelOf(const Model& model);

// A row with everything but value, sample and text; `more_options` join those of the model.
Evidence MakeRow(const RowModel& model, std::string_view metric, std::string_view method,
                 const Json& more_options, const std::string& cpu_model, int threads);

// What a step needs of it: metric, method, options that decide the value -> a row.
using RowMaker =
    std::function<Evidence(std::string_view metric, std::string_view method, const Json& options)>;

}  // namespace crumb

#endif  // CRUMB_LAB_MODEL_ROW_H_
