// bfloat16 and float16 as bits, to float and back with one rounding to the nearest (ties to even). Plain integer work
// that turns into vector code on every instruction set; right also where subnormal floats are flushed to zero.
#pragma once
#include "port.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

namespace losslab {

INLINE float from_bfloat16(uint16_t half) { return bits<float>(uint32_t(half) << 16); }

INLINE uint16_t to_bfloat16(float x) {
    uint32_t u = bits<uint32_t>(x), rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    return uint16_t((u & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded);
}

INLINE float from_float16(uint16_t half) {
    uint32_t size = uint32_t(half & 0x7fffu) << 13, sign = uint32_t(half & 0x8000u) << 16;
    uint32_t normal = size + (112u << 23);
    uint32_t small = bits<uint32_t>(bits<float>(size + (113u << 23)) - 0x1p-14f);  // subnormal: the subtraction is exact
    uint32_t u = size < 0x00800000u ? small : normal;
    u = size >= 0x0f800000u ? size | 0x7f800000u : u;
    return bits<float>(u | sign);
}

INLINE uint16_t to_float16(float x) {
    uint32_t u = bits<uint32_t>(x), sign = (u >> 16) & 0x8000u;
    u &= 0x7fffffffu;
    uint32_t small = bits<uint32_t>(bits<float>(u) + 0.5f) - 0x3f000000u;  // the addition rounds to a subnormal number
    uint32_t normal = (u - (112u << 23) + 0xfffu + ((u >> 13) & 1u)) >> 13;
    uint32_t out = u < 0x38800000u ? small : normal;
    out = u >= 0x47800000u ? 0x7c00u : out;
    out = u > 0x7f800000u ? 0x7e00u : out;
    return uint16_t(out | sign);
}

// Many at once. A machine that has the conversion to float16 does it itself, also for the last few: the same bits.
#if defined(__F16C__)
INLINE void widen_eight(const uint16_t *from, float *to) {
    _mm256_storeu_ps(to, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(from))));
}

INLINE void narrow_eight(const float *from, uint16_t *to) {
    __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(from), _MM_FROUND_TO_NEAREST_INT);
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to), halves);
}
#else
INLINE void widen_eight(const uint16_t *from, float *to) {
    for (int i = 0; i < 8; ++i) to[i] = from_float16(from[i]);
}

INLINE void narrow_eight(const float *from, uint16_t *to) {
    for (int i = 0; i < 8; ++i) to[i] = to_float16(from[i]);
}
#endif

INLINE void widen_float16(const uint16_t *RESTRICT from, int64_t count, float *RESTRICT to) {
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) widen_eight(from + i, to + i);
    if (i == count) return;
    uint16_t last[8] = {};
    float wide[8];
    std::memcpy(last, from + i, size_t(count - i) * sizeof(uint16_t));
    widen_eight(last, wide);
    std::memcpy(to + i, wide, size_t(count - i) * sizeof(float));
}

INLINE void narrow_float16(const float *RESTRICT from, int64_t count, uint16_t *RESTRICT to) {
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) narrow_eight(from + i, to + i);
    if (i == count) return;
    float last[8] = {};
    uint16_t halves[8];
    std::memcpy(last, from + i, size_t(count - i) * sizeof(float));
    narrow_eight(last, halves);
    std::memcpy(to + i, halves, size_t(count - i) * sizeof(uint16_t));
}

INLINE void widen_bfloat16(const uint16_t *RESTRICT from, int64_t count, float *RESTRICT to) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) to[i] = from_bfloat16(from[i]);
}

INLINE void narrow_bfloat16(const float *RESTRICT from, int64_t count, uint16_t *RESTRICT to) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) to[i] = to_bfloat16(from[i]);
}

}  // namespace losslab
