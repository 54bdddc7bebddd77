// log of the gamma function for positive numbers, without branches, in double: constants and counts of likelihoods.
#pragma once
#include "vecmath.h"

namespace losslab {

// What Stirling's formula leaves out; a >= 8.
INLINE double log_gamma_tail(double a) {
    constexpr double terms[] = {1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188, -691.0 / 360360, 1.0 / 156};
    double inverse = 1 / a;
    return inverse * polynomial(inverse * inverse, terms);
}

INLINE double log_gamma(double x) {
    bool near = x < 8;  // there, the product of the next eight numbers leads to where Stirling's formula holds
    double y = near ? x : 1.0, a = near ? x + 8 : x, square = (y + 8) * (y + 8), fourth = square * square;
    double product = y * (y + 1) * ((y + 2) * (y + 3)) * ((y + 4) * (y + 5)) * ((y + 6) * (y + 7));
    // log(a^8 / product) - 8.5 + log(2 pi) / 2 in one logarithm: large terms that cancel would leave their rounding
    double rest = near ? log_(fourth * fourth / product * 5.10019566755134737e-4) : 0.41893853320467274178;
    double result = (x - 0.5) * (log_(a) - 1) + rest + log_gamma_tail(a);
    result = (x == 1) | (x == 2) ? 0.0 : result;
    return x < INF<double> ? result : x;
}

// log(gamma(a + step) / gamma(a)), of which the difference of two logarithms keeps little when a is large.
INLINE double log_gamma_step(double a, double step) {
    double near = a > 30.0 ? 30.0 : a, far = a < 30.0 ? 30.0 : a, next = far + step;
    double small = log_gamma(near + step) - log_gamma(near);
    double large = (far - 0.5) * log1p_(step / far) + step * (log_(next) - 1) + log_gamma_tail(next) - log_gamma_tail(far);
    return a < 30.0 ? small : large;
}

}  // namespace losslab
