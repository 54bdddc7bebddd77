// What the losses of one logit share.
#pragma once
#include "pointloop.h"

namespace losslab {

// Probabilities of a yes and of a no, from e^-|x|: full relative precision at both ends.
template <class T> struct Answers {
    T p, q;
    INLINE Answers(T x, T e) {
        T share = T(1) / (T(1) + e), rest = e * share;
        p = x < T(0) ? rest : share;
        q = x < T(0) ? share : rest;
    }
};

// These and minus their logarithms.
template <class T> struct Logit {
    T e, p, q, yes, no;
    explicit INLINE Logit(T x) : e(exp_(-abs_(x))) {
        Answers<T> answers(x, e);
        T log = log1p_of_share(e);
        p = answers.p;
        q = answers.q;
        yes = relu_(-x) + log;
        no = relu_(x) + log;
    }
    // y (-log p) + (1 - y) (-log q), `yes_weight` times more for the former; 0 times infinity is 0.
    INLINE T loss(T t, T yes_weight) const { return share_of(yes_weight * t, yes) + share_of(T(1) - t, no); }
    INLINE T slope(T t, T yes_weight) const { return (T(1) - t) * p - yes_weight * t * q; }
};

// The rules of focal losses hold the logit between -40 and 40 where they take powers of the error.
template <class T> constexpr T FAR = T(40);
template <class T> INLINE Answers<T> held(T x, T e) { return Answers<T>(x, at_least(e, T(4.248354255291588995e-18))); }

}  // namespace losslab
