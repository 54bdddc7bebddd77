// Losses that far errors do not rule; z = (input - target) / scale. The rules: catalog/robust.py.
#include "pointloop.h"

namespace losslab {
namespace {

template <class T> struct PseudoHuber {
    T scale;
    explicit PseudoHuber(const double *p) : scale(T(p[0])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T z = (x - t) / scale, size = abs_(z), m = inner(size), root = sqrt_(T(1) + m * m), part = m / (T(1) + root);
        bool near = size < T(1);
        value = scale * (scale * (near ? m * part : (size - T(1)) + part));
        slope = scale * with_sign((near ? m : T(1)) / root, z);
    }
};

template <class T> struct Charbonnier {
    T epsilon;
    explicit Charbonnier(const double *p) : epsilon(T(p[0])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T r = x - t, size = abs_(r);
        bool near = size < epsilon;
        T larger_one = near ? epsilon : size, m = (near ? size : epsilon) / larger_one, root = sqrt_(T(1) + m * m);
        value = larger_one * root;
        slope = with_sign((near ? m : T(1)) / root, r);
    }
};

template <class T>
constexpr T SERIES[] = {T(1.0 / 3), T(1.0 / 5), T(1.0 / 7), T(1.0 / 9), T(1.0 / 11), T(1.0 / 13), T(1.0 / 15)};

template <class T> struct Fair {
    T scale;
    explicit Fair(const double *p) : scale(T(p[0])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T z = (x - t) / scale, size = abs_(z), near = at_most(size, T(0.1));
        T share = T(1) / (T(2) + near), w = near * share, tail = polynomial(w * w, SERIES<T>);
        T series = near * near * share * (T(1) - T(2) * w * share * tail);  // log(1 + z) = 2 atanh(w)
        T far = size - log1p_(at_most(size, std::numeric_limits<T>::max()));
        value = scale * (scale * (size < T(0.1) ? series : far));
        slope = scale * with_sign(size < T(1) ? size / (T(1) + size) : T(1) / (T(1) + T(1) / size), z);
    }
};

template <class T> struct Cauchy {
    T scale;
    explicit Cauchy(const double *p) : scale(T(p[0])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T z = (x - t) / scale, size = abs_(z), m = inner(size);
        value = scale * (scale * half_log_one_plus_square(size));
        slope = scale * with_sign(m / (T(1) + m * m), z);
    }
};

template <class T> struct GemanMcClure {
    T scale;
    explicit GemanMcClure(const double *p) : scale(T(p[0])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T z = (x - t) / scale, size = abs_(z), m = inner(size), m2 = m * m, under = T(1) / (T(1) + m2);
        bool near = size < T(1);
        value = T(0.5) * scale * (scale * (near ? m2 * under : under));
        slope = scale * with_sign((near ? m : m * m2) * under * under, z);
    }
};

template <class T> struct Welsch {
    T scale;
    explicit Welsch(const double *p) : scale(T(p[0])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T z = between((x - t) / scale, T(-40), T(40)), q = z * z, e = exp_(-q);
        value = T(0.5) * scale * (scale * (q < T(1) ? -expm1_(-q) : T(1) - e));
        slope = scale * (z * e);
    }
};

template <class T> struct Tukey {
    T scale;
    explicit Tukey(const double *p) : scale(T(p[0])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T z = between((x - t) / scale, T(-1), T(1)), q = z * z, rest = (T(1) - z) * (T(1) + z);
        value = T(0.5) * scale * (scale * (q * (T(1) - q + q * q * T(1.0 / 3))));
        slope = scale * (z * (rest * rest));
    }
};

template <class T> struct GeneralRobust {
    T scale, power, d, b, top;
    explicit GeneralRobust(const double *p) : scale(T(p[1])) {
        constexpr T eps = std::numeric_limits<T>::epsilon();
        power = at_least(T(p[0]), -1 / (eps * eps));  // is -inf to all digits
        power -= power == T(2) ? eps : T(0);
        d = power - T(2);
        b = abs_(d);
        top = T(std::pow(double(std::numeric_limits<T>::max()), 0.3));
    }
    INLINE void at(T x, T t, T &value, T &slope) const {
        T z = (x - t) / scale, core = between(z, -top, top), q = core * core;
        T growth = log1p_(q / b), whole = T(0.5) * power * growth, short_of_it = T(0.5) * d * growth;
        T e = exp_(short_of_it), m = expm1_(b < T(1) ? short_of_it : whole);
        // Both are the same, but near 2 the first keeps the digits, and near 0 the second.
        T steep = (q * e + b * m) / power;
        T gentle = T(0.5) * b * growth * (whole == T(0) ? T(1) : m / whole);
        value = b < T(1) ? steep : gentle;
        slope = abs_(z) > top ? T(0) : core * e / scale;
    }
};

}  // namespace

const PointEntry POINT_ROBUST[] = {
    LOSSLAB_POINT("pseudo_huber_loss", "scale", PseudoHuber),
    LOSSLAB_POINT("charbonnier_loss", "epsilon", Charbonnier),
    LOSSLAB_POINT("fair_loss", "scale", Fair),
    LOSSLAB_POINT("cauchy_loss", "scale", Cauchy),
    LOSSLAB_POINT("geman_mcclure_loss", "scale", GemanMcClure),
    LOSSLAB_POINT("welsch_loss", "scale", Welsch),
    LOSSLAB_POINT("tukey_biweight_loss", "scale", Tukey),
    LOSSLAB_POINT("general_robust_loss", "alpha,scale", GeneralRobust),
    {nullptr, nullptr, nullptr, nullptr},
};

}  // namespace losslab
