#include "model/large_pages.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "base/large_pages.h"
#include "codecs/tiled_codec.h"
#include "kernels/matmul.h"

namespace crumb {
namespace {

constexpr size_t kLine = 64;

size_t WholeLines(size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

// All parts but the codes.
auto SmallPartsOf(PackedMatrix& m) {
  return std::array{&m.scales, &m.zeros, &m.table, &m.input.signs, &m.input.scales};
}

size_t BytesToMove(PackedMatrix& m) {
  const TiledCodec* faster = FasterForm(m.codec);
  const int64_t codes = faster != nullptr ? faster->SizeOf(m.rows, m.cols).codes : 0;
  size_t bytes = WholeLines(faster != nullptr ? static_cast<size_t>(codes) : m.codes.size());
  for (const auto* part : SmallPartsOf(m)) bytes += WholeLines(part->size());
  return bytes;
}

// Returns where the next matrix may lie.
std::byte* Move(PackedMatrix& m, std::byte* to) {
  const auto place = [&](std::span<const std::byte>& part, std::span<const std::byte> moved) {
    ReleaseFilePages(part);
    part = moved;
    to += WholeLines(moved.size());
  };
  const auto copy = [&](std::span<const std::byte>& part) {
    if (part.empty()) return;
    std::memcpy(to, part.data(), part.size());
    place(part, {to, part.size()});
  };
  if (const TiledCodec* faster = FasterForm(m.codec)) {
    const PartBytes size = faster->SizeOf(m.rows, m.cols);
    const std::span codes(to, static_cast<size_t>(size.codes));
    faster->Tile(m, codes);
    place(m.codes, codes);
    // What is among the codes now.
    if (size.scales == 0) ReleaseFilePages(std::exchange(m.scales, {}));
    if (size.zeros == 0) ReleaseFilePages(std::exchange(m.zeros, {}));
    m.codec = faster;
  } else {
    copy(m.codes);
  }
  for (auto* part : SmallPartsOf(m)) copy(*part);
  return to;
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
    bytes += BytesToMove(*matrix);
  }
  const bool faster = std::ranges::any_of(
      matrices, [](const PackedMatrix* m) { return FasterForm(m->codec) != nullptr; });
  const bool worth_it = bytes > 0 && (faster || LargePagesOffered());
  const std::shared_ptr<std::byte> memory = worth_it ? AllocateLargePages(bytes) : nullptr;
  if (memory == nullptr) return false;
  std::byte* to = memory.get();
  for (PackedMatrix* matrix : matrices) {
    to = Move(*matrix, to);
    matrix->owner = memory;
  }
  return true;
}

}  // namespace crumb
