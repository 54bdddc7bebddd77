// Cross-entropy in its forms, and losses of log-probabilities.
#include "rowloop.h"

namespace losslab {
namespace {

template <class T> struct CrossEntropy : OfLogP<CrossEntropy<T>, T> {
    CrossEntropy(const RowBlock<T> &, const double *) {}
    INLINE void at(const Row<T> &row, T &value, T &by_log_p) const {
        value = -row.log_p;
        by_log_p = T(-1);
    }
};

// (1 - s) w_y (-log p_y) + s / C times the sum of w_c (-log p_c).
template <class T, bool WEIGHTED> struct SmoothedCrossEntropy : RowLoss<T> {
    static constexpr bool WEIGHS = true;
    static constexpr int SUMS = 1, COEFS = 2;
    T smoothing, each, total = 0;
    const T *weight;
    SmoothedCrossEntropy(const RowBlock<T> &block, const double *params)
        : smoothing(T(params[0])), each(T(params[0] / double(block.classes))), weight(block.class_weight) {
        double sum = double(block.classes);
        if (weight) {
            sum = 0;
            for (int64_t c = 0; c < block.classes; ++c) sum += double(weight[c]);
        }
        total = T(sum);
    }
    INLINE T of_class(Index<T> c) const { return WEIGHTED ? weight[c] : T(1); }
    INLINE void see(T *sum, const At<T> &at) const { sum[0] += guarded_product(of_class(at.c), at.d); }
    INLINE void finish(const Row<T> &row, const T *sum, T *k, T &value, T &slope) const {
        const T own = (T(1) - smoothing) * row.weight;
        value = guarded_product(T(1) - smoothing, guarded_product(row.weight, -row.log_p)) +
                guarded_product(each, total * row.log_sum - sum[0]);
        k[0] = (own + each * total) / row.sum;
        k[1] = each;
        slope = each * (total * row.p - row.weight) - own * row.error;
    }
    INLINE T slope(const T *k, const At<T> &at) const { return k[0] * at.e - k[1] * of_class(at.c); }
};

// Targets that are distributions, smoothed, times the class weights.
template <class T, bool WEIGHTED> struct SoftCrossEntropy : RowLoss<T> {
    static constexpr bool WEIGHS = true, SOFT = true;
    static constexpr int SUMS = 2, COEFS = 2;
    T smoothing, each;
    const T *weight;
    SoftCrossEntropy(const RowBlock<T> &block, const double *params)
        : smoothing(T(params[0])), each(T(params[0] / double(block.classes))), weight(block.class_weight) {}
    INLINE T share(const At<T> &at) const {
        const T smooth = at.share * (T(1) - smoothing) + each;
        return WEIGHTED ? smooth * weight[at.c] : smooth;
    }
    INLINE void see(T *sum, const At<T> &at) const {
        const T own = share(at);
        sum[0] += own;
        sum[1] += guarded_product(own, at.d);
    }
    INLINE void finish(const Row<T> &row, const T *sum, T *k, T &value, T &slope) const {
        value = sum[0] * row.log_sum - sum[1];
        k[0] = sum[0] / row.sum;
        k[1] = T(1);
        slope = T(0);
    }
    INLINE T slope(const T *k, const At<T> &at) const { return k[0] * at.e - k[1] * share(at); }
};

template <class T> double cross_entropy(const RowBlock<T> &block, const double *params) {
    if (block.soft) {
        if (block.class_weight) return row_block(SoftCrossEntropy<T, true>(block, params), block);
        return row_block(SoftCrossEntropy<T, false>(block, params), block);
    }
    if (params[0] != 0) {
        if (block.class_weight) return row_block(SmoothedCrossEntropy<T, true>(block, params), block);
        return row_block(SmoothedCrossEntropy<T, false>(block, params), block);
    }
    return row_block(CrossEntropy<T>(block, params), block);
}

// Reads one score of each row.
template <class T> double nll(const RowBlock<T> &block, const double *) {
    double sum = 0;
    for (int64_t row = 0; row < block.rows; ++row) {
        const T weight = block.weight ? block.weight[row] : T(1);
        const bool counts = weight != T(0);
        const int64_t label = counts ? block.label[row] : 0;
        const int64_t place = row * block.row_stride + label * block.class_stride;
        const T of_class = block.class_weight ? block.class_weight[label] : T(1);
        const T value = counts ? weight * guarded_product(of_class, -block.input[place]) : T(0);
        if (block.value) block.value[row] = value;
        sum += double(value);
    }
    if (!block.gradient) return sum;
    const int64_t inside = block.class_stride == 1 ? block.classes : block.rows;
    const int64_t stride = block.class_stride == 1 ? block.row_stride : block.class_stride;
    for (int64_t j = 0; j < (block.class_stride == 1 ? block.rows : block.classes); ++j)
        for (int64_t i = 0; i < inside; ++i) block.gradient[j * stride + i] = T(0);
    for (int64_t row = 0; row < block.rows; ++row) {
        const T weight = block.weight ? block.weight[row] : T(1);
        if (weight == T(0)) continue;
        const int64_t label = block.label[row];
        const T of_class = block.class_weight ? block.class_weight[label] : T(1);
        block.gradient[row * block.row_stride + label * block.class_stride] = -block.scale * weight * of_class;
    }
    return sum;
}

template <class T> struct Poly1CrossEntropy : OfLogP<Poly1CrossEntropy<T>, T> {
    T epsilon;
    Poly1CrossEntropy(const RowBlock<T> &, const double *params) : epsilon(T(params[0])) {}
    INLINE void at(const Row<T> &row, T &value, T &by_log_p) const {
        value = epsilon * row.error - row.log_p;
        by_log_p = T(-1) - epsilon * row.p;
    }
};

// The two errors of the label's probability: of all classes squared, and a polynomial of 1 - p.
template <class T> struct Brier : RowLoss<T> {
    static constexpr int SUMS = 1, COEFS = 2;
    Brier(const RowBlock<T> &, const double *) {}
    INLINE void see(T *sum, const At<T> &at) const { sum[0] += at.c == at.y ? T(0) : at.e * at.e; }
    INLINE void finish(const Row<T> &row, const T *sum, T *k, T &value, T &slope) const {
        value = sum[0] / row.sum / row.sum + row.error * row.error;
        // by p_c: u_c = 2 p_c + 2 (1 - p_y) for the others and 0 for y; by scores p_c (u_c - sum of u p).
        const T mean = T(2) * value;
        k[0] = (T(2) * row.error - mean) / row.sum;
        k[1] = T(2) / row.sum / row.sum;
        slope = -row.p * mean;
    }
    INLINE T slope(const T *k, const At<T> &at) const { return at.e * (k[0] + k[1] * at.e); }
};

template <class T> struct TaylorCrossEntropy : OfLogP<TaylorCrossEntropy<T>, T> {
    T counted[8];  // how much of each term belongs to the sum
    TaylorCrossEntropy(const RowBlock<T> &, const double *params) {
        for (int i = 0; i < 8; ++i) counted[i] = T(smaller(larger(params[0] - i, 0.0), 1.0));
    }
    INLINE void at(const Row<T> &row, T &value, T &by_log_p) const {
        T total = T(0), by_error = T(0);
        for (int i = 8; i > 0; --i) {
            total = row.error * (counted[i - 1] / T(i) + total);
            by_error = row.error * by_error + counted[i - 1];
        }
        value = total;
        by_log_p = -row.p * by_error;
    }
};

}  // namespace

const RowEntry ROWS_LOG_LOSS[] = {
    {"cross_entropy", "label_smoothing", BY_CLASS | TAKES_SOFT, cross_entropy<float>, cross_entropy<double>},
    {"nll_loss", "", BY_CLASS, nll<float>, nll<double>},
    LOSSLAB_ROWS("poly1_cross_entropy", "epsilon", BY_CLASS, Poly1CrossEntropy),
    LOSSLAB_ROWS("brier_loss", "", BY_CLASS, Brier),
    LOSSLAB_ROWS("taylor_cross_entropy_loss", "order", BY_CLASS, TaylorCrossEntropy),
    {},
};

}  // namespace losslab
