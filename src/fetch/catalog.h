// The short names of models that crumb knows, each with the hash it was checked with.
#ifndef CRUMB_FETCH_CATALOG_H_
#define CRUMB_FETCH_CATALOG_H_

#include <span>
#include <string_view>

namespace crumb {

struct CatalogModel {
  std::string_view name;
  std::string_view source;
  std::string_view sha256;   // of the .gguf file, or of the model.safetensors file in the folder
  std::string_view licence;  // of the weights
};

std::span<const CatalogModel> Catalog();
// nullptr where there is no such name; also found by its full source.
const CatalogModel* FindInCatalog(std::string_view name_or_source);

}  // namespace crumb

#endif  // CRUMB_FETCH_CATALOG_H_
