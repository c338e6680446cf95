// Family: what is particular to one kind of transformer. A family is one short file: how its
// configuration reads, and what its tensors are called in each source. Everything else is shared.
// A new family is a new file and one line in families.cc.
#ifndef CRUMB_MODEL_FAMILY_H_
#define CRUMB_MODEL_FAMILY_H_

#include <span>
#include <string>
#include <string_view>

#include "base/json_fwd.h"
#include "base/status.h"
#include "formats/gguf.h"
#include "model/config.h"

namespace crumb {

// What turns a tensor of a source into the canonical weight. Flags, applied in this order.
enum Transform : unsigned {
  kNone = 0,
  kTranspose = 1,        // stored as [input, output]
  kFusedQkv = 2,         // rows of query, key and value lie behind one another in one tensor
  kInterleavedRope = 4,  // rows of a head ordered for rotation of pairs (2i, 2i+1); GGUF's llama
  kAddOne = 8,           // the norm multiplies by 1 + weight
};

// Canonical stem (model/layout.h) -> stem in the source. Stems that no rule names are the same.
struct TensorRule {
  std::string_view stem;
  std::string_view source;
  unsigned transform = kNone;
};

// How one kind of source names its tensors.
struct TensorNames {
  std::span<const std::string_view> prefixes;  // tried in turn before every name; empty: none
  std::string_view block;                      // before a layer's number, with its dot
  std::span<const TensorRule> rules;           // looked up first
  std::span<const TensorRule> shared_rules;    // then these
  std::span<const std::string_view> ignored;   // parts of names of tensors that may stay unused

  const TensorRule* Find(std::string_view stem) const;
};

struct Family {
  std::string_view name;
  std::span<const std::string_view> model_types;  // "model_type" of config.json
  std::string_view gguf_architecture;             // empty: not read from GGUF

  Result<ModelConfig> (*from_json)(const Json& config, const std::string& file);
  TensorNames json_names;
  Result<ModelConfig> (*from_gguf)(const GgufFile& gguf);
  TensorNames gguf_names;
};

std::span<const Family* const> AllFamilies();
// nullptr when unknown. An empty name is unknown.
const Family* FindFamilyByModelType(std::string_view model_type);
const Family* FindFamilyByGgufArchitecture(std::string_view architecture);
// "llama, qwen2, ...", for messages.
std::string FamilyNames();

}  // namespace crumb

#endif  // CRUMB_MODEL_FAMILY_H_
