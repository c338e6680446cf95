#include "model/weight_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "codecs/float_codecs.h"

namespace crumb {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// The odd part of a rotation may be 255 at most.
TEST(PackedSource, ARotationOfAWidthWithoutOneIsRefusedWithTheMatrixName) {
  for (const int64_t cols : {510, 514}) {
    const auto count = static_cast<size_t>(cols);
    const std::vector<std::byte> signs((count + 7) / 8);
    PackedFolder folder;
    folder.path = "out";
    PackedMatrix matrix = PackFloats(Float32Codec(), 1, cols, std::vector<float>(count));
    matrix.input.signs = signs;
    folder.matrices.emplace("head.weight", matrix);
    PackedSource source(folder);
    WeightSpec spec;
    spec.stem = "head";
    spec.suffix = "weight";
    spec.shape = {1, cols};
    const Result<PackedMatrix> found = source.Matrix(spec);
    EXPECT_EQ(found.ok(), cols == 510);
    if (found.ok()) continue;
    EXPECT_EQ(found.status().code(), StatusCode::kUnsupported);
    EXPECT_THAT(found.status().message(), AllOf(HasSubstr("out"), HasSubstr("514 columns")));
  }
}

}  // namespace
}  // namespace crumb
