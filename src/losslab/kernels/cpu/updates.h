// Update rules inside C++: some neighbouring parameters of one member, in place. The formulas are those of optim/, with
// the same order of rounding: what depends on hyperparameters alone is computed in double and rounded once.
#pragma once
#include "port.h"
#include "vecmath.h"

namespace losslab {

constexpr int MOST_STATES = 4;

template <class T> struct UpdateBlock {
    T *param;
    const T *gradient;
    T *state[MOST_STATES];  // null where the rule keeps none: no momentum, no amsgrad
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

// The rules, one table for each file that holds some; a table ends with an entry without a name.
extern const UpdateEntry MOMENT_RULES[], PLAIN_RULES[];

// What rules share.

// torch.lerp: each half of the way is measured from its own end, so that both ends are met exactly.
template <class T> struct Mean {
    T weight;
    bool from_old;

    explicit INLINE Mean(double share_of_new)
        : weight(T(share_of_new)), from_old(weight < T(0.5)) {
        weight = from_old ? weight : weight - T(1);
    }
    INLINE T operator()(T old, T fresh) const { return (from_old ? old : fresh) + weight * (fresh - old); }
};

// The gradient that a rule reads: turned round where the loss is to grow, with the decay where that is part of it.
template <class T> struct Gradient {
    T sign, decay;
    bool decays;

    INLINE Gradient(bool maximize, double weight_decay)
        : sign(maximize ? T(-1) : T(1)), decay(T(weight_decay)), decays(weight_decay != 0) {}
    INLINE T operator()(T gradient, T param) const { return sign * gradient + decay * (decays ? param : T(0)); }
};

// torch.maximum: a NaN stays.
template <class T> INLINE T larger_or_nan(T a, T b) { return (a > b) | (a != a) ? a : b; }
template <class T> INLINE T smaller_or_nan(T a, T b) { return (a < b) | (a != a) ? a : b; }
template <class T> INLINE T sign_(T x) { return T(x > 0) - T(x < 0); }  // torch.sign: 0 of a NaN

// `change(param, gradient, states...)` for each place of a block; one loop, which becomes vector code.
template <class T, class Change> INLINE void each(const UpdateBlock<T> &b, Change change) {
    T *RESTRICT param = b.param;
    const T *RESTRICT gradient = b.gradient;
    const int64_t count = b.count;
#pragma omp simd
    for (int64_t i = 0; i < count; i++) change(param[i], gradient[i]);
}

template <class T, class Change> INLINE void each(const UpdateBlock<T> &b, T *RESTRICT one, Change change) {
    T *RESTRICT param = b.param;
    const T *RESTRICT gradient = b.gradient;
    const int64_t count = b.count;
#pragma omp simd
    for (int64_t i = 0; i < count; i++) change(param[i], gradient[i], one[i]);
}

template <class T, class Change>
INLINE void each(const UpdateBlock<T> &b, T *RESTRICT one, T *RESTRICT two, Change change) {
    T *RESTRICT param = b.param;
    const T *RESTRICT gradient = b.gradient;
    const int64_t count = b.count;
#pragma omp simd
    for (int64_t i = 0; i < count; i++) change(param[i], gradient[i], one[i], two[i]);
}

template <class T, class Change>
INLINE void each(const UpdateBlock<T> &b, T *RESTRICT one, T *RESTRICT two, T *RESTRICT three, Change change) {
    T *RESTRICT param = b.param;
    const T *RESTRICT gradient = b.gradient;
    const int64_t count = b.count;
#pragma omp simd
    for (int64_t i = 0; i < count; i++) change(param[i], gradient[i], one[i], two[i], three[i]);
}

}  // namespace losslab

// The lambda that `each` calls, with everything before it by value.
#define CHANGE [=] __attribute__((always_inline))
