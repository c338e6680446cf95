#include <algorithm>
#include <array>

#include "model/family.h"

namespace crumb {

const Family* LlamaFamily();
const Family* Qwen2Family();
const Family* Gemma3Family();
const Family* Gpt2Family();
const Family* BertFamily();

std::span<const Family* const> AllFamilies() {
  static const std::array families = {
      LlamaFamily(), Qwen2Family(), Gemma3Family(), Gpt2Family(), BertFamily(),
  };
  return families;
}

const TensorRule* TensorNames::Find(std::string_view stem) const {
  for (std::span<const TensorRule> list : {rules, shared_rules}) {
    for (const TensorRule& rule : list) {
      if (rule.stem == stem) return &rule;
    }
  }
  return nullptr;
}

const Family* FindFamilyByModelType(std::string_view model_type) {
  for (const Family* family : AllFamilies()) {
    const auto& types = family->model_types;
    if (std::find(types.begin(), types.end(), model_type) != types.end()) return family;
  }
  return nullptr;
}

const Family* FindFamilyByGgufArchitecture(std::string_view architecture) {
  for (const Family* family : AllFamilies()) {
    if (!architecture.empty() && family->gguf_architecture == architecture) return family;
  }
  return nullptr;
}

std::string FamilyNames() {
  std::string names;
  for (const Family* family : AllFamilies()) {
    if (!names.empty()) names += ", ";
    names += family->name;
  }
  return names;
}

}  // namespace crumb
