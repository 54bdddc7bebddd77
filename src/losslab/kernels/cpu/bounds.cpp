// The least and the largest of many numbers, for the checks of ranges that Python makes before a loss.
#include <cmath>

#include "losslab.h"
#include "pointdata.h"

namespace losslab {
namespace {

constexpr int64_t BLOCK = 4096;
constexpr int64_t ONE_THREAD = 64 * 1024;  // numbers below which a second thread costs more than it does

template <class T> void bounds(int32_t dtype, int64_t count, int32_t threads, const void *numbers, double *found) {
    double low = INFINITY, high = -INFINITY;
    int64_t nans = 0;
    const int team = count < ONE_THREAD ? 1 : int(threads);
#pragma omp parallel for schedule(static) num_threads(team) if (team > 1) reduction(min : low) reduction(max : high) reduction(+ : nans)
    for (int64_t first = 0; first < count; first += BLOCK) {
        alignas(64) T buffer[BLOCK];
        const int64_t size = count - first < BLOCK ? count - first : BLOCK;
        const T *x = numbers_as<T>(numbers, dtype, first, size, buffer);
        T least = T(INFINITY), most = -T(INFINITY);
        int32_t bad = 0;
#pragma omp simd reduction(min : least) reduction(max : most) reduction(+ : bad)
        for (int64_t i = 0; i < size; ++i) {
            least = x[i] < least ? x[i] : least;
            most = x[i] > most ? x[i] : most;
            bad += x[i] != x[i];
        }
        low = double(least) < low ? double(least) : low;
        high = double(most) > high ? double(most) : high;
        nans += bad;
    }
    found[0] = nans ? NAN : low;
    found[1] = nans ? NAN : high;
}

}  // namespace
}  // namespace losslab

// found: the least and the largest; NaN where any number is NaN.
LOSSLAB_API void losslab_bounds(int32_t dtype, int64_t count, int32_t threads, const void *numbers, double *found) {
    if (dtype == LOSSLAB_F64) losslab::bounds<double>(dtype, count, threads, numbers, found);
    else losslab::bounds<float>(dtype, count, threads, numbers, found);
}
