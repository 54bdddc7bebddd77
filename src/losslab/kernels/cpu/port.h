// What differs between compilers.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#define RESTRICT __restrict__
#define INLINE inline __attribute__((always_inline))

namespace losslab {

#if defined(__AVX512F__)
constexpr int VECTOR_BYTES = 64;
#elif defined(__AVX__)
constexpr int VECTOR_BYTES = 32;
#else
constexpr int VECTOR_BYTES = 16;
#endif

template <class T> constexpr int LANES = VECTOR_BYTES / int(sizeof(T));

template <class To, class From> INLINE To bits(From value) {
    static_assert(sizeof(To) == sizeof(From), "the same size");
    To result;
    std::memcpy(&result, &value, sizeof(result));
    return result;
}

// std::max and its like are functions that another unit may have compiled for another machine.
template <class T> INLINE T larger(T a, T b) { return a > b ? a : b; }
template <class T> INLINE T smaller(T a, T b) { return a < b ? a : b; }
template <class T> INLINE int64_t rounded_up(int64_t n, T unit) { return (n + unit - 1) / unit * unit; }

}  // namespace losslab
