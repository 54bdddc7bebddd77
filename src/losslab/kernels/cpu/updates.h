// Update rules inside C++: some neighbouring parameters of one member, in place.
#pragma once
#include "port.h"

namespace losslab {

template <class T> struct UpdateBlock {
    T *param;
    const T *gradient;
    T *state[4];
    int64_t count;
    const double *hyper;
    double step;         // of this update, from 1
    double lr_factor;    // of a schedule, on hyper's lr
    uint32_t options;
};

template <class T> using UpdateFunction = void (*)(const UpdateBlock<T> &);

struct UpdateEntry {
    const char *name, *hyper, *options, *states;  // names with commas between them
    UpdateFunction<float> in_float;
    UpdateFunction<double> in_double;
};

const UpdateEntry *update_entry(int32_t rule);  // null: no such rule

}  // namespace losslab
