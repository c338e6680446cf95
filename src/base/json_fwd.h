// The name crumb::Json without the weight of base/json.h.
#ifndef CRUMB_BASE_JSON_FWD_H_
#define CRUMB_BASE_JSON_FWD_H_

#include <nlohmann/json_fwd.hpp>

namespace crumb {
using Json = nlohmann::ordered_json;
}  // namespace crumb

#endif  // CRUMB_BASE_JSON_FWD_H_
