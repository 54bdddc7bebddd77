// Likelihoods of counts. Poisson's has a kernel for each of its forms, named by the options that differ from the default.
// The rules: catalog/likelihood.py.
#include "loggamma.h"
#include "pointloop.h"

namespace losslab {
namespace {

template <class T> INLINE T log_factorial(T t) { return T(log_gamma(double(t) + 1)); }

template <class T, bool full> struct PoissonOfLog {
    explicit PoissonOfLog(const double *) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        constexpr T top = T(1e4);  // beyond, the exponential is infinite, and infinity less infinity would be NaN
        T mean = exp_(x);
        value = mean - (t == T(0) ? T(0) : t * at_most(x, top));
        slope = mean - (x > top ? T(0) : t);
        if (full) value += log_factorial(t);
    }
};

template <class T, bool full> struct PoissonOfMean {
    T eps;
    explicit PoissonOfMean(const double *p) : eps(T(p[0])) {}
    INLINE void at(T x, T t, T &value, T &slope) const {
        bool none = t == T(0);
        T shifted = none ? T(1) : x + eps;
        value = x - t * log_(shifted);
        slope = T(1) - t / shifted;
        if (full) value += log_factorial(t);
    }
};

template <class T> using Poisson = PoissonOfLog<T, false>;
template <class T> using PoissonFull = PoissonOfLog<T, true>;
template <class T> using PoissonMean = PoissonOfMean<T, false>;
template <class T> using PoissonMeanFull = PoissonOfMean<T, true>;

template <class T> struct NegativeBinomial {
    double size, tail;  // 1 / dispersion, at which the variance of a count is twice its mean
    T inverse, shift;
    bool large;
    explicit NegativeBinomial(const double *p) : size(1 / p[0]), inverse(T(1 / p[0])), shift(T(std::log(p[0]))) {
        large = size >= 30;
        tail = large ? log_gamma_tail(size) : log_gamma(size);
    }
    INLINE void at(T x, T t, T &value, T &slope) const {
        T odds = x + shift, e = exp_(-abs_(odds)), log = log1p_of_share(e), share = T(1) / (T(1) + e);
        T yes = relu_(odds) + log, no = relu_(-odds) + log, p = odds < T(0) ? e * share : share;
        value = yes * inverse + share_of(t, no) - T(ways(double(t)));
        slope = p * inverse - t * (odds < T(0) ? share : e * share);
    }
    // log of gamma(t + size) / (gamma(size) gamma(t + 1))
    INLINE double ways(double t) const {
        double next = t + size, far = (size - 0.5) * log1p_(t / size) + t * (log_(next) - 1) + log_gamma_tail(next);
        return (large ? far : log_gamma(next)) - tail - log_gamma(t + 1);
    }
};

}  // namespace

const PointEntry POINT_COUNTS[] = {
    LOSSLAB_POINT("poisson_nll_loss", "eps", Poisson),
    LOSSLAB_POINT("poisson_nll_loss full", "eps", PoissonFull),
    LOSSLAB_POINT("poisson_nll_loss log_input=False", "eps", PoissonMean),
    LOSSLAB_POINT("poisson_nll_loss full log_input=False", "eps", PoissonMeanFull),
    LOSSLAB_POINT("negative_binomial_nll_loss", "dispersion", NegativeBinomial),
    {nullptr, nullptr, nullptr, nullptr},
};

}  // namespace losslab
