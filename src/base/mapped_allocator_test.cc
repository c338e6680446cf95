#include "base/mapped_allocator.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

namespace crumb {
namespace {

using Floats = std::vector<float, MappedAllocator<float>>;

TEST(MappedAllocator, VectorsGrowMoveAndKeepTheirValues) {
  Floats values(1000, 2.0f);
  values.resize(100'000);
  EXPECT_EQ(values[999], 2.0f);
  EXPECT_EQ(values[99'999], 0.0f);
  const Floats moved = std::exchange(values, {});
  EXPECT_EQ(moved.size(), 100'000u);
  EXPECT_EQ(std::count(moved.begin(), moved.end(), 2.0f), 1000);
}

// msync tells whether a page is mapped.
TEST(MappedAllocator, WhatIsFreedIsNoLongerMapped) {
  MappedAllocator<float> allocator;
  const auto count = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  float* data = allocator.allocate(count);
  data[count - 1] = 1;
  ASSERT_EQ(msync(data, count * sizeof(float), MS_ASYNC), 0);
  allocator.deallocate(data, count);
  EXPECT_EQ(msync(data, count * sizeof(float), MS_ASYNC), -1);
  EXPECT_EQ(errno, ENOMEM);
}

}  // namespace
}  // namespace crumb
