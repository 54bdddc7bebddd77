// Activations and their derivatives over a panel.
#pragma once
#include "plan.h"
#include "random.h"
#include "vecmath.h"

namespace losslab {

constexpr double ROOT_HALF = 0.70710678118654752440;        // sqrt(1/2)
constexpr double DENSITY_AT_0 = 0.39894228040143267794;     // 1 / sqrt(2 pi)
constexpr double GELU_SLOPE = 0.79788456080286535588;       // sqrt(2 / pi), of the tanh form
constexpr double GELU_CUBE = 0.044715;

template <class T, class F> INLINE void map(int64_t n, const T *from, T *to, F f) {
#pragma omp simd
    for (int64_t i = 0; i < n; i++) to[i] = f(from[i]);
}

// to (+)= given * f(source, output)
template <class T, class F>
INLINE void chain(int64_t n, const T *source, const T *output, const T *given, T *to, bool add, F f) {
    if (add) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) to[i] += f(source[i], output[i], given[i]);
    } else {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) to[i] = f(source[i], output[i], given[i]);
    }
}

template <class T> INLINE T gelu_tanh_inner(T x) { return tanh_(T(GELU_SLOPE) * (x + T(GELU_CUBE) * x * x * x)); }

template <class T> void activate(int32_t kind, double a, int64_t n, const T *from, T *to) {
    const T slope = T(a);
    switch (kind) {
    case LOSSLAB_RELU: return map(n, from, to, [](T x) { return x < 0 ? T(0) : x; });  // keeps NaN
    case LOSSLAB_LEAKY_RELU: return map(n, from, to, [=](T x) { return x > 0 ? x : x * slope; });
    case LOSSLAB_SILU: return map(n, from, to, [](T x) { return x * sigmoid_(x); });
    case LOSSLAB_TANH: return map(n, from, to, [](T x) { return tanh_(x); });
    case LOSSLAB_SIGMOID: return map(n, from, to, [](T x) { return sigmoid_(x); });
    case LOSSLAB_GELU:
        if (a == 0) return map(n, from, to, [](T x) { return T(0.5) * x * (T(1) + erf_(x * T(ROOT_HALF))); });
        return map(n, from, to, [](T x) { return T(0.5) * x * (T(1) + gelu_tanh_inner(x)); });
    }
}

template <class T>
void derive(int32_t kind, double a, int64_t n, const T *x, const T *y, const T *g, T *to, bool add) {
    const T slope = T(a);
    switch (kind) {
    case LOSSLAB_RELU: return chain(n, x, y, g, to, add, [](T, T y, T g) { return y <= 0 ? T(0) : g; });
    // the sign of an output is that of its input, as the slope is not negative
    case LOSSLAB_LEAKY_RELU: return chain(n, x, y, g, to, add, [=](T, T y, T g) { return y > 0 ? g : g * slope; });
    case LOSSLAB_TANH: return chain(n, x, y, g, to, add, [](T, T y, T g) { return g * (T(1) - y * y); });
    case LOSSLAB_SIGMOID: return chain(n, x, y, g, to, add, [](T, T y, T g) { return g * (y * (T(1) - y)); });
    case LOSSLAB_SILU:
        return chain(n, x, y, g, to, add, [](T x, T, T g) {
            const T s = sigmoid_(x);
            return g * (s * (T(1) + x * (T(1) - s)));
        });
    case LOSSLAB_GELU:
        if (a == 0) {
            return chain(n, x, y, g, to, add, [](T x, T, T g) {
                const T below = T(0.5) * (T(1) + erf_(x * T(ROOT_HALF)));
                return g * (below + x * T(DENSITY_AT_0) * exp_(T(-0.5) * x * x));
            });
        }
        return chain(n, x, y, g, to, add, [](T x, T, T g) {
            const T t = gelu_tanh_inner(x);
            const T inner = T(GELU_SLOPE) * (T(1) + T(3 * GELU_CUBE) * x * x);
            return g * (T(0.5) * (T(1) + t) + T(0.5) * x * (T(1) - t * t) * inner);
        });
    }
}

}  // namespace losslab
