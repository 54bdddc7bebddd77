// Pointwise losses inside C++: a block of elements of one member, in the computing type. The entry that Python calls cuts
// its tensors into such blocks; the native plan calls it on a batch in cache.
#pragma once
#include "port.h"

namespace losslab {

template <class T> struct PointBlock {
    const T *input, *target;
    const T *weight;   // of each element, or null: one. 0 leaves it out, whatever its numbers are
    T *value;          // weighted, or null
    T *gradient;       // scale * weight * derivative, or null; may be `input`
    T scale;
    int64_t count;
};

// Returns the sum of the weighted losses.
template <class T> using PointFunction = double (*)(const PointBlock<T> &, const double *params);

struct PointEntry {
    const char *name, *params;
    PointFunction<float> in_float;
    PointFunction<double> in_double;
};

const PointEntry *pointwise_entry(int32_t loss);  // null: no such loss

}  // namespace losslab
