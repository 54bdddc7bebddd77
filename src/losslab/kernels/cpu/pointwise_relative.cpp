// Losses of ratios, and the adaptive wing loss, whose power is the target's. The rules: catalog/relative.py, wing.py.
#include "pointloop.h"

namespace losslab {
namespace {

// log((x + offset) / (t + offset)), of which the difference of two logarithms keeps little near 0.
template <class T> INLINE T log_ratio(T x, T t, T offset) {
    constexpr T far = T(0x1p60), power = T(120);
    T a = x + offset, b = t + offset, low = x < t ? a : b, gap = abs_(x - t);
    bool apart = gap > low * far;  // by so much that 1 does not count in 1 + gap / low, which may be too large
    T change = (apart ? gap / far : gap) / (apart ? low * far : low), more = change + T(1);
    T log = log_of_normal<T, false>(apart ? change : more, apart ? T(0) : change - (more - T(1)), apart ? -power : T(0));
    log = change < std::numeric_limits<T>::epsilon() / 4 && !apart ? change : log;
    return with_sign(change < INF<T> ? log : change, x - t);
}

template <class T> struct Msle {
    explicit Msle(const double *) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T log = log_ratio(x, t, T(1));
        value = log * log;
        slope = T(2) * log / (x + T(1));
    }
};

template <class T> struct LogRatio {
    explicit LogRatio(const double *) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T log = log_ratio(x, t, T(0));
        value = abs_(log);
        slope = sign_(log) / x;
    }
};

template <class T> struct Mape {
    T floor;
    explicit Mape(const double *p) : floor(T(p[0])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T r = x - t, size = at_least(abs_(t), floor);
        value = abs_(r) / size;
        slope = sign_(r) / size;
    }
};

template <class T> struct Smape {
    explicit Smape(const double *) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        constexpr T largest = std::numeric_limits<T>::max() / 4;  // beyond, the loss is 2 to all digits
        T a = between(x, -largest, largest), b = between(t, -largest, largest), r = a - b;
        T mean = T(0.5) * abs_(a) + T(0.5) * abs_(b);
        mean = mean == T(0) ? T(1) : mean;
        value = abs_(r) / mean;
        // The slope of |r| / mean, whose two terms cancel where the signs are one, and each other where they are not.
        T one_sign = with_sign(T(1), a) == with_sign(T(1), b) ? abs_(b) / mean : T(0);
        slope = sign_(r) / mean * (a == T(0) ? T(1) : one_sign);
        slope = abs_(x) > largest ? T(0) : slope;
    }
};

template <class T> struct AdaptiveWing {
    T alpha, omega, epsilon, theta, log_bend;
    explicit AdaptiveWing(const double *p)
        : alpha(T(p[0])), omega(T(p[1])), epsilon(T(p[2])), theta(T(p[3])), log_bend(T(std::log(p[2] / p[3]))) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        constexpr T floor = T(1e-18);  // the rule's, for its second derivatives
        T r = x - t, size = at_least(abs_(r), floor), core = at_most(size, theta), power = alpha - t;
        T share = core / epsilon, lower = pow_(share, power - T(1)), raised = lower * share;
        T steep = omega * power / theta / (T(1) + exp_(power * log_bend));
        value = omega * log1p_(raised) + steep * relu_(size - theta);
        // power / core * raised / (1 + raised), of which neither form overflows
        T pull = raised > T(1) ? omega * power / core / (T(1) + T(1) / raised)
                               : omega * power * (lower / epsilon) / (T(1) + raised);
        slope = abs_(r) < floor ? T(0) : with_sign(size > theta ? steep : pull, r);
    }
};

}  // namespace

const PointEntry POINT_RELATIVE[] = {
    LOSSLAB_POINT("msle_loss", "", Msle),
    LOSSLAB_POINT("log_ratio_loss", "", LogRatio),
    LOSSLAB_POINT("mape_loss", "eps", Mape),
    LOSSLAB_POINT("smape_loss", "", Smape),
    LOSSLAB_POINT("adaptive_wing_loss", "alpha,omega,epsilon,theta", AdaptiveWing),
    {nullptr, nullptr, nullptr, nullptr},
};

}  // namespace losslab
