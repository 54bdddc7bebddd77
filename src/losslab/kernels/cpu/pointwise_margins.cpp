// Losses on margins. A target between 0 and 1 is the mean over both answers. The rules: catalog/margins.py.
#include "pointloop.h"

namespace losslab {
namespace {

// How far a score falls short of the margin on the side of a yes and of a no; an answer of probability 0 has score 0.
template <class T> struct Short {
    T yes, no;
    INLINE Short(T x, T t, T margin)
        : yes(relu_(margin - (t == T(0) ? T(0) : x))), no(relu_(margin + (t == T(1) ? T(0) : x))) {}
};

template <class T> struct HingeEmbedding {
    T margin;
    explicit HingeEmbedding(const double *p) : margin(T(p[0])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        T inside = relu_(margin - x);
        bool similar = t != T(-1), dissimilar = t != T(1);
        value = (similar ? x : T(0)) + (dissimilar ? inside : T(0));
        slope = (similar ? T(1) : T(0)) - (dissimilar & (inside > T(0)) ? T(1) : T(0));
    }
};

template <class T> struct Hinge {
    T margin;
    explicit Hinge(const double *p) : margin(T(p[0])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        Short<T> by(x, t, margin);
        value = t * by.yes + (T(1) - t) * by.no;
        slope = (by.no > T(0) ? T(1) - t : T(0)) - (by.yes > T(0) ? t : T(0));
    }
};

template <class T> struct SquaredHinge {
    T margin;
    explicit SquaredHinge(const double *p) : margin(T(p[0])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        Short<T> by(x, t, margin);
        value = t * (by.yes * by.yes) + (T(1) - t) * (by.no * by.no);
        slope = T(2) * ((T(1) - t) * by.no - t * by.yes);
    }
};

template <class T> struct ModifiedHuber {
    explicit ModifiedHuber(const double *) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        Short<T> by(x, t, T(1));
        T yes = at_most(by.yes, T(2)), no = at_most(by.no, T(2));
        value = t * (yes * (T(2) * by.yes - yes)) + (T(1) - t) * (no * (T(2) * by.no - no));
        slope = T(2) * ((T(1) - t) * no - t * yes);
    }
};

}  // namespace

const PointEntry POINT_MARGINS[] = {
    LOSSLAB_POINT("hinge_embedding_loss", "margin", HingeEmbedding),
    LOSSLAB_POINT("hinge_loss", "margin", Hinge),
    LOSSLAB_POINT("squared_hinge_loss", "margin", SquaredHinge),
    LOSSLAB_POINT("modified_huber_loss", "", ModifiedHuber),
    {nullptr, nullptr, nullptr, nullptr},
};

}  // namespace losslab
