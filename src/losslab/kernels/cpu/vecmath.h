// Elementary functions without branches, which the compiler turns into vector code inside a loop on every instruction
// set. At most 2 ulp off over the whole range; infinities, NaN, signed zeros and subnormal numbers keep their meaning.
//
// Rounding to a whole number is the addition of a large one; exponents are read and written as bits. No conversion
// between 64-bit integers and double, no shift that keeps the sign: not every instruction set has them.
#pragma once
#include <cmath>
#include <limits>

#include "port.h"

namespace losslab {

// What differs between the two types. The polynomials interpolate at Chebyshev nodes of the reduced range.
template <class T> struct Real;

template <> struct Real<float> {
    using Bits = uint32_t;
    static constexpr int mantissa = 23, bias = 127, smallest = -126;
    static constexpr float round = 0x1.8p23f;                                      // adding it rounds to a whole number
    static constexpr float whole = 0x1p23f;                                        // its low bits are a whole number
    static constexpr float log2_e = 0x1.715476p+0f;
    static constexpr float ln2 = 0x1.62e4p-1f, ln2_rest = 0x1.7f7d1cp-20f;         // times an exponent: exact
    static constexpr float exp_top = 89.0f, exp_bottom = -104.0f, expm1_bottom = -20.0f;
    static constexpr float tanh_top = 10.0f;
    static constexpr float exp_terms[] = {0.5f, 0.16666577f, 0.0416665546f, 0.00836317905f, 0.00139261836f};
    static constexpr float log_terms[] = {0.66666685f, 0.399887783f, 0.29580053f};
    static constexpr float log1p_terms[] = {0.666666403f, 0.400075606f, 0.282366198f, 0.26851498f};
    static constexpr float tanh_above[] = {-0.333333289f, 0.133327693f, -0.0538508495f, 0.020996894f, -0.00609629952f};
    static constexpr float tanh_below[] = {1.0f};
};

template <> struct Real<double> {
    using Bits = uint64_t;
    static constexpr int mantissa = 52, bias = 1023, smallest = -1022;
    static constexpr double round = 0x1.8p52;
    static constexpr double whole = 0x1p52;
    static constexpr double log2_e = 0x1.71547652b82fep+0;
    static constexpr double ln2 = 0x1.62e42fefa3p-1, ln2_rest = 0x1.3de6af278ece6p-42;
    static constexpr double exp_top = 710.0, exp_bottom = -746.0, expm1_bottom = -40.0;
    static constexpr double tanh_top = 20.0;
    static constexpr double exp_terms[] = {0.5, 0.16666666666666671, 0.0416666666666666698, 0.00833333333332613513,
        0.00138888888888837483, 0.000198412698748206253, 0.0000248015873255477412, 2.75572554002064244e-6,
        2.75572736431102953e-7, 2.51052170047207452e-8, 2.09146869680868772e-9};
    static constexpr double log_terms[] = {0.666666666666666969, 0.399999999998994432, 0.285714286260032687,
        0.22222211130259877, 0.18182889455674946, 0.153317106182107716, 0.14616585424888622};
    static constexpr double log1p_terms[] = {0.666666666666666586, 0.400000000000145827, 0.285714285671087572,
        0.22222222717427863, 0.181817894361328582, 0.153855700649586231, 0.133141442096549362, 0.120010728095907125,
        0.0880073848614467388, 0.161640456119435322};
    static constexpr double tanh_above[] = {-0.333333333333333327, -0.0204987970141282757, -0.000199177924217460689};
    static constexpr double tanh_below[] = {1.0, 0.46149639104238135, 0.0232913282849482181, 0.000206533609640849787};
};

template <class T> constexpr T INF = std::numeric_limits<T>::infinity();

// terms[0] + x terms[1] + x^2 terms[2] + ...
template <class T, int N> INLINE T polynomial(T x, const T (&terms)[N]) {
    T sum = terms[N - 1];
#pragma GCC unroll 16
    for (int i = N - 2; i >= 0; --i) sum = sum * x + terms[i];
    return sum;
}

template <class T> INLINE T abs_(T x) { return std::fabs(x); }
template <class T> INLINE T sqrt_(T x) { return std::sqrt(x); }
template <class T> INLINE T with_sign(T size, T sign) { return std::copysign(size, sign); }

// exp(x) = 2^n exp(r), |r| <= log(2) / 2; `counted` holds n in its low bits.
template <class T> INLINE T reduced(T x, T &counted) {
    using R = Real<T>;
    counted = x * R::log2_e + R::round;
    T n = counted - R::round;
    return (x - n * R::ln2) - n * R::ln2_rest;
}

template <class T> INLINE T power_of_two(typename Real<T>::Bits n) {
    using R = Real<T>;
    return bits<T>((n << R::mantissa) + bits<typename R::Bits>(T(1)));
}

template <class T> INLINE T exp_(T x) {
    using R = Real<T>;
    using B = typename R::Bits;
    x = x > R::exp_top ? R::exp_top : x;
    x = x < R::exp_bottom ? R::exp_bottom : x;
    T counted;
    T r = reduced(x, counted);
    T sum = r * r * polynomial(r, R::exp_terms) + r + T(1);
    // 2^n in two factors: n may lie outside of the exponents of normal numbers.
    B n = bits<B>(counted) << R::mantissa;
    B half = bits<B>((counted - R::round) * T(0.5) + R::round) << R::mantissa;
    return sum * bits<T>(half + bits<B>(T(1))) * bits<T>(n - half + bits<B>(T(1)));
}

template <class T> INLINE T expm1_(T x) {
    using R = Real<T>;
    using B = typename R::Bits;
    T y = x > R::exp_top ? R::exp_top : x;
    y = y < R::expm1_bottom * T(2) ? R::expm1_bottom * T(2) : y;
    T counted;
    T r = reduced(y, counted);
    T sum = r * r * polynomial(r, R::exp_terms) + r;
    T half = power_of_two<T>(bits<B>(counted) - 1);  // half of 2^n: that itself may be too large
    T result = (sum * half + (half - T(0.5))) * T(2);
    return abs_(x) < std::numeric_limits<T>::epsilon() / 4 ? x : result;
}

// log(x + rest) - shift log(2) for positive normal x and a `rest` far smaller than x; `exact` leaves the rest out.
template <class T, bool exact> INLINE T log_of_normal(T x, T rest, T shift) {
    using R = Real<T>;
    using B = typename R::Bits;
    constexpr T low = T(0.70710678118654752440);
    constexpr B mask = (B(1) << R::mantissa) - 1;
    B u = bits<B>(x) + (bits<B>(T(1)) - bits<B>(low));
    B exponent = u >> R::mantissa;
    T n = bits<T>(exponent | bits<B>(R::whole)) - (R::whole + T(R::bias));
    T f = bits<T>((u & mask) + bits<B>(low)) - T(1);
    if (!exact) f += rest * T(0.25) * bits<T>((B(2 * R::bias + 2) - exponent) << R::mantissa);
    T s = f / (f + T(2)), z = s * s, half_square = T(0.5) * f * f;
    T tail = s * (half_square + z * polynomial(z, R::log_terms));
    n -= shift;
    return n * R::ln2 + (f - (half_square - (tail + n * R::ln2_rest)));
}

template <class T> INLINE T log_(T x) {
    using R = Real<T>;
    constexpr T up = T(uint64_t(1) << (R::mantissa + 1));
    bool subnormal = x < std::numeric_limits<T>::min();
    T result = log_of_normal<T, true>(subnormal ? x * up : x, T(0), subnormal ? T(R::mantissa + 1) : T(0));
    result = x < INF<T> ? result : x;
    T outside = x == T(0) ? -INF<T> : std::numeric_limits<T>::quiet_NaN();
    return x <= T(0) ? outside : result;
}

template <class T> INLINE T log1p_(T x) {
    T u = x + T(1);
    T result = log_of_normal<T, false>(u, x - (u - T(1)), T(0));
    T outside = u == T(0) ? -INF<T> : std::numeric_limits<T>::quiet_NaN();
    result = u <= T(0) ? outside : result;
    result = abs_(x) < std::numeric_limits<T>::epsilon() / 4 ? x : result;
    return x < INF<T> ? result : x;
}

// log(1 + x) for 0 <= x <= 1.
template <class T> INLINE T log1p_of_share(T x) {
    T s = x / (x + T(2)), z = s * s, half_square = T(0.5) * x * x;
    return x - (half_square - s * (half_square + z * polynomial(z, Real<T>::log1p_terms)));
}

template <class T> INLINE T sigmoid_(T x) {
    T small = exp_(-abs_(x)), below = T(1) + small;
    T share = (x < T(0) ? small : T(1)) / below;
    T lost = (below - T(1)) - small;  // what rounding added to the divisor
    return share + share * lost * (T(1) - T(0.5) * small);
}

template <class T> INLINE T softplus_(T x) { return larger(x, T(0)) + log1p_of_share(exp_(-abs_(x))); }
template <class T> INLINE T log_sigmoid_(T x) { return -softplus_(-x); }

template <class T> INLINE T tanh_(T x) {
    using R = Real<T>;
    T size = abs_(x), z = x * x;
    T e = exp_(T(2) * size);
    bool small = size < T(0.625);
    // x + x z P(z) / Q(z), or 1 - 2 / (exp(2x) + 1): one division.
    T share = (small ? z * polynomial(z, R::tanh_above) : T(-2)) / (small ? polynomial(z, R::tanh_below) : e + T(1));
    T result = small ? size + size * share : T(1) + share;
    return with_sign(result, x);
}

template <class T> INLINE T erf_(T x) { return std::erf(x); }
template <class T> INLINE T pow_(T x, T y) { return std::pow(x, y); }

}  // namespace losslab
