// One row of int8 activations times grids of 8, 4 and 2 bits with AVX-512 and GFNI. Part of
// matmul_avx512.cc, which includes it behind matmul-inl.h.
//
// Weight rows are read one after another, whole lines of 64 bytes, so that memory is read in the
// order of its addresses. A line holds 1, 2 or 4 groups. Part k of the bits of every byte is a
// vector of levels, whose activation codes were put into the same order before; a lane of 32 bits
// belongs to one group. The sums of 16 groups are added up to a lane each, and go to scratch; when
// 16 rows are there, they are turned, and floats are added with a lane for each row as everywhere.

template <WeightFormat kFormat>
struct GridRow {
  using Vector = __m512i;
  static constexpr bool kWide = kFormat == WeightFormat::kInt8;
  static constexpr int kBits = kWide ? 8 : kFormat == WeightFormat::kInt4 ? 4 : 2;
  static constexpr int kParts = 8 / kBits;  // vectors of levels of a line
  static constexpr int64_t kGroupBytes = 8 * kBits;
  static constexpr int64_t kGroups = 64 / kGroupBytes;  // of a line
  static constexpr int64_t kBatch = 16;                 // groups
  static constexpr int kLines = kBatch / kGroups;

  // Codes of `groups` groups (then zeros, to a whole batch) in the order of lines and parts.
  static void Arrange(const int8_t* codes, int64_t groups, int8_t* out) {
    __builtin_memset(out, 0, static_cast<uint64_t>(RoundUp(groups, kBatch) * kGroup));
    for (int64_t g = 0; g < groups; ++g, codes += kGroup) {
      int8_t* line = out + g / kGroups * kGroups * kGroup + g % kGroups * kGroupBytes;
      for (int part = 0; part < kParts; ++part) {
        __builtin_memcpy(line + 64 * part, codes + kGroupBytes * part, kGroupBytes);
      }
    }
  }

  // Bits kBits * kPart and on of each byte.
  template <int kPart>
  static Vector Levels(Vector bytes) {
    if constexpr (kWide) {
      return bytes;
    } else if constexpr (kPart == 0) {
      return _mm512_and_si512(bytes, _mm512_set1_epi8((1 << kBits) - 1));
    } else {
      uint64_t matrix = 0;  // byte 7 - i makes bit i of that which it names
      for (int i = 0; i < kBits; ++i) matrix |= uint64_t{1} << (kBits * kPart + i) << 8 * (7 - i);
      const Vector matrices = _mm512_set1_epi64(static_cast<int64_t>(matrix));
      return _mm512_gf2p8affine_epi64_epi8(bytes, matrices, 0);
    }
  }
  template <int kPart = 0>
  static CRUMB_INLINE inline Vector Dot(Vector bytes, const int8_t* codes, Vector sum) {
    sum = _mm512_dpbusd_epi32(sum, Levels<kPart>(bytes), Simd::LoadCodes(codes + 64 * kPart));
    if constexpr (kPart + 1 < kParts) return Dot<kPart + 1>(bytes, codes, sum);
    return sum;
  }

  // Sums of neighbours, a's and b's by turns in each 128-bit lane.
  static Vector AddNeighbours(Vector a, Vector b) {
    const __m512 x = _mm512_castsi512_ps(a), y = _mm512_castsi512_ps(b);
    return _mm512_add_epi32(_mm512_castps_si512(_mm512_shuffle_ps(x, y, 0x88)),
                            _mm512_castps_si512(_mm512_shuffle_ps(x, y, 0xdd)));
  }
  static Vector AddLanes(Vector a, Vector b) {
    return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xdd));
  }
  // A lane for each group of a batch, from the sums of its lines.
  static CRUMB_INLINE inline Vector SumGroups(const Vector (&lines)[kLines]) {
    Vector fours[kLines / 4];  // lane 4 L + i: sum of 128-bit lane L of line i
    CRUMB_UNROLL for (int i = 0; i < kLines / 4; ++i) {
      fours[i] = AddNeighbours(AddNeighbours(lines[4 * i], lines[4 * i + 1]),
                               AddNeighbours(lines[4 * i + 2], lines[4 * i + 3]));
    }
    if constexpr (kBits == 8) {
      return AddLanes(AddLanes(fours[0], fours[1]), AddLanes(fours[2], fours[3]));
    } else if constexpr (kBits == 4) {
      const Vector from = _mm512_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
      return _mm512_permutexvar_epi32(from, AddLanes(fours[0], fours[1]));
    } else {
      const Vector from = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
      return _mm512_permutexvar_epi32(from, fours[0]);
    }
  }

  template <bool kWhole>
  static CRUMB_INLINE inline void DotsOfBatch(const uint8_t* row, int64_t bytes,
                                              const int8_t* codes, int32_t* dots) {
    Vector lines[kLines];
    CRUMB_UNROLL for (int i = 0; i < kLines; ++i) {
      const uint8_t* line = row + 64 * i;
      const int64_t n = kWhole ? 64 : bytes - 64 * i;
      lines[i] = _mm512_setzero_si512();
      if (n <= 0) continue;
      const Vector levels =
          n >= 64 ? _mm512_loadu_si512(line) : _mm512_maskz_loadu_epi8(~(~uint64_t{0} << n), line);
      lines[i] = Dot(levels, codes + 64 * kParts * i, lines[i]);
    }
    _mm512_store_si512(dots, SumGroups(lines));
  }
  // dots[g] of all groups of a row, to a whole batch.
  static void DotsOfRow(const uint8_t* row, int64_t groups, const int8_t* codes, int32_t* dots) {
    int64_t g = 0;
    for (; g + kBatch <= groups; g += kBatch) {
      DotsOfBatch<true>(row + g * kGroupBytes, 0, codes + g * kGroup, dots + g);
    }
    if (g < groups) {
      DotsOfBatch<false>(row + g * kGroupBytes, (groups - g) * kGroupBytes, codes + g * kGroup,
                         dots + g);
    }
  }

  static void Prefetch(const uint8_t* p, int64_t bytes) {
    for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(p + i, 0, 2);
  }

  // As IntRowsOfOne, with x.codes from Arrange. Scales and zeros of the next tile are prefetched:
  // it reads all of them at its start, row beside row. `dots`: 16 rows of whole batches, aligned
  // to 64.
  static Float Rows(const uint8_t* rows, const IntInputs& x, const float* scales,
                    const float* offsets, const uint8_t* next_scales, const uint8_t* next_zeros,
                    int32_t* dots) {
    constexpr int kFactor = kStart<kWide, true>;
    const int64_t stride = RoundUp(x.groups, kBatch);
    for (int64_t r = 0; r < kLanes; ++r) {
      Prefetch(next_scales + 2 * r * x.groups, 2 * x.groups);
      if (next_zeros != nullptr) Prefetch(next_zeros + r * x.groups, x.groups);
      DotsOfRow(rows + r * x.groups * kGroupBytes, x.groups, x.codes, dots + r * stride);
    }
    Float acc = Simd::Zero();
    for (int64_t first = 0; first < x.groups; first += 4) {
      Vector four[4];
      Simd::Transpose(reinterpret_cast<const uint8_t*>(dots + first), 4 * stride, four);
      CRUMB_UNROLL for (int i = 0; i < 4; ++i) {
        const int64_t g = first + i;
        if (g >= x.groups) break;
        Vector dot = four[i];
        if constexpr (kFactor != 0) dot = Simd::AddInts(dot, Simd::SetInts(kFactor * x.sums[g]));
        const Float product = Simd::Mul(Simd::Load(scales + g * kLanes), Simd::Set(x.scales[g]));
        acc = Simd::Fma(Simd::ToFloat(dot), product, acc);
        acc = Simd::Fnma(Simd::Load(offsets + g * kLanes), Simd::Set(x.offsets[g]), acc);
      }
    }
    return acc;
  }
};
