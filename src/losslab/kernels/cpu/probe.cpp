// The elementary functions, half precisions and draws by number, so that tests reach them.
#include "losslab.h"
#include "random.h"
#include "vecmath.h"

using namespace losslab;

namespace {

template <class T> void run(int function, int64_t n, const T *RESTRICT x, const T *RESTRICT y, T *RESTRICT out) {
#define EACH(number, value)                     \
    case number:                                \
        _Pragma("omp simd") for (int64_t i = 0; i < n; ++i) out[i] = value; \
        break;
    switch (function) {
        EACH(0, exp_(x[i]))
        EACH(1, expm1_(x[i]))
        EACH(2, log_(x[i]))
        EACH(3, log1p_(x[i]))
        EACH(4, tanh_(x[i]))
        EACH(5, sigmoid_(x[i]))
        EACH(6, softplus_(x[i]))
        EACH(7, log_sigmoid_(x[i]))
        EACH(8, erf_(x[i]))
        EACH(9, pow_(x[i], y[i]))
    }
#undef EACH
}

}  // namespace

LOSSLAB_API int32_t losslab_probe(int32_t function, int32_t dtype, int64_t n, const void *x, const void *y, void *out) {
    if (dtype == LOSSLAB_F32)
        run(function, n, static_cast<const float *>(x), static_cast<const float *>(y), static_cast<float *>(out));
    else
        run(function, n, static_cast<const double *>(x), static_cast<const double *>(y), static_cast<double *>(out));
    return 0;
}
