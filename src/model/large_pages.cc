#include "model/large_pages.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "base/large_pages.h"
#include "base/thread_pool.h"
#include "codecs/tiled_codec.h"
#include "kernels/matmul.h"

namespace crumb {
namespace {

constexpr size_t kLine = 64;

size_t WholeLines(size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

// Where the parts of a matrix go, one behind the other, the codes first.
struct Move {
  PackedMatrix* matrix;
  const TiledCodec* faster;  // nullptr: as they are
  size_t codes;              // bytes there
  size_t to;                 // from the beginning of all
};

// Calls use(part, bytes) for all parts but the codes, with their bytes there: none for those that
// are among the codes of the faster form.
template <typename Use>
void ForSmallParts(const Move& move, const Use& use) {
  PackedMatrix& m = *move.matrix;
  const auto size = move.faster != nullptr ? move.faster->SizeOf(m.rows, m.cols)
                                           : m.codec->SizeOf(m.rows, m.cols);
  use(m.scales, size.scales == 0 ? 0 : m.scales.size());
  use(m.zeros, size.zeros == 0 ? 0 : m.zeros.size());
  for (auto* part : {&m.table, &m.input.signs, &m.input.scales}) use(*part, part->size());
}

// Returns where the next matrix may lie.
size_t Plan(PackedMatrix& m, size_t to, std::vector<Move>& moves) {
  const TiledCodec* faster = FasterForm(m.codec, m.cols);
  const size_t codes = faster != nullptr ? static_cast<size_t>(faster->SizeOf(m.rows, m.cols).codes)
                                         : m.codes.size();
  moves.push_back({&m, faster, codes, to});
  to += WholeLines(codes);
  ForSmallParts(moves.back(), [&](const auto&, size_t bytes) { to += WholeLines(bytes); });
  return to;
}

// Work for one thread: a whole matrix, but [begin, end) of the codes if they are large and copied.
struct Piece {
  size_t move;
  size_t begin, end;
  bool small_parts;
};

// Pieces of `most` bytes, in the order of moves; `count`: of each move.
std::vector<Piece> Cut(std::span<const Move> moves, size_t most,
                       std::span<std::atomic<int>> count) {
  std::vector<Piece> pieces;
  for (size_t i = 0; i < moves.size(); ++i) {
    const Move& move = moves[i];
    size_t begin = 0;
    while (move.faster == nullptr && move.codes - begin > most) {
      // Of a large page, so that two threads seldom wait for the system to fill the same one.
      const size_t end = (move.to + begin) / most * most + most - move.to;
      pieces.push_back({i, begin, end, false});
      ++count[i];
      begin = end;
    }
    pieces.push_back({i, begin, move.codes, true});
    ++count[i];
  }
  return pieces;
}

// Its first `bytes`; all of it is not needed any more.
void CopyPart(std::span<const std::byte> part, size_t bytes, std::byte* to) {
  if (bytes > 0) std::memcpy(to, part.data(), bytes);
  if (!part.empty()) ReleaseFilePages(part);
}

// Writes a piece; the matrix is still the old one.
void Write(const Move& move, const Piece& piece, std::byte* memory) {
  const PackedMatrix& m = *move.matrix;
  std::byte* to = memory + move.to;
  if (move.faster != nullptr) {
    move.faster->Tile(m, {to, move.codes});
    ReleaseFilePages(m.codes);
  } else {
    const size_t bytes = piece.end - piece.begin;
    CopyPart(m.codes.subspan(piece.begin, bytes), bytes, to + piece.begin);
  }
  if (!piece.small_parts) return;
  to += WholeLines(move.codes);
  ForSmallParts(move, [&](const auto& part, size_t bytes) {
    CopyPart(part, bytes, to);
    to += WholeLines(bytes);
  });
}

// Lets the matrix be what was written, and go what it was.
void Finish(const Move& move, const std::shared_ptr<std::byte>& memory) {
  PackedMatrix& m = *move.matrix;
  const std::byte* at = memory.get() + move.to;
  const auto place = [&at](std::span<const std::byte>& part, size_t bytes) {
    part = bytes > 0 ? std::span(at, bytes) : std::span<const std::byte>();
    at += WholeLines(bytes);
  };
  place(m.codes, move.codes);
  ForSmallParts(move, place);
  if (move.faster != nullptr) m.codec = move.faster;
  m.owner = memory;
}

}  // namespace

bool MoveToLargePages(Model& model, size_t piece_bytes) {
  std::vector<Move> moves;
  size_t bytes = 0;
  for (const NamedMatrix& named : model.matrices()) {
    // Of a table that is not the head too, a token reads a row.
    if (named.role == MatrixRole::kEmbedding && !model.config().tied_head) continue;
    bytes = Plan(*model.MutableMatrix(named.name), bytes, moves);
  }
  const bool faster =
      std::ranges::any_of(moves, [](const Move& move) { return move.faster != nullptr; });
  const bool worth_it = bytes > 0 && (faster || LargePagesOffered());
  const std::shared_ptr<std::byte> memory = worth_it ? AllocateLargePages(bytes) : nullptr;
  if (memory == nullptr) return false;
  std::vector<std::atomic<int>> left(moves.size());
  const std::vector<Piece> pieces = Cut(moves, piece_bytes, left);
  std::atomic<size_t> taken = 0;
  ThreadPool(UsableCpus()).Run([&](int) {
    for (size_t next = taken++; next < pieces.size(); next = taken++) {
      const Move& move = moves[pieces[next].move];
      Write(move, pieces[next], memory.get());
      // Whoever is last with a matrix has it for itself.
      if (--left[pieces[next].move] == 0) Finish(move, memory);
    }
  });
  return true;
}

}  // namespace crumb
