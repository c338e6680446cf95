#include "model/large_pages.h"

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "base/large_pages.h"

namespace crumb {
namespace {

constexpr size_t kLine = 64;

size_t WholeLines(size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

auto PartsOf(PackedMatrix& m) {
  return std::array{&m.codes, &m.scales, &m.zeros, &m.table, &m.input.signs, &m.input.scales};
}

}  // namespace

bool MoveToLargePages(Model& model) {
  std::vector<PackedMatrix*> matrices;
  size_t bytes = 0;
  for (const NamedMatrix& named : model.matrices()) {
    // Of a table that is not the head too, a token reads a row.
    if (named.role == MatrixRole::kEmbedding && !model.config().tied_head) continue;
    PackedMatrix* matrix = model.MutableMatrix(named.name);
    matrices.push_back(matrix);
    for (const auto* part : PartsOf(*matrix)) bytes += WholeLines(part->size());
  }
  const bool offered = LargePagesOffered() && bytes > 0;
  const std::shared_ptr<std::byte> memory = offered ? AllocateLargePages(bytes) : nullptr;
  if (memory == nullptr) return false;
  std::byte* to = memory.get();
  for (PackedMatrix* matrix : matrices) {
    for (auto* part : PartsOf(*matrix)) {
      if (part->empty()) continue;
      std::memcpy(to, part->data(), part->size());
      ReleaseFilePages(*part);
      *part = {to, part->size()};
      to += WholeLines(part->size());
    }
    matrix->owner = memory;
  }
  return true;
}

}  // namespace crumb
