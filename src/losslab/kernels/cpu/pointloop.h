// The one loop of all pointwise losses. A loss is a struct template: its constructor prepares numbers from the parameters
// (in double, once per block), and `at` is the value and slope of one element, without branches.
//
// Infinite errors and scores give what the rule gives; where the value is NaN, so is the slope.
#pragma once
#include "pointwise.h"
#include "vecmath.h"

namespace losslab {

constexpr int64_t POINT_CHUNK = 1024;  // elements at a time: input, target, values and slopes stay in the first cache

// Writes weighted values and gradients of a chunk that begins at `first`; returns the sum of the former.
template <class T>
double point_finish(const PointBlock<T> &block, int64_t first, int64_t count, const T *value, const T *slope);

extern template double point_finish(const PointBlock<float> &, int64_t, int64_t, const float *, const float *);
extern template double point_finish(const PointBlock<double> &, int64_t, int64_t, const double *, const double *);

template <template <class> class Loss, class T> double point_loop(const PointBlock<T> &block, const double *params) {
    const Loss<T> loss(params);
    alignas(64) T value[POINT_CHUNK], slope[POINT_CHUNK], inputs[POINT_CHUNK], targets[POINT_CHUNK];
    double sum = 0;
    for (int64_t first = 0; first < block.count; first += POINT_CHUNK) {
        const int64_t count = smaller(block.count - first, POINT_CHUNK);
        const T *input = block.input + first, *target = block.target + first;
        // Whole vectors only: every element goes through the same instructions, wherever it lies.
        const uint64_t whole = (uint64_t(count) + LANES<T> - 1) & ~uint64_t(LANES<T> - 1);
        if (whole != uint64_t(count)) {
            for (int64_t i = 0; i < count; ++i) inputs[i] = input[i], targets[i] = target[i];
            for (uint64_t i = uint64_t(count); i < whole; ++i) inputs[i] = targets[i] = T(0.5);
            input = inputs;
            target = targets;
        }
#pragma omp simd
        for (uint64_t i = 0; i < whole; ++i) loss.at(input[i], target[i], value[i], slope[i]);
        sum += point_finish(block, first, count, value, slope);
    }
    return sum;
}

#define LOSSLAB_POINT(name, params, Loss) {name, params, point_loop<Loss, float>, point_loop<Loss, double>}

// One list for each file of losses, ended by an entry without a name.
extern const PointEntry POINT_REGRESSION[], POINT_RELATIVE[], POINT_ROBUST[], POINT_LIKELIHOOD[], POINT_COUNTS[],
    POINT_BINARY[], POINT_FOCAL[], POINT_MARGINS[];

// A NaN passes through all of these.
template <class T> INLINE T relu_(T x) { return x <= T(0) ? T(0) : x; }
template <class T> INLINE T at_most(T x, T top) { return x > top ? top : x; }
template <class T> INLINE T at_least(T x, T bottom) { return x < bottom ? bottom : x; }
template <class T> INLINE T between(T x, T bottom, T top) { return at_most(at_least(x, bottom), top); }
template <class T> INLINE T sign_(T x) { return x > T(0) ? T(1) : (x < T(0) ? T(-1) : T(0)); }

// Products in which a factor of 0 wins over an infinite other one.
template <class T> INLINE T share_of(T share, T x) { return share == T(0) ? T(0) : share * x; }

// |z| or 1 / |z|, whichever is at most 1: squares of it do not overflow.
template <class T> INLINE T inner(T size) { return size < T(1) ? size : T(1) / size; }

// log(1 + size^2) / 2, where the square may be too large.
template <class T> INLINE T half_log_one_plus_square(T size) {
    constexpr T top = sizeof(T) == 4 ? T(1e18) : T(1e150);
    T log = log1p_(size > top ? size : size * size);
    return size > top ? log : T(0.5) * log;
}

}  // namespace losslab
