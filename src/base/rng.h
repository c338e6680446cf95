// Random numbers that are the same on every machine and compiler (the standard's distributions are
// not): xoshiro256** seeded by splitmix64 (Blackman and Vigna, 2018, https://prng.di.unimi.it).
#ifndef CRUMB_BASE_RNG_H_
#define CRUMB_BASE_RNG_H_

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace crumb {

class Rng {
 public:
  explicit Rng(uint64_t seed) {
    for (uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15u;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
      word = z ^ (z >> 31);
    }
  }

  uint64_t Next() {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // In [0, 1), 53 bits.
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }
  // In [0, n), n > 0; the bias of the remainder is below n / 2^64.
  uint64_t Below(uint64_t n) { return Next() % n; }
  // Mean 0, variance 1 (Box and Muller, one of the pair).
  double Gaussian() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - Uniform()));
    return radius * std::cos(6.283185307179586 * Uniform());
  }

 private:
  std::array<uint64_t, 4> state_{};
};

}  // namespace crumb

#endif  // CRUMB_BASE_RNG_H_
