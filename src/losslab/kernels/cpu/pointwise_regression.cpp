// Losses of a difference r = input - target with plain arithmetic. The rules: catalog/regression.py, catalog/relative.py.
#include "pointloop.h"

namespace losslab {
namespace {

template <class T> struct L1 {
    explicit L1(const double *) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T r = x - t;
        value = abs_(r);
        slope = sign_(r);
    }
};

template <class T> struct Mse {
    explicit Mse(const double *) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T r = x - t;
        value = r * r;
        slope = r + r;
    }
};

template <class T> struct SmoothL1 {
    T width;
    explicit SmoothL1(const double *p) {
        width = T(p[0]);
        width = at_least(width, std::sqrt(std::numeric_limits<T>::min()));  // 0 is the absolute error
    }
    INLINE void at(T x, T t, T &value, T &slope) const {
        T r = x - t, core = between(r, -width, width);
        slope = core / width;
        value = slope * (r - T(0.5) * core);
    }
};

template <class T> struct Huber {
    T width;
    explicit Huber(const double *p) { width = at_most(T(p[0]), std::numeric_limits<T>::max()); }
    INLINE void at(T x, T t, T &value, T &slope) const {
        T r = x - t;
        slope = between(r, -width, width);
        value = slope * (r - T(0.5) * slope);
    }
};

template <class T> struct Quantile {
    T below, above;
    explicit Quantile(const double *p) : below(T(p[0])), above(T(1 - p[0])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T r = x - t, part = r > T(0) ? above : below;
        value = part * abs_(r);
        slope = part * sign_(r);
    }
};

template <class T> struct Expectile {
    T below, above;
    explicit Expectile(const double *p) : below(T(p[0])), above(T(1 - p[0])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T r = x - t, part = r > T(0) ? above : below;
        value = part * (r * r);
        slope = part * (r + r);
    }
};

template <class T> struct Band {
    T half;
    explicit Band(const double *p) : half(T(p[0])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T r = x - t;
        value = relu_(abs_(r) - half);
        slope = value > T(0) ? sign_(r) : T(0);
    }
};

template <class T> struct SquaredBand {
    T half;
    explicit SquaredBand(const double *p) : half(T(p[0])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T r = x - t, over = relu_(abs_(r) - half);
        value = over * over;
        slope = sign_(r) * (over + over);
    }
};

template <class T> struct LogCosh {
    T scale;
    explicit LogCosh(const double *p) : scale(T(p[0])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T z = (x - t) / scale, size = abs_(z);
        T q = expm1_(-size), w = q * (q + T(2));  // w = e^(-2 |z|) - 1
        bool near = size < T(1);
        // cosh z - 1, exact for small z; far out log cosh z = |z| + log(1 + w / 2) does not overflow
        T log = log1p_(near ? T(0.5) * q * q / (q + T(1)) : T(0.5) * w);
        value = scale * (scale * (near ? log : size + log));
        slope = scale * with_sign(-w / (w + T(2)), z);
    }
};

template <class T> struct Wing {
    T width, epsilon;
    explicit Wing(const double *p) : width(T(p[0])), epsilon(T(p[1])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T r = x - t, size = abs_(r), core = at_most(size, width);
        value = width * log1p_(core / epsilon) + relu_(size - width);
        slope = sign_(r) * (size > width ? T(1) : width / (epsilon + core));
    }
};

}  // namespace

const PointEntry POINT_REGRESSION[] = {
    LOSSLAB_POINT("l1_loss", "", L1),
    LOSSLAB_POINT("mse_loss", "", Mse),
    LOSSLAB_POINT("smooth_l1_loss", "beta", SmoothL1),
    LOSSLAB_POINT("huber_loss", "delta", Huber),
    LOSSLAB_POINT("quantile_loss", "quantile", Quantile),
    LOSSLAB_POINT("expectile_loss", "expectile", Expectile),
    LOSSLAB_POINT("epsilon_insensitive_loss", "epsilon", Band),
    LOSSLAB_POINT("squared_epsilon_insensitive_loss", "epsilon", SquaredBand),
    LOSSLAB_POINT("log_cosh_loss", "scale", LogCosh),
    LOSSLAB_POINT("wing_loss", "width,epsilon", Wing),
    {nullptr, nullptr, nullptr, nullptr},
};

}  // namespace losslab
