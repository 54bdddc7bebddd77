// Negative log-likelihoods with fixed numbers beside the output. The rules: catalog/likelihood.py.
#include "loggamma.h"
#include "pointloop.h"

namespace losslab {
namespace {

constexpr double PI = 3.14159265358979323846;

template <class T> struct Gamma {
    T shape, constant;
    explicit Gamma(const double *p) : shape(T(p[0])) {
        double k = p[0], near = log_gamma(k) - k * std::log(k) + k, far = 0.5 * std::log(2 * PI / k) + log_gamma_tail(k);
        constant = T(k < 30 ? near : far);
    }
    INLINE void at(T x, T t, T &value, T &slope) const {
        T log = log_(t), gap = x - log, rise = expm1_(-gap);
        value = shape * (at_least(gap, T(-1e4)) + rise) + log + constant;
        slope = -shape * rise;
    }
};

template <class T> struct Tweedie {
    T rising, falling;
    explicit Tweedie(const double *p) : rising(T(2 - p[0])), falling(T(p[0] - 1)) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T up = exp_(rising * x), down = t * exp_(-falling * (t == T(0) ? T(0) : x));
        value = up / rising + down / falling;
        slope = up - down;
    }
};

template <class T> struct Laplace {
    T scale, constant;
    explicit Laplace(const double *p) : scale(T(p[0])), constant(T(std::log(2 * p[0]))) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T r = x - t;
        value = abs_(r) / scale + constant;
        slope = sign_(r) / scale;
    }
};

template <class T> struct StudentT {
    T more, width, constant;  // df + 1
    explicit StudentT(const double *p) : more(T(p[0] + 1)), width(T(p[1] * std::sqrt(p[0]))) {
        constant = T(std::log(p[1]) + 0.5 * std::log(PI * p[0]) - log_gamma_step(0.5 * p[0], 0.5));
    }
    INLINE void at(T x, T t, T &value, T &slope) const {
        T z = (x - t) / width, size = abs_(z), m = inner(size);
        value = more * half_log_one_plus_square(size) + constant;
        slope = more / width * with_sign(m / (T(1) + m * m), z);
    }
};

}  // namespace

const PointEntry POINT_LIKELIHOOD[] = {
    LOSSLAB_POINT("gamma_nll_loss", "shape", Gamma),
    LOSSLAB_POINT("tweedie_loss", "power", Tweedie),
    LOSSLAB_POINT("laplace_nll_loss", "scale", Laplace),
    LOSSLAB_POINT("student_t_nll_loss", "df,scale", StudentT),
    {nullptr, nullptr, nullptr, nullptr},
};

}  // namespace losslab
