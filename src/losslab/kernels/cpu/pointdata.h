// Numbers of any of the four types, read and written as the computing type.
#pragma once
#include "half.h"
#include "losslab.h"

namespace losslab {

template <class T, class From> INLINE void widen_all(const void *from, int64_t first, int64_t count, T *to) {
    const From *numbers = static_cast<const From *>(from) + first;
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) to[i] = T(numbers[i]);
}

// `count` numbers from `first` on, as T: in place where they are of that type, else written into `buffer`.
template <class T>
const T *numbers_as(const void *from, int32_t dtype, int64_t first, int64_t count, T *buffer) {
    if (dtype == (sizeof(T) == 4 ? LOSSLAB_F32 : LOSSLAB_F64)) return static_cast<const T *>(from) + first;
    if (dtype == LOSSLAB_F32) widen_all<T, float>(from, first, count, buffer);
    if (dtype == LOSSLAB_F64) widen_all<T, double>(from, first, count, buffer);
    if (dtype == LOSSLAB_BF16 || dtype == LOSSLAB_F16) {
        const uint16_t *halves = static_cast<const uint16_t *>(from) + first;
        if (dtype == LOSSLAB_BF16) {
#pragma omp simd
            for (int64_t i = 0; i < count; ++i) buffer[i] = T(from_bfloat16(halves[i]));
        } else if constexpr (sizeof(T) == sizeof(float)) {
            widen_float16(halves, count, buffer);
        } else {
#pragma omp simd
            for (int64_t i = 0; i < count; ++i) buffer[i] = T(from_float16(halves[i]));
        }
    }
    return buffer;
}

// Rounds once. What is of a half type was computed in float.
inline void write_halves(const float *numbers, int64_t count, void *to, int32_t dtype, int64_t first) {
    uint16_t *halves = static_cast<uint16_t *>(to) + first;
    if (dtype == LOSSLAB_BF16) narrow_bfloat16(numbers, count, halves);
    else narrow_float16(numbers, count, halves);
}

}  // namespace losslab
