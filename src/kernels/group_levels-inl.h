// How the groups of every integer format are read, kLanes weight rows at a time. Part of
// matmul-inl.h.
//
// Unpack(codes, stride, use) reads one group of kLanes rows (row i at codes + i * stride) and calls
// use(q, levels) sixteen times: `levels` are those of columns 4 q .. 4 q + 3 of the group, four
// bytes in the lane of each row. The ternary format has an order of its own (TernaryOrder).

template <WeightFormat kFormat>
struct GroupLevels;

template <>
struct GroupLevels<WeightFormat::kInt8> {
  static constexpr int64_t kBytes = 64;
  template <typename Use>
  CRUMB_INLINE static inline void Unpack(const uint8_t* codes, int64_t stride, const Use& use) {
    CRUMB_UNROLL for (int block = 0; block < 4; ++block) {
      Simd::Quads bytes[4];
      Simd::Transpose(codes + 16 * block, stride, bytes);
      CRUMB_UNROLL for (int i = 0; i < 4; ++i) use(4 * block + i, Simd::Wide(bytes[i]));
    }
  }
};

template <>
struct GroupLevels<WeightFormat::kInt4> {
  static constexpr int64_t kBytes = 32;
  template <typename Use>
  CRUMB_INLINE static inline void Unpack(const uint8_t* codes, int64_t stride, const Use& use) {
    CRUMB_UNROLL for (int half = 0; half < 2; ++half) {
      Simd::Quads bytes[4];
      Simd::Transpose(codes + 16 * half, stride, bytes);
      CRUMB_UNROLL for (int i = 0; i < 4; ++i) {
        use(4 * half + i, Simd::And(bytes[i], 15));
        use(4 * half + i + 8, Simd::And(Simd::ShiftRight<4>(bytes[i]), 15));
      }
    }
  }
};

template <typename Use>
CRUMB_INLINE inline void UnpackTwoBits(const uint8_t* codes, int64_t stride, const Use& use) {
  Simd::Quads bytes[4];
  Simd::Transpose(codes, stride, bytes);
  CRUMB_UNROLL for (int i = 0; i < 4; ++i) {
    use(i, Simd::And(bytes[i], 3));
    use(i + 4, Simd::And(Simd::ShiftRight<2>(bytes[i]), 3));
    use(i + 8, Simd::And(Simd::ShiftRight<4>(bytes[i]), 3));
    use(i + 12, Simd::And(Simd::ShiftRight<6>(bytes[i]), 3));
  }
}

template <>
struct GroupLevels<WeightFormat::kInt2> {
  static constexpr int64_t kBytes = 16;
  template <typename Use>
  CRUMB_INLINE static inline void Unpack(const uint8_t* codes, int64_t stride, const Use& use) {
    UnpackTwoBits(codes, stride, use);
  }
};

template <>
struct GroupLevels<WeightFormat::kInt3> {
  static constexpr int64_t kBytes = 24;
  template <typename Use>
  CRUMB_INLINE static inline void Unpack(const uint8_t* codes, int64_t stride, const Use& use) {
    Simd::Quads bits[2];
    Simd::TransposeHalf(codes + 16, stride, bits);
    UnpackTwoBits(codes, stride, [&](int q, Simd::Quads low) CRUMB_INLINE {
      use(q, Simd::Or(low, Simd::FourBits<4>(bits[q / 8], q % 8)));
    });
  }
};

// Levels 0 and 2, so that a weight is scale * (level - 1).
template <>
struct GroupLevels<WeightFormat::kInt1> {
  static constexpr int64_t kBytes = 8;
  template <typename Use>
  CRUMB_INLINE static inline void Unpack(const uint8_t* codes, int64_t stride, const Use& use) {
    Simd::Quads bits[2];
    Simd::TransposeHalf(codes, stride, bits);
    CRUMB_UNROLL for (int q = 0; q < 16; ++q) use(q, Simd::FourBits<2>(bits[q / 8], q % 8));
  }
};

template <>
struct GroupLevels<WeightFormat::kBinaryRow> : GroupLevels<WeightFormat::kInt1> {};

// Digit k of byte j is column 13 k + j. Reads three bytes past the group.
template <>
struct GroupLevels<WeightFormat::kTernary> {
  static constexpr int64_t kBytes = 13;
  template <typename Use>
  CRUMB_INLINE static inline void Unpack(const uint8_t* codes, int64_t stride, const Use& use) {
    Simd::Quads bytes[4];
    Simd::Transpose(codes, stride, bytes);
    CRUMB_UNROLL for (int i = 0; i < 3; ++i) {
      Simd::Quads digits[5];
      Simd::TernaryDigits(bytes[i], digits);
      CRUMB_UNROLL for (int k = 0; k < 5; ++k) use(3 * k + i, digits[k]);
    }
    use(15, Simd::TernaryDigitsOfByte(bytes[3]));
  }
};

// The codes of a group in the order that the ternary levels come in: for each digit k those of
// bytes 0 to 11, and last the first four digits of byte 12.
inline void TernaryOrder(const int8_t* codes, int8_t* out) {
  CRUMB_UNROLL for (int k = 0; k < 5; ++k) __builtin_memcpy(out + 12 * k, codes + 13 * k, 12);
  CRUMB_UNROLL for (int k = 0; k < 4; ++k) out[60 + k] = codes[13 * k + 12];
}

// The formula of a group format: weight = scale * (kStep * level - offset), offset = zero *
// (kLevels - 1) / 255, or 1 without zero point (codecs/group_int.h).
template <WeightFormat kFormat>
struct Format {
  static constexpr float kStep = kFormat == WeightFormat::kInt1 ? 2 : 1;
  static constexpr float kLevels = kFormat == WeightFormat::kInt8   ? 256
                                   : kFormat == WeightFormat::kInt4 ? 16
                                   : kFormat == WeightFormat::kInt3 ? 8
                                                                    : 4;  // the others have no zero
  static constexpr bool kIsInt8 = kFormat == WeightFormat::kInt8;
};

// One group as bytes in the order of its columns, for the float kernels.
template <WeightFormat kFormat>
void UnpackOne(const uint8_t* codes, uint8_t* levels) {
  const auto low_bits = [&](int bits, int bytes) {
    for (int part = 0; part < 8 / bits; ++part) {
      for (int j = 0; j < bytes; ++j) {
        levels[part * bytes + j] =
            static_cast<uint8_t>(codes[j] >> (part * bits) & ((1 << bits) - 1));
      }
    }
  };
  if constexpr (kFormat == WeightFormat::kInt8) {
    for (int j = 0; j < kGroup; ++j) levels[j] = codes[j];
  } else if constexpr (kFormat == WeightFormat::kInt4) {
    low_bits(4, 32);
  } else if constexpr (kFormat == WeightFormat::kInt2) {
    low_bits(2, 16);
  } else if constexpr (kFormat == WeightFormat::kInt3) {
    low_bits(2, 16);
    for (int j = 0; j < kGroup; ++j) {
      levels[j] = static_cast<uint8_t>(levels[j] | (codes[16 + j / 8] >> (j % 8) & 1) << 2);
    }
  } else if constexpr (kFormat == WeightFormat::kTernary) {
    for (int k = 0, power = 1; k < 5; ++k, power *= 3) {
      for (int j = 0; j < (k < 4 ? 13 : 12); ++j) {
        levels[13 * k + j] = static_cast<uint8_t>(3 * (codes[j] * power & 255) >> 8);
      }
    }
  } else {
    for (int j = 0; j < kGroup; ++j) levels[j] = codes[j / 8] >> (j % 8) & 1;
  }
}
