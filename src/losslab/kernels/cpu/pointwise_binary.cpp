// Log losses of one probability or logit. The rules: catalog/binary.py, bounded.py, margins.py.
#include "logit.h"

namespace losslab {
namespace {

template <class T> struct OfProbability {
    explicit OfProbability(const double *) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        constexpr T tiny = std::numeric_limits<T>::min();
        T rest = T(1) - x, yes = at_least(log_(x), T(-100)), no = at_least(log1p_(-x), T(-100));
        value = T(0) - (t * yes + (T(1) - t) * no);
        T a = x < tiny ? x + T(1e-12) : x, b = rest < tiny ? rest + T(1e-12) : rest;
        bool inside = (x >= tiny) & (rest >= tiny);
        T ends = (T(1) - t) / b - t / a;
        slope = inside ? (x - t) / (a * b) : ends;  // where it can, in the form that does not cancel
    }
};

template <class T> struct OfLogit {
    T yes_weight;
    explicit OfLogit(const double *p) : yes_weight(T(p[0])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        Logit<T> logit(x);
        value = logit.loss(t, yes_weight);
        slope = logit.slope(t, yes_weight);
    }
};

template <class T> struct Brier {
    explicit Brier(const double *) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        Answers<T> answer(x, exp_(-abs_(x)));
        T gap = (T(1) - t) * answer.p - t * answer.q;
        value = gap * gap;
        slope = T(2) * gap * (answer.p * answer.q);
    }
};

template <class T> struct SoftMargin {
    explicit SoftMargin(const double *) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        Logit<T> logit(-t * x);
        value = logit.no;
        slope = -t * logit.p;
    }
};

template <class T> struct Exponential {
    explicit Exponential(const double *) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        constexpr T bend = T(70);  // from here on along the tangent
        T yes = t == T(0) ? T(0) : -x, no = t == T(1) ? T(0) : x;
        T a = t * exp_(at_most(yes, bend)), b = (T(1) - t) * exp_(at_most(no, bend));
        value = share_of(a, T(1) + relu_(yes - bend)) + share_of(b, T(1) + relu_(no - bend));
        slope = b - a;
    }
};

}  // namespace

const PointEntry POINT_BINARY[] = {
    LOSSLAB_POINT("binary_cross_entropy", "", OfProbability),
    LOSSLAB_POINT("binary_cross_entropy_with_logits", "pos_weight", OfLogit),
    LOSSLAB_POINT("sigmoid_brier_loss", "", Brier),
    LOSSLAB_POINT("soft_margin_loss", "", SoftMargin),
    LOSSLAB_POINT("exponential_loss", "", Exponential),
    {nullptr, nullptr, nullptr, nullptr},
};

}  // namespace losslab
