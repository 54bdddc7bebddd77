// The elementary functions, half precisions and draws by number, so that tests reach them.
#include "half.h"
#include "losslab.h"
#include "random.h"
#include "vecmath.h"

using namespace losslab;

namespace {

template <class From, class To, class F> INLINE void each(int64_t n, const From *RESTRICT x, To *RESTRICT out, F f) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) out[i] = f(x[i]);
}

template <class T> int32_t elementary(int32_t function, int64_t n, const T *x, const T *RESTRICT y, T *RESTRICT out) {
    switch (function) {
    case 0: return each(n, x, out, [](T v) { return exp_(v); }), 0;
    case 1: return each(n, x, out, [](T v) { return exp_of_negative(v); }), 0;
    case 2: return each(n, x, out, [](T v) { return expm1_(v); }), 0;
    case 3: return each(n, x, out, [](T v) { return log_(v); }), 0;
    case 4: return each(n, x, out, [](T v) { return log1p_(v); }), 0;
    case 5: return each(n, x, out, [](T v) { return log1p_of_share(v); }), 0;
    case 6: return each(n, x, out, [](T v) { return tanh_(v); }), 0;
    case 7: return each(n, x, out, [](T v) { return sigmoid_(v); }), 0;
    case 8: return each(n, x, out, [](T v) { return softplus_(v); }), 0;
    case 9: return each(n, x, out, [](T v) { return log_sigmoid_(v); }), 0;
    case 10: return each(n, x, out, [](T v) { return erf_(v); }), 0;
    case 11:
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) out[i] = pow_(x[i], y[i]);
        return 0;
    }
    return -1;
}

template <class To, class From> To *as(From *from) { return static_cast<To *>(from); }

}  // namespace

// out[i] = function(x[i]) or function(x[i], y[i]); float or double. -1: no such function.
LOSSLAB_API int32_t losslab_probe(int32_t function, int32_t dtype, int64_t n, const void *x, const void *y, void *out) {
    if (dtype == LOSSLAB_F32)
        return elementary(function, n, as<const float>(x), as<const float>(y), as<float>(out));
    if (dtype == LOSSLAB_F64)
        return elementary(function, n, as<const double>(x), as<const double>(y), as<double>(out));
    return -1;
}

// Half precision to float, or float to half precision where `back`.
LOSSLAB_API int32_t losslab_probe_half(int32_t dtype, int32_t back, int64_t n, const void *from, void *to) {
    if (dtype != LOSSLAB_BF16 && dtype != LOSSLAB_F16) return -1;
    const bool brain = dtype == LOSSLAB_BF16;
    if (back)
        (brain ? narrow_bfloat16 : narrow_float16)(as<const float>(from), n, as<uint16_t>(to));
    else
        (brain ? widen_bfloat16 : widen_float16)(as<const uint16_t>(from), n, as<float>(to));
    return 0;
}

// Which of the places 0..n-1 are kept where the share p is dropped.
LOSSLAB_API void losslab_probe_kept(
    uint64_t member, uint64_t step, uint64_t layer, double p, int64_t n, uint8_t *RESTRICT out) {
    const uint64_t key = layer_key(member, step, layer);
    const float share = float(p);
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) out[i] = kept(key, uint32_t(i), share) ? 1 : 0;
}
