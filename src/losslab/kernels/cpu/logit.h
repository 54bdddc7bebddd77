// What the losses of one logit share.
#pragma once
#include "pointloop.h"

namespace losslab {

// Probabilities of a yes and of a no, and minus their logarithms: full relative precision at both ends.
template <class T> struct Logit {
    T p, q, yes, no;
    explicit INLINE Logit(T x) {
        T e = exp_(-abs_(x)), log = log1p_of_share(e), share = T(1) / (T(1) + e), rest = e * share;
        p = x < T(0) ? rest : share;
        q = x < T(0) ? share : rest;
        yes = relu_(-x) + log;
        no = relu_(x) + log;
    }
    // y (-log p) + (1 - y) (-log q), `yes_weight` times more for the former; 0 times infinity is 0.
    INLINE T loss(T t, T yes_weight) const { return share_of(yes_weight * t, yes) + share_of(T(1) - t, no); }
    INLINE T slope(T t, T yes_weight) const { return (T(1) - t) * p - yes_weight * t * q; }
};

}  // namespace losslab
