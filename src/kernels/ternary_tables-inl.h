// For the vector forms of the ternary unpacking. No include guard, no linkage: included inside an
// anonymous namespace (see kernel_table.h).

// Byte i of a ternary group is digit i / 13 of byte i % 13: read with u = byte * 3^(i / 13) mod 256
// (codecs/group_int.h).
struct TernaryTables {
  alignas(64) uint8_t place[64];
  alignas(64) uint8_t power[64];  // 3^(i / 13) mod 256
  alignas(64) uint16_t even[32];  // the powers of bytes 0, 2, 4, ... for 16-bit multiplications
  alignas(64) uint16_t odd[32];
};

constexpr TernaryTables MakeTernaryTables() {
  TernaryTables tables = {};
  for (int i = 0; i < 64; ++i) {
    tables.place[i] = static_cast<uint8_t>(i % 13);
    uint16_t power = 1;
    for (int k = 0; k < i / 13; ++k) power = static_cast<uint16_t>(power * 3);
    tables.power[i] = static_cast<uint8_t>(power);
    (i % 2 == 0 ? tables.even : tables.odd)[i / 2] = power;
  }
  return tables;
}

constexpr TernaryTables kTernary = MakeTernaryTables();
