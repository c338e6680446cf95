// The rotation of kernels/rotation.h, written once for every instruction set. No include guard:
// matmul-inl.h includes it, inside the anonymous namespace of a set.

// The first stages of a Hadamard transform mix numbers inside a vector: one small dense matrix.
struct SmallHadamard {
  alignas(64) float sign[kLanes][kLanes];
};

constexpr SmallHadamard MakeSmallHadamard() {
  SmallHadamard h = {};
  for (int64_t i = 0; i < kLanes; ++i) {
    for (int64_t j = 0; j < kLanes; ++j) {
      h.sign[i][j] = __builtin_popcountll(static_cast<uint64_t>(i & j)) % 2 == 0 ? 1.0f : -1.0f;
    }
  }
  return h;
}

constexpr SmallHadamard kSmallHadamard = MakeSmallHadamard();

// Hadamard transform of each kLanes numbers, without a factor. n: a multiple of kLanes.
void HadamardInVectors(int64_t n, float* x) {
  for (int64_t at = 0; at < n; at += kLanes) {
    Float sum = Simd::Zero();
    CRUMB_UNROLL for (int64_t i = 0; i < kLanes; ++i) {
      sum = Simd::Fma(Simd::Set(x[at + i]), Simd::Load(kSmallHadamard.sign[i]), sum);
    }
    Simd::Store(x + at, sum);
  }
}

// x <- sum and difference of numbers `step` apart. step: a multiple of kLanes.
void Butterflies(int64_t n, int64_t step, float* x) {
  for (int64_t block = 0; block < n; block += 2 * step) {
    for (int64_t i = block; i < block + step; i += kLanes) {
      const Float a = Simd::Load(x + i);
      const Float b = Simd::Load(x + i + step);
      Simd::Store(x + i, Simd::Add(a, b));
      Simd::Store(x + i + step, Simd::Fnma(b, Simd::Set(1), a));
    }
  }
}

void Rotate(const float* mixing, float factor, int64_t odd, int64_t power, float* x,
            float* scratch) {
  const int64_t n = odd * power;
  HadamardInVectors(n, x);
  for (int64_t step = kLanes; step < power; step *= 2) Butterflies(n, step, x);
  for (int64_t i = 0; i < odd; ++i) {
    for (int64_t j = 0; j < power; j += kLanes) {
      Float sum = Simd::Zero();
      for (int64_t k = 0; k < odd; ++k) {
        sum = Simd::Fma(Simd::Set(mixing[i * odd + k]), Simd::Load(x + k * power + j), sum);
      }
      Simd::Store(scratch + i * power + j, sum);
    }
  }
  for (int64_t i = 0; i < n; i += kLanes) {
    Simd::Store(x + i, Simd::Mul(Simd::Load(scratch + i), Simd::Set(factor)));
  }
}
