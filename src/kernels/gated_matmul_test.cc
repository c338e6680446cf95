#include "kernels/gated_matmul.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "codecs/float_codecs.h"
#include "codecs/group_int.h"
#include "kernels/testing_matrices.h"
#include "kernels/testing_sets.h"

namespace crumb {
namespace {

// Rows that are no multiple of a tile, one row of activations and several, few and many threads.
TEST(GatedMatMul, IsBitForBitTheProductsAndTheActivationOneAfterTheOther) {
  ForEachKernelSet([] {
    Rng rng(5);
    constexpr int64_t kCols = 128;
    const Codec* tiled = FormInTiles(FindCodec("trellis2"));
    for (const Codec* codec :
         {Float16Codec(), FindCodec("int4-g64"), FindCodec("trellis2"), tiled}) {
      for (const int64_t rows : {5, 64, 301}) {
        const PackedMatrix gate = RandomWeights(codec, rows, kCols, rng);
        const PackedMatrix up = RandomWeights(codec, rows, kCols, rng);
        for (const int64_t batch : {1, 3}) {
          const std::vector<float> in = RandomRows(batch, kCols, rng);
          const auto size = Index(batch * rows);
          std::vector<float> g(size), expected(size), scratch(size), out(size);
          ThreadPool one(1);
          Activations x;
          x.Set(in.data(), batch, kCols, kCols, ActivationType::kInt8, one);
          MatMul(gate, x, g.data(), rows, one);
          MatMul(up, x, expected.data(), rows, one);
          GatedActivation(Activation::kSilu, g.data(), expected.data(), batch * rows,
                          expected.data(), one);
          for (const int threads : {1, 2, 3}) {
            ThreadPool pool(threads);
            GatedMatMul(Activation::kSilu, {&gate, scratch.data(), rows}, {&up, out.data(), rows},
                        x, pool);
            ASSERT_EQ(out, expected) << codec->name() << " " << rows << " x " << batch;
          }
        }
      }
    }
  });
}

}  // namespace
}  // namespace crumb
