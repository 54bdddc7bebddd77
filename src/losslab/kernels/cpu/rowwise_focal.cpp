// Focal losses: rows that are right already count less.
#include "rowloop.h"

namespace losslab {
namespace {

// (1 - p_y)^gamma and its slope by log p_y. The bounds are the rule's: the slope is finite where the error is 0 or the
// log-probability -inf.
template <class T> struct Hard {
    T power, rate, slope;  // `rate` by the error
    INLINE Hard(const Row<T> &row, T plus, T gamma) {
        const T error = larger(row.error, T(1e-18)) + plus;
        const bool inside = (row.error >= T(1e-18)) & (row.log_p >= T(-1000));
        power = pow_(error, gamma);
        rate = gamma == T(0) ? T(0) : gamma * power / error;
        slope = inside ? -rate * row.p : T(0);
    }
};

template <class T> struct Focal : OfLogP<Focal<T>, T> {
    T gamma;
    Focal(const RowBlock<T> &, const double *params) : gamma(T(params[0])) {}
    INLINE void at(const Row<T> &row, T &value, T &by_log_p) const {
        const Hard<T> hard(row, T(0), gamma);
        value = -hard.power * row.log_p;
        by_log_p = -hard.power - guarded_product(hard.slope, row.log_p);
    }
};

// The cross-entropy of smoothed labels, in place of -log p_y.
template <class T> struct SmoothedFocal : RowLoss<T> {
    static constexpr int SUMS = 1, COEFS = 2;
    T gamma, smoothing, classes;
    SmoothedFocal(const RowBlock<T> &block, const double *params)
        : gamma(T(params[0])), smoothing(T(params[1])), classes(T(block.classes)) {}
    INLINE void see(T *sum, const At<T> &at) const { sum[0] += at.d; }
    INLINE void finish(const Row<T> &row, const T *sum, T *k, T &value, T &slope) const {
        const Hard<T> hard(row, T(0), gamma);
        const T own = T(1) - smoothing, even = smoothing / classes;
        const T entropy = guarded_product(smoothing, row.log_sum - sum[0] / classes) - guarded_product(own, row.log_p);
        value = guarded_product(hard.power, entropy);
        const T by_log_p = guarded_product(hard.slope, entropy) - hard.power * own;
        k[0] = (hard.power * smoothing - by_log_p) / row.sum;
        k[1] = hard.power * even;
        slope = by_log_p * row.error + hard.power * (smoothing * row.p - even);
    }
    INLINE T slope(const T *k, const At<T> &at) const { return k[0] * at.e - k[1]; }
};

template <class T> double focal(const RowBlock<T> &block, const double *params) {
    if (params[1] != 0) return row_block(SmoothedFocal<T>(block, params), block);
    return row_block(Focal<T>(block, params), block);
}

template <class T> struct Poly1Focal : OfLogP<Poly1Focal<T>, T> {
    T epsilon, gamma;
    Poly1Focal(const RowBlock<T> &, const double *params) : epsilon(T(params[0])), gamma(T(params[1])) {}
    INLINE void at(const Row<T> &row, T &value, T &by_log_p) const {
        const Hard<T> hard(row, T(0), gamma);
        const T inner = epsilon * larger(row.error, T(1e-18)) - row.log_p;
        value = hard.power * inner;
        by_log_p = guarded_product(hard.slope, inner) - hard.power * (T(1) + epsilon * row.p);
    }
};

template <class T> struct SampleDependentFocal : OfLogP<SampleDependentFocal<T>, T> {
    T gamma_hard, gamma_easy, threshold;
    SampleDependentFocal(const RowBlock<T> &, const double *params)
        : gamma_hard(T(params[0])), gamma_easy(T(params[1])), threshold(T(params[2])) {}
    INLINE void at(const Row<T> &row, T &value, T &by_log_p) const {
        const Hard<T> hard(row, T(0), row.p >= threshold ? gamma_easy : gamma_hard);
        value = -hard.power * row.log_p;
        by_log_p = -hard.power - guarded_product(hard.slope, row.log_p);
    }
};

// Adds the best probability below the label's: `mark` is its score, which several classes may share.
template <class T> struct DualFocal : RowLoss<T> {
    static constexpr bool BELOW = true;
    static constexpr bool KEEPS = false;
    static constexpr int SUMS = 2, COEFS = 2;
    T gamma;
    DualFocal(const RowBlock<T> &, const double *params) : gamma(T(params[0])) {}
    INLINE bool is_best(const At<T> &at) const { return (at.x == at.mark) & (at.x < at.own); }
    INLINE void see(T *sum, const At<T> &at) const {
        sum[0] += is_best(at) ? T(1) : T(0);
        sum[1] += is_best(at) ? at.e : T(0);
    }
    INLINE void finish(const Row<T> &row, const T *sum, T *k, T &value, T &slope) const {
        const T ties = larger(sum[0], T(1)), below = sum[0] > T(0) ? sum[1] / ties / row.sum : T(0);
        const Hard<T> hard(row, below, gamma);
        value = -hard.power * row.log_p;
        const T by_log_p = -hard.power - guarded_product(hard.slope, row.log_p);
        const T by_below = below == T(0) ? T(0) : -hard.rate * row.log_p * below;
        k[0] = -(by_log_p + by_below) / row.sum;
        k[1] = by_below / ties;
        slope = by_log_p * row.error - by_below * row.p;
    }
    INLINE T slope(const T *k, const At<T> &at) const { return k[0] * at.e + (is_best(at) ? k[1] : T(0)); }
};

}  // namespace

const RowEntry ROWS_FOCAL[] = {
    {"focal_loss", "gamma,label_smoothing", BY_CLASS, focal<float>, focal<double>},
    LOSSLAB_ROWS("poly1_focal_loss", "epsilon,gamma", BY_CLASS, Poly1Focal),
    LOSSLAB_ROWS("sample_dependent_focal_loss", "gamma_hard,gamma_easy,threshold", BY_CLASS, SampleDependentFocal),
    LOSSLAB_ROWS("dual_focal_loss", "gamma", BY_CLASS, DualFocal),
    {},
};

}  // namespace losslab
