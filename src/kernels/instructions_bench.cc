// What tools/check_instructions.py counts under valgrind: one product of every codec, and of its
// form in tiles where the set has one, alone in a function that the tool knows by name. Prints the
// compiler, then a line for each product in the order in which they run: set, codec, rows of
// activations.
//
// usage: instructions_bench SET
#include <fmt/format.h>

#include <vector>

#include "base/rng.h"
#include "base/thread_pool.h"
#include "codecs/codec.h"
#include "codecs/float_codecs.h"
#include "kernels/kernel_set.h"
#include "kernels/matmul.h"
#include "kernels/testing_matrices.h"

// Not inlined, and of a plain name.
extern "C" __attribute__((noinline)) void CountedProduct(const crumb::PackedMatrix* w,
                                                         const crumb::Activations* x, float* y,
                                                         crumb::ThreadPool* pool) {
  crumb::MatMul(*w, *x, y, w->rows, *pool);
}

namespace crumb {
namespace {

// Tiles of sixteen rows and one that is not full; whole groups and one that is not.
constexpr int64_t kRows = 72, kCols = 616;

int Main(const char* set) {
  if (const Status status = SelectKernelSet(set); !status.ok()) {
    fmt::print("{}\n", status.message());
    return 1;
  }
  fmt::print("{}\n", __VERSION__);
  std::vector<const Codec*> codecs = {Float16Codec()};
  for (const Codec* codec : AllCodecs()) {
    if (HasInt8Kernel(codec)) codecs.push_back(codec);
  }
  ThreadPool pool(1);
  for (const Codec* codec : codecs) {
    Rng rng(1);
    const PackedMatrix w = RandomWeights(codec, kRows, kCols, rng);
    const auto count = [&](const PackedMatrix& matrix, const char* form) {
      for (const int64_t batch : {1, 4, 17}) {
        const std::vector<float> rows = RandomRows(batch, kCols, rng);
        Activations x;
        x.Set(rows.data(), batch, kCols, kCols, ActivationType::kInt8, pool);
        std::vector<float> y(Index(batch * kRows));
        MatMul(matrix, x, y.data(), kRows, pool);  // makes room for scratch
        CountedProduct(&matrix, &x, y.data(), &pool);
        fmt::print("{},{}{},{}\n", set, codec->name(), form, batch);
      }
    };
    count(w, "");
    if (FasterForm(codec, kCols) != nullptr) count(Tiled(w), " in tiles");
  }
  return 0;
}

}  // namespace
}  // namespace crumb

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print("usage: instructions_bench SET\n");
    return 2;
  }
  return crumb::Main(argv[1]);
}
