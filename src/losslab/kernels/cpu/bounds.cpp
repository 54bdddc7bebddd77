// The least and the largest of many numbers, for the checks of ranges that Python makes before a loss.
#include <cmath>

#include "losslab.h"
#include "pointdata.h"

namespace losslab {
namespace {

constexpr int64_t BLOCK = 4096;
constexpr int64_t ONE_THREAD = 64 * 1024;  // numbers below which a second thread costs more than it does

// Least, largest and whether any is NaN, of one block of numbers.
struct Range {
    double low = INFINITY, high = -INFINITY;
    int64_t nans = 0;
};

template <class T> Range of_block(int32_t dtype, const void *numbers, int64_t first, int64_t size) {
    alignas(64) T buffer[BLOCK];
    const T *x = numbers_as<T>(numbers, dtype, first, size, buffer);
    T least = T(INFINITY), most = -T(INFINITY);
    int32_t bad = 0;
#pragma omp simd reduction(min : least) reduction(max : most) reduction(+ : bad)
    for (int64_t i = 0; i < size; ++i) {
        least = x[i] < least ? x[i] : least;
        most = x[i] > most ? x[i] : most;
        bad += x[i] != x[i];
    }
    Range found;
    found.low = double(least);
    found.high = double(most);
    found.nans = bad;
    return found;
}

template <class T> void bounds(int32_t dtype, int64_t count, int32_t threads, const void *numbers, double *found) {
    Range all;
    if (count <= BLOCK) {  // without OpenMP, which takes longer to start than so few numbers take
        if (count > 0) all = of_block<T>(dtype, numbers, 0, count);
    } else {
        double low = INFINITY, high = -INFINITY;
        int64_t nans = 0;
        const int team = count < ONE_THREAD ? 1 : int(threads);
#pragma omp parallel for schedule(static) num_threads(team) if (team > 1) reduction(min : low) reduction(max : high) reduction(+ : nans)
        for (int64_t first = 0; first < count; first += BLOCK) {
            const Range one = of_block<T>(dtype, numbers, first, count - first < BLOCK ? count - first : BLOCK);
            low = one.low < low ? one.low : low;
            high = one.high > high ? one.high : high;
            nans += one.nans;
        }
        all.low = low;
        all.high = high;
        all.nans = nans;
    }
    found[0] = all.nans ? NAN : all.low;
    found[1] = all.nans ? NAN : all.high;
}

}  // namespace
}  // namespace losslab

// found: the least and the largest; NaN where any number is NaN.
LOSSLAB_API void losslab_bounds(int32_t dtype, int64_t count, int32_t threads, const void *numbers, double *found) {
    if (dtype == LOSSLAB_F64) losslab::bounds<double>(dtype, count, threads, numbers, found);
    else losslab::bounds<float>(dtype, count, threads, numbers, found);
}
