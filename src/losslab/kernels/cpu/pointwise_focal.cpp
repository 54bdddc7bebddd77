// The log loss of one logit times a power of its error. The rules: catalog/imbalance.py, quality.py.
#include "logit.h"

namespace losslab {
namespace {

// A power is half of the work: both losses have a loop of their own for the default, the square.
template <class T, bool square> struct SigmoidFocal {
    T alpha, rest, gamma;
    explicit SigmoidFocal(const double *p) : alpha(T(p[0])), rest(T(1 - p[0])), gamma(T(p[1])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        Logit<T> logit(x);
        Answers<T> near = held(x, logit.e);
        T error = (T(1) - t) * near.p + t * near.q, power = square ? error * error : pow_(error, gamma);
        T factor = (t * alpha + (T(1) - t) * rest) * power;
        T loss = logit.loss(t, T(1)), pull = near.p * near.q * (T(1) - T(2) * t) / error;
        value = share_of(factor, loss);
        T through_error = abs_(x) > FAR<T> ? T(0) : gamma * pull * loss;
        slope = factor * (through_error + logit.slope(t, T(1)));
    }
};

template <class T> struct Asymmetric {
    T gamma_neg, gamma_pos, clip, room, gate;
    explicit Asymmetric(const double *p) : gamma_neg(T(p[0])), gamma_pos(T(p[1])), clip(T(p[2])) {
        room = clip > T(0) ? clip : T(1);
        gate = clip > T(0) ? T(-1) : T(2);  // compared with p, since a condition that is no vector's stops the compiler
    }
    INLINE void at(T x, T t, T &value, T &slope) const {
        constexpr T floor = T(1e-18);
        Logit<T> logit(x);
        Answers<T> near = held(x, logit.e);
        bool clips = near.p > gate;
        T over = near.p - clip, variance = abs_(x) <= FAR<T> ? near.p * near.q : T(0);
        T error = (T(1) - t) * at_least(over, floor) + t * near.q;
        T rise = (over >= floor ? (T(1) - t) * variance : T(0)) - t * variance;
        T exponent = (T(1) - t) * gamma_neg + t * gamma_pos, power = pow_(error, exponent);
        T clipped = relu_(-log_(near.q + room)), no = clips ? clipped : logit.no;
        T no_slope = clips ? (clipped > T(0) ? variance / (near.q + room) : T(0)) : logit.p;
        T loss = share_of(t, logit.yes) + share_of(T(1) - t, no);
        value = share_of(power, loss);
        T through_error = share_of(exponent * rise / error, loss);
        slope = power * (through_error + (T(1) - t) * no_slope - t * logit.q);
    }
};

template <class T, bool square> struct QualityFocal {
    T beta, lower;
    explicit QualityFocal(const double *p) : beta(T(p[0])), lower(T(p[0] - 1)) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        Logit<T> logit(x);
        T gap = (T(1) - t) * logit.p - t * logit.q, size = abs_(gap), power = square ? size : pow_(size, lower);
        T loss = logit.loss(t, T(1)), variance = logit.p * logit.q;
        value = share_of(power * size, loss);
        slope = power * (beta * sign_(gap) * share_of(variance, loss) + size * logit.slope(t, T(1)));
    }
};

template <class T> using FocalSquare = SigmoidFocal<T, true>;
template <class T> using FocalPower = SigmoidFocal<T, false>;
template <class T> using QualitySquare = QualityFocal<T, true>;
template <class T> using QualityPower = QualityFocal<T, false>;

template <class T> double sigmoid_focal(const PointBlock<T> &block, const double *p) {
    return p[1] == 2 ? point_loop<FocalSquare>(block, p) : point_loop<FocalPower>(block, p);
}

template <class T> double quality_focal(const PointBlock<T> &block, const double *p) {
    return p[0] == 2 ? point_loop<QualitySquare>(block, p) : point_loop<QualityPower>(block, p);
}

}  // namespace

const PointEntry POINT_FOCAL[] = {
    {"sigmoid_focal_loss", "alpha,gamma", sigmoid_focal<float>, sigmoid_focal<double>},
    LOSSLAB_POINT("asymmetric_loss", "gamma_neg,gamma_pos,clip", Asymmetric),
    {"quality_focal_loss", "beta", quality_focal<float>, quality_focal<double>},
    {nullptr, nullptr, nullptr, nullptr},
};

}  // namespace losslab
