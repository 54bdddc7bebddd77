// Losses for labels of which many are wrong.
#include "rowloop.h"

namespace losslab {
namespace {

template <class T> struct GeneralizedCrossEntropy : OfLogP<GeneralizedCrossEntropy<T>, T> {
    T q, inverse;
    GeneralizedCrossEntropy(const RowBlock<T> &, const double *params) : q(T(params[0])), inverse(T(1 / params[0])) {}
    INLINE void at(const Row<T> &row, T &value, T &by_log_p) const {
        const T less = expm1_(q * row.log_p);
        value = -less * inverse;
        by_log_p = T(-1) - less;
    }
};

template <class T> struct AbsoluteError : OfLogP<AbsoluteError<T>, T> {
    AbsoluteError(const RowBlock<T> &, const double *) {}
    INLINE void at(const Row<T> &row, T &value, T &by_log_p) const {
        value = T(2) * row.error;
        by_log_p = T(-2) * row.p;
    }
};

template <class T> struct ReverseCrossEntropy : OfLogP<ReverseCrossEntropy<T>, T> {
    T log_zero;
    ReverseCrossEntropy(const RowBlock<T> &, const double *params) : log_zero(T(params[0])) {}
    INLINE void at(const Row<T> &row, T &value, T &by_log_p) const {
        value = -log_zero * row.error;
        by_log_p = log_zero * row.p;
    }
};

template <class T> struct SymmetricCrossEntropy : OfLogP<SymmetricCrossEntropy<T>, T> {
    T alpha, reverse;
    SymmetricCrossEntropy(const RowBlock<T> &, const double *params)
        : alpha(T(params[0])), reverse(T(params[1] * params[2])) {}
    INLINE void at(const Row<T> &row, T &value, T &by_log_p) const {
        value = -reverse * row.error - guarded_product(alpha, row.log_p);
        by_log_p = reverse * row.p - alpha;
    }
};

template <class T> struct JensenShannon : OfLogP<JensenShannon<T>, T> {
    T share, scale, log_rest;
    JensenShannon(const RowBlock<T> &, const double *params)
        : share(T(params[0])),
          scale(T((params[0] - 1) * std::log1p(-params[0]))),
          log_rest(T(std::log1p(-params[0]))) {}
    INLINE void at(const Row<T> &row, T &value, T &by_log_p) const {
        const bool low = row.log_p < T(-80);  // where p counts for nothing and its inverse overflows
        const T log_p = low ? T(-80) : row.log_p, p = low ? exp_(T(-80)) : row.p;
        const T ratio = log1p_(share * expm1_(-log_p));  // log(m_y / p)
        const T label = share * log1p_((share - T(1)) * row.error);
        value = row.error - (label + (T(1) - share) * p * ratio) / scale;
        by_log_p = low ? T(0) : p * (ratio / log_rest - T(1));
    }
};

// alpha log p_y / (sum of log p_c) + passive (1 - p_y).
template <class T> struct ActivePassive : RowLoss<T> {
    static constexpr bool KEEPS = false;
    static constexpr int SUMS = 1, COEFS = 2;
    T active, passive, classes;
    ActivePassive(const RowBlock<T> &block, double alpha, double times)
        : active(T(alpha)), passive(T(times)), classes(T(block.classes)) {}
    INLINE T held(T log_p) const { return log_p < T(-1e30) ? T(-1e30) : log_p; }  // an impossible class has its limit
    INLINE void see(T *sum, const At<T> &at) const { sum[0] += held(at.d); }
    INLINE void finish(const Row<T> &row, const T *sum, T *k, T &value, T &slope) const {
        const T all = sum[0] - classes * row.log_sum;
        const bool several = all <= T(-1);  // with one class the sum is 0
        const T below = several ? all : T(-1), share = held(row.log_p) / below;
        const T even = several ? -share / below : T(0), gain = T(1) / below, pull = passive * row.p;
        value = active * share + passive * row.error;
        k[0] = (pull - active * (classes * even + gain)) / row.sum;
        k[1] = active * even;
        slope = active * (even * (T(1) - classes * row.p) + gain * row.error) - pull * row.error;
    }
    INLINE T slope(const T *k, const At<T> &at) const { return k[0] * at.e + (at.d < T(-1e30) ? T(0) : k[1]); }
};

template <class T> double normalized(const RowBlock<T> &block, const double *) {
    return row_block(ActivePassive<T>(block, 1, 0), block);
}
template <class T> double normalized_and_reverse(const RowBlock<T> &block, const double *params) {
    return row_block(ActivePassive<T>(block, params[0], -params[1] * params[2]), block);
}
template <class T> double normalized_and_absolute(const RowBlock<T> &block, const double *params) {
    return row_block(ActivePassive<T>(block, params[0], 2 * params[1]), block);
}

}  // namespace

const RowEntry ROWS_NOISY[] = {
    LOSSLAB_ROWS("generalized_cross_entropy", "q", BY_CLASS, GeneralizedCrossEntropy),
    LOSSLAB_ROWS("class_absolute_error_loss", "", BY_CLASS, AbsoluteError),
    LOSSLAB_ROWS("reverse_cross_entropy_loss", "log_zero", BY_CLASS, ReverseCrossEntropy),
    LOSSLAB_ROWS("symmetric_cross_entropy_loss", "alpha,beta,log_zero", BY_CLASS, SymmetricCrossEntropy),
    LOSSLAB_ROWS("jensen_shannon_cross_entropy_loss", "label_share", BY_CLASS, JensenShannon),
    {"normalized_cross_entropy_loss", "", BY_CLASS, normalized<float>, normalized<double>},
    {"nce_and_rce_loss", "alpha,beta,log_zero", BY_CLASS, normalized_and_reverse<float>,
     normalized_and_reverse<double>},
    {"nce_and_mae_loss", "alpha,beta", BY_CLASS, normalized_and_absolute<float>, normalized_and_absolute<double>},
    {},
};

}  // namespace losslab
