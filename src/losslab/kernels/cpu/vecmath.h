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
    static constexpr float erf_top = 3.95f;
    static constexpr float erf_near[] = {
        0.128379167f, -0.376126267f, 0.112835947f, -0.026854212f, 0.00518908742f, -0.000801686429f, 7.87587506e-5f};
    static constexpr float erf_far[] = {
        -0.0025113179f, -1.1179806f, 0.346229582f, -0.0891005295f, 0.0149262036f, -0.00116880784f};
    static constexpr int half_mantissa = 12;                                       // bits that a cut number loses
    static constexpr float per_log = 0x1.ec6p-1f, per_log_rest = 0x1.09dc3ap-13f;  // 2 / (3 log(2)), the first one cut
    static constexpr float pow_terms[] = {0.600000226f, 0.428433541f, 0.345723572f};
    static constexpr float pow_top = 200.0f;
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
    static constexpr double erf_top = 5.96;
    static constexpr double erf_near[] = {0.12837916709551257390, -0.376126389031835404, 0.112837916709450063,
        -0.0268661706432377704, 0.00522397760711642273, -0.000854832597538969208, 0.000120552949048397079,
        -0.0000149247369074196603, 1.64474247033173624e-6, -1.62084838018717059e-7, 1.37200645467776856e-8,
        -7.79589882700214224e-10};
    static constexpr double erf_far[] = {-9.6785309249740576e-7, -1.12836956307996782, 0.36333591800184812,
        -0.102646468156270826, 0.0188806549604522639, 0.000564814280519481963, -0.00208050689165689865,
        0.000906632093630399867, -0.000223122660757023398, 0.0000246864067122131134, 4.74171841079047482e-6,
        -2.96942309970654567e-6, 7.46238069928482145e-7, -1.16615365564857175e-7, 1.17299291744909038e-8,
        -7.01704882898135569e-10, 1.90947821842124176e-11};
    static constexpr int half_mantissa = 27;
    static constexpr double per_log = 0x1.ec709d8p-1, per_log_rest = 0x1.0e80ff5d27f05p-27;
    static constexpr double pow_terms[] = {0.600000000000000406, 0.428571428570077588, 0.333333334066535085,
        0.272727123713168148, 0.23078362194693047, 0.19928936152790029, 0.19370426508273376};
    static constexpr double pow_top = 1200.0;
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

template <class T> INLINE T sum_of_reduced(T r) { return r * r * polynomial(r, Real<T>::exp_terms) + r + T(1); }

// 2^n exp(r), rounded once where the result is subnormal: 2^n in two factors, as n may lie outside of the exponents.
template <class T> INLINE T exp_of_reduced(T r, T counted) {
    using R = Real<T>;
    using B = typename R::Bits;
    B n = bits<B>(counted) << R::mantissa;
    B half = bits<B>((counted - R::round) * T(0.5) + R::round) << R::mantissa;
    return sum_of_reduced(r) * bits<T>(half + bits<B>(T(1))) * bits<T>(n - half + bits<B>(T(1)));
}

template <class T> INLINE T exp_(T x) {
    using R = Real<T>;
    x = x > R::exp_top ? R::exp_top : x;
    x = x < R::exp_bottom ? R::exp_bottom : x;
    T counted;
    T r = reduced(x, counted);
    return exp_of_reduced(r, counted);
}

// exp(x) for x <= 0, a little faster: softmax, sigmoid and their like need no more.
template <class T> INLINE T exp_of_negative(T x) {
    using R = Real<T>;
    using B = typename R::Bits;
    constexpr int lift = (R::bias + 1) / 2;  // 2^(n + lift) is normal for every n <= 0 that matters
    x = x < R::exp_bottom ? R::exp_bottom : x;
    T counted;
    T r = reduced(x, counted);
    T power = bits<T>((bits<B>(counted) << R::mantissa) + (B(R::bias + lift) << R::mantissa));
    return sum_of_reduced(r) * power * bits<T>(B(R::bias - lift) << R::mantissa);
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
    T small = exp_of_negative(-abs_(x)), below = T(1) + small;
    T share = (x < T(0) ? small : T(1)) / below;
    T lost = (below - T(1)) - small;  // what rounding added to the divisor
    return share + share * lost * (T(1) - T(0.5) * small);
}

template <class T> INLINE T softplus_(T x) { return larger(x, T(0)) + log1p_of_share(exp_of_negative(-abs_(x))); }
template <class T> INLINE T log_sigmoid_(T x) { return -softplus_(-x); }

template <class T> INLINE T tanh_(T x) {
    using R = Real<T>;
    T size = abs_(x), z = x * x;
    T t = size > R::tanh_top ? R::tanh_top : size, counted;
    T r = reduced(t + t, counted);
    T e = sum_of_reduced(r) * power_of_two<T>(bits<typename R::Bits>(counted));
    bool small = size < T(0.625);
    // x + x z P(z) / Q(z), or 1 - 2 / (exp(2x) + 1): one division.
    T share = (small ? z * polynomial(z, R::tanh_above) : T(-2)) / (small ? polynomial(z, R::tanh_below) : e + T(1));
    T result = small ? size + size * share : T(1) + share;
    return with_sign(result, x);
}

template <class T> INLINE T erf_(T x) {
    using R = Real<T>;
    T size = abs_(x), t = size > R::erf_top ? R::erf_top : size, z = t * t;
    T near = size + size * polynomial(z, R::erf_near);
    T far = T(1) - exp_of_negative(polynomial(t, R::erf_far) - z);  // the polynomial is log(exp(t^2) erfc(t))
    return with_sign(size < T(1) ? near : far, x);
}

// The first half of the digits: products of two such numbers are exact, with and without fused operations.
template <class T> INLINE T cut(T x) {
    using B = typename Real<T>::Bits;
    return bits<T>(bits<B>(x) >> Real<T>::half_mantissa << Real<T>::half_mantissa);
}

// x^y for x >= 0 (NaN below, whatever y is), as 2^(y log2(x)) with the logarithm in two numbers.
template <class T> INLINE T pow_(T x, T y) {
    using R = Real<T>;
    using B = typename R::Bits;
    constexpr T low = T(0.70710678118654752440), up = T(uint64_t(1) << (R::mantissa + 1));
    constexpr B mask = (B(1) << R::mantissa) - 1;
    bool subnormal = x < std::numeric_limits<T>::min();
    B u = bits<B>(subnormal ? x * up : x) + (bits<B>(T(1)) - bits<B>(low));
    T n = bits<T>((u >> R::mantissa) | bits<B>(R::whole)) - (R::whole + T(R::bias));
    n -= subnormal ? T(R::mantissa + 1) : T(0);
    T f = bits<T>((u & mask) + bits<B>(low)) - T(1);
    // log(1 + f) = 2 / 3 s (3 + s^2 + tail), s = f / (2 + f); `_rest` is what the cut left.
    T below = f + T(2), inverse = T(1) / below, s = f * inverse, z = s * s;
    T s_cut = cut(s), below_cut = cut(below), below_rest = f - (below_cut - T(2));
    T s_rest = inverse * ((f - s_cut * below_cut) - s_cut * below_rest);
    T z_cut = s_cut * s_cut;
    T tail = z * z * polynomial(z, R::pow_terms) + s_rest * (s_cut + s);
    T series = cut(T(3) + z_cut + tail), series_rest = tail - ((series - T(3)) - z_cut);
    T product = s_cut * series, product_rest = s_rest * series + series_rest * s;
    T sum = cut(product + product_rest), sum_rest = product_rest - (sum - product);
    T scaled = sum * R::per_log, scaled_rest = sum * R::per_log_rest + sum_rest * (R::per_log + R::per_log_rest);
    T log2 = cut((scaled + scaled_rest) + n), log2_rest = scaled_rest - ((log2 - n) - scaled);
    T y_cut = cut(y);
    T power = y_cut * log2, power_rest = (y - y_cut) * log2 + y * log2_rest;
    bool large = !(abs_(power) < R::pow_top);  // the rest may be infinite then, or NaN
    power_rest = large ? T(0) : power_rest;
    power = power > R::pow_top ? R::pow_top : power;
    power = power < -R::pow_top ? -R::pow_top : power;
    T counted = (power + power_rest) + R::round;
    T r = (power - (counted - R::round)) + power_rest;
    T result = exp_of_reduced(r * T(0.69314718055994530942), counted);
    T end = (y > T(0)) == (x == T(0)) ? T(0) : INF<T>;  // of x = 0 and of x = infinity
    result = x == T(0) || x == INF<T> ? end : result;
    result = x < T(0) || x != x || y != y ? std::numeric_limits<T>::quiet_NaN() : result;
    return y == T(0) || x == T(1) ? T(1) : result;
}

}  // namespace losslab
