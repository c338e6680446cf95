// Inside of src/kernels: what one instruction set offers, and the plain structs it works on.
//
// The files X_avx2.cc, X_avx512.cc, X_neon.cc are compiled for CPUs that the program may not run
// on, so they see only plain data from here: an inline function or a template with linkage could be
// emitted there with the wrong instructions and then be chosen by the linker for everyone.
#ifndef CRUMB_KERNELS_KERNEL_TABLE_H_
#define CRUMB_KERNELS_KERNEL_TABLE_H_

#include <cstdint>

namespace crumb {

class Codec;
struct AttentionShape;
struct KvView;
enum class Activation;

enum class WeightFormat {
  kFloat32,
  kFloat16,
  kBfloat16,
  kInt8,
  kInt4,
  kInt3,
  kInt2,
  kInt1,
  kTernary,
  kTrellis1,
  kTrellis2,
  kTrellis3,
  kTrellis4,
  kBinaryRow,
  // In tiles: only for sets that take them (MatmulKernels).
  kTiledTrellis1,
  kTiledTrellis2,
  kTiledTrellis3,
  kTiledTrellis4,
  kTiledInt8,
  kTiledInt4,
  kTiledInt3,
  kTiledInt2,
  kTiledInt1,
  kTiledTernary,
  kTiledBinaryRow,
  kTiledFloat16,
  kTiledBfloat16
};

// A PackedMatrix of one of the formats above. Nothing is aligned: parts may lie anywhere in a file.
struct WeightView {
  WeightFormat format;
  const Codec* codec;  // the definition, for the scalar set
  int64_t cols;
  int64_t groups;       // ceil(cols / 64)
  int64_t group_bytes;  // of codes of one row; 0 for floats and tiles
  const uint8_t* codes;
  const uint8_t*
      scales;            // float16: rows * groups of group formats (in tiles: none), rows of others
  const uint8_t* zeros;  // rows * groups, or nullptr: no zero point
  const uint8_t* table;  // trellis formats only
};

struct MatrixUnit;

// Rows of int8 activations, as integer products take them: row b starts at codes + b * groups * 64
// and at b * groups of the others.
struct IntInputs {
  const int8_t* codes;
  const float* scales;
  const float* offsets;  // scale times sum; nullptr where weights have no offsets
  const int32_t* sums;
  int64_t groups;
  const MatrixUnit* unit;  // as in ActivationView
};

// What a unit for matrices of int8 (AMX) multiplies: a group of 16 weight rows of up to 8 bits,
// unpacked, is 16 quads (four columns each) of 16 words, word r four levels of row r; groups lie
// one behind the other. In floats, in this order, each operation rounded once:
//   acc <- fma(float(dot + start sum), scale x_scale, acc);  acc <- fma(-offset, x_offset, acc)
// group after group, with `dot` the exact sum of level times code and `sum` that of the group's
// codes.
struct UnpackedRows {
  const uint8_t* levels;
  const float* scales;      // group, row; nullptr: 1, and no offsets
  const float* offsets;     // group, row
  const float* row_scales;  // without scales: the sum times that of its row
  int64_t rows;             // of the 16 that are stored
  int32_t start;
};
struct MatrixUnit {
  int64_t batch;      // activation rows that it takes at least
  void (*prepare)();  // on a thread, before it calls multiply
  void (*release)();  // after that
  // y[b * y_stride + r] for `n` activation rows.
  void (*multiply)(const UnpackedRows& w, const IntInputs& x, int64_t n, float* y,
                   int64_t y_stride);
};

// Rows of activations (kernels/matmul.h) as pointers: row b starts at floats + b * groups * 64 and
// codes + b * groups * 64, its scales and sums at b * groups.
struct ActivationView {
  int64_t batch;
  int64_t groups;
  bool int8;
  const float* floats;
  const int8_t* codes;
  const float* scales;
  const int32_t* sums;
  const MatrixUnit* unit;  // prepared, or nullptr: there is none, or too few rows or floats
};

// Weight rows that a matrix kernel may decode at a time; see MatmulKernels::rows.
inline constexpr int64_t kTileRows = 16;

// Columns up to which rows of floats are short: activations stay in the innermost cache from one
// row to the next.
inline constexpr int64_t kShortFloatRow = 2048;

// Floats in the widest vector of any set.
inline constexpr int64_t kWidestVector = 16;

struct MatmulKernels {
  // Codes, scales and code sums of `groups` groups of 64 floats: scale = amax / 127, code =
  // round(x / scale) to nearest even, with amax taken over `groups_of_a_scale` groups (which
  // divides `groups`), whose scales are then equal. With a NaN or Inf among them: scale NaN and
  // codes 0.
  void (*quantize)(const float* x, int64_t groups, int64_t groups_of_a_scale, int8_t* codes,
                   float* scales, int32_t* sums);

  // y[b * y_stride + r] for weight rows begin <= r < end and all activation rows b. `scratch` is
  // ScratchBytes(w.groups, x.batch) bytes, aligned to 64, for this call alone.
  void (*rows)(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end, float* y,
               int64_t y_stride, void* scratch);

  // x <- factor (M (x) H) x in place for odd * power floats: H the Sylvester-Hadamard matrix of
  // `power` with entries 1 and -1, M `mixing`, odd x odd row-major. power: a power of two, for
  // vector sets at least kWidestVector. scratch: odd * power floats.
  void (*rotate)(const float* mixing, float factor, int64_t odd, int64_t power, float* x,
                 float* scratch);

  // Whether `rows` takes trellises, integer grids and floats in tiles (codecs/tiled_codec.h), which
  // it then multiplies faster than those in the order of files.
  bool trellis_tiles;
  bool grid_tiles;
  bool float_tiles;

  // For sets of 16 lanes; nullptr: none.
  const MatrixUnit* unit;
};

// A tile of decoded rows, twice as much again for scales and windows or for the 128 rows of a tile
// of trellis codes as bytes, and what is prepared of each activation row: its codes in another
// order, a float for each group.
constexpr int64_t ScratchBytes(int64_t groups, int64_t batch) {
  return (3 * kTileRows * 64 * 4 + batch * (64 + 4)) * groups + 4096;
}

// Keys that attention takes at a time.
inline constexpr int64_t kKeyBlock = 64;

// head_dim rounded up to whole vectors of any set.
constexpr int64_t AttentionWidth(int64_t head_dim) {
  return (head_dim + kWidestVector - 1) / kWidestVector * kWidestVector;
}

// Three blocks of keys (keys, values, keys transposed); for each query its numbers, a block of
// scores, a factor and the two ends of a range of keys.
constexpr int64_t AttentionScratchFloats(int64_t head_dim, int64_t queries) {
  return 3 * kKeyBlock * AttentionWidth(head_dim) +
         queries * (AttentionWidth(head_dim) + kKeyBlock + 5) + 4;
}

// Query rows begin <= i < end (row i stands at position first + i), the heads that share `kv_head`,
// and of the `total` keys those in [key_begin, key_end); key_begin is a multiple of kKeyBlock, and
// so is key_end unless it is `total`.
struct AttentionPiece {
  int64_t first;
  int64_t begin;
  int64_t end;
  int64_t total;
  int64_t kv_head;
  int64_t key_begin;
  int64_t key_end;
};

struct AttentionKernels {
  // Writes the online softmax of each query of the piece over its keys; a query is a head of a row,
  // heads of a row side by side. `state`: queries x AttentionWidth sums of e^(score - largest) *
  // value, then queries x 2: largest score (the lowest float if there is none) and sum of
  // e^(score - largest). Other arguments as for Attention in kernels/attention.h; `scratch` is
  // AttentionScratchFloats floats; both are aligned to 64 bytes.
  void (*attend)(const AttentionShape& shape, const float* q, const KvView& kv,
                 const AttentionPiece& piece, float* state, float* scratch);
  // kernels/attention.h
  void (*to_half)(const float* x, int64_t n, uint16_t* out);
  float (*to_int8)(const float* x, int64_t n, int8_t* codes);
};

struct LayerKernels {
  // One row each.
  void (*rms_norm)(const float* x, const float* weight, float eps, int64_t cols, float* y);
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float eps,
                     int64_t cols, float* y);
  void (*rope)(const float* cosines, const float* sines, int64_t heads, int64_t dim, float* x);
  void (*gated_activation)(Activation f, const float* gate, const float* up, int64_t n, float* y);
  void (*activation)(Activation f, float* x, int64_t n);
  int64_t (*arg_max)(const float* x, int64_t n);
  // kernels/layers.h
  double (*exponentials)(const float* x, int64_t n, double largest, double factor, double* y);
};

struct KernelSet {
  const char* name;
  const MatmulKernels* matmul;
  const LayerKernels* layers;
  const AttentionKernels* attention;
};

// The set that runs now (kernels/kernel_set.h).
const KernelSet& CurrentKernels();

const MatmulKernels& ScalarMatmul();
const LayerKernels& ScalarLayers();
const AttentionKernels& ScalarAttention();
// Only where the program is compiled for x86; to be called only on a CPU that has the set.
const MatmulKernels& Avx2Matmul();
const LayerKernels& Avx2Layers();
const AttentionKernels& Avx2Attention();
const MatmulKernels& Avx512Matmul();
const LayerKernels& Avx512Layers();
const AttentionKernels& Avx512Attention();
// Those of avx512 with a matrix unit.
const MatmulKernels& AmxMatmul();
// Only for ARM.
const MatmulKernels& NeonMatmul();
const LayerKernels& NeonLayers();
const AttentionKernels& NeonAttention();

}  // namespace crumb

#endif  // CRUMB_KERNELS_KERNEL_TABLE_H_
