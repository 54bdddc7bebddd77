// Losses against overconfidence.
#include "rowloop.h"

namespace losslab {
namespace {

template <class T> struct ConfidencePenalty : RowLoss<T> {
    static constexpr bool KEEPS = false;
    static constexpr int SUMS = 1, COEFS = 2;
    T beta;
    ConfidencePenalty(const RowBlock<T> &, const double *params) : beta(T(params[0])) {}
    INLINE void see(T *sum, const At<T> &at) const { sum[0] += guarded_product(at.e, at.d); }
    INLINE void finish(const Row<T> &row, const T *sum, T *k, T &value, T &slope) const {
        const T negentropy = sum[0] / row.sum - row.log_sum;
        value = beta * negentropy - row.log_p;
        k[0] = (T(1) - beta * (row.log_sum + negentropy)) / row.sum;
        k[1] = beta / row.sum;
        slope = beta * (guarded_product(row.p, row.log_p) - row.p * negentropy) - row.error;
    }
    INLINE T slope(const T *k, const At<T> &at) const { return k[0] * at.e + k[1] * guarded_product(at.e, at.d); }
};

template <class T> struct MarginLabelSmoothing : RowLoss<T> {
    static constexpr bool KEEPS = false;
    static constexpr int SUMS = 3, COEFS = 3;
    T margin, penalty;
    MarginLabelSmoothing(const RowBlock<T> &, const double *params) : margin(T(params[0])), penalty(T(params[1])) {}
    INLINE T beyond(T x, T top) const { return positive_part(top - larger(x, T(-1e30)) - margin); }
    INLINE T pull(T x, T top, T at_top, T each) const {
        return (x == top ? at_top : T(0)) - ((beyond(x, top) > T(0)) & (x >= T(-1e30)) ? each : T(0));
    }
    INLINE void see(T *sum, const At<T> &at) const {
        const T top = larger(at.own, at.mark), gap = beyond(at.x, top);
        sum[0] += gap;
        sum[1] += gap > T(0) ? T(1) : T(0);
        sum[2] += at.x == top ? T(1) : T(0);  // the largest scores share what they gain
    }
    INLINE void finish(const Row<T> &row, const T *sum, T *k, T &value, T &slope) const {
        value = penalty * sum[0] - row.log_p;
        k[0] = T(1) / row.sum;
        k[1] = penalty * sum[1] / sum[2];
        k[2] = penalty;
        slope = pull(row.own, larger(row.own, row.mark), k[1], penalty) - row.error;
    }
    INLINE T slope(const T *k, const At<T> &at) const {
        return k[0] * at.e + pull(at.x, larger(at.own, at.mark), k[1], k[2]);
    }
};

template <class T> struct LabelRelaxation : OfLogP<LabelRelaxation<T>, T> {
    T share, constant, rest;
    LabelRelaxation(const RowBlock<T> &, const double *params)
        : share(T(params[0])),
          constant(T((1 - params[0]) * std::log1p(-params[0]) + params[0] * std::log(params[0]))),
          rest(T(1 - params[0])) {}
    INLINE void at(const Row<T> &row, T &value, T &by_log_p) const {
        const T error = larger(row.error, T(1e-18));
        const T far = constant - rest * row.log_p - share * log_(error);
        value = row.p >= rest ? T(0) : far;
        by_log_p = row.p >= rest ? T(0) : share * row.p / error - rest;
    }
};

}  // namespace

const RowEntry ROWS_CALIBRATION[] = {
    LOSSLAB_ROWS("confidence_penalty_loss", "beta", BY_CLASS, ConfidencePenalty),
    LOSSLAB_ROWS("margin_label_smoothing_loss", "margin,penalty", BY_CLASS, MarginLabelSmoothing),
    LOSSLAB_ROWS("label_relaxation_loss", "alpha", BY_CLASS, LabelRelaxation),
    {},
};

}  // namespace losslab
