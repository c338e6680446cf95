#include "evidence/validity.h"

#include "base/json.h"

namespace crumb {

bool SaysBusy(const Evidence& row) {
  // Parsing every detail would cost: some hold thousands of samples.
  if (row.detail.find("\"valid\"") == std::string::npos) return false;
  const Result<Json> detail = ParseJson(row.detail, "detail");
  if (!detail.ok() || !detail->is_object()) return false;
  const auto busy = detail->find("machine_busy");
  if (busy != detail->end()) return busy->is_boolean() && busy->get<bool>();
  const auto valid = detail->find("valid");
  return valid != detail->end() && valid->is_boolean() && !valid->get<bool>();
}

}  // namespace crumb
