// Losses that know how often each class occurs: per_class holds the counts.
#include "rowloop.h"

namespace losslab {
namespace {

template <class T> struct ClassBalanced : OfLogP<ClassBalanced<T>, T> {
    T log_beta, by_mean;
    const T *counts;
    ClassBalanced(const RowBlock<T> &block, const double *params)
        : log_beta(T(std::log1p(params[0] - 1))), by_mean(T(1)), counts(block.per_class) {
        T sum = T(0);
#pragma omp simd reduction(+ : sum)
        for (int64_t c = 0; c < block.classes; ++c) sum += of_count(counts[c]);
        by_mean = T(block.classes) / sum;
    }
    INLINE T of_count(T count) const { return T(-1) / expm1_(larger(count * log_beta, T(-1e4))); }
    INLINE void at(const Row<T> &row, T &value, T &by_log_p) const {
        const T weight = of_count(counts[row.y]) * by_mean;
        value = -weight * row.log_p;
        by_log_p = -weight;
    }
};

// Cross-entropy of scores plus tau log n. The logarithms are kept where they fit.
constexpr int64_t KEPT = 1024;

template <class T, bool TABLE> struct Adjusted : RowLoss<T> {
    static constexpr bool MOVES = true;
    T tau, kept[TABLE ? KEPT : 1];
    const T *counts;
    Adjusted(const RowBlock<T> &block, double times) : tau(T(times)), counts(block.per_class) {
        if (TABLE)
            for (int64_t c = 0; c < block.classes; ++c) kept[c] = tau * log_(counts[c]);
    }
    INLINE T moved(T d, Index<T> c) const { return d + (TABLE ? kept[c] : tau * log_(counts[c])); }
    INLINE T moved_own(T d, Index<T> c) const { return moved(d, c); }
    INLINE void finish(const Row<T> &row, const T *, T *k, T &value, T &slope) const {
        value = -row.log_p;
        k[0] = T(1) / row.sum;
        slope = -row.error;
    }
};

template <class T> double adjusted(const RowBlock<T> &block, double tau) {
    if (block.classes <= KEPT) return row_block(Adjusted<T, true>(block, tau), block);
    return row_block(Adjusted<T, false>(block, tau), block);
}

template <class T> double balanced(const RowBlock<T> &block, const double *) { return adjusted(block, 1.0); }
template <class T> double logit_adjusted(const RowBlock<T> &block, const double *params) {
    return adjusted(block, params[0]);
}

// The label's score less a margin, all times a scale.
template <class T> struct Ldam : RowLoss<T> {
    T max_margin, scale, least;
    const T *counts;
    Ldam(const RowBlock<T> &block, const double *params)
        : max_margin(T(params[0])), scale(T(params[1])), least(block.per_class[0]), counts(block.per_class) {
        for (int64_t c = 1; c < block.classes; ++c) least = smaller(least, counts[c]);
    }
    INLINE T margin(Index<T> y) const { return max_margin * sqrt_(sqrt_(least / counts[y])); }
    INLINE T shift(T other, T own, Index<T> y) const { return larger(other, own - margin(y)); }
    INLINE T moved_own(T d, Index<T> y) const { return d - margin(y); }
    INLINE T scaled(T d) const { return scale * d; }
    INLINE void finish(const Row<T> &row, const T *, T *k, T &value, T &slope) const {
        value = -row.log_p;
        k[0] = scale / row.sum;
        slope = -scale * row.error;
    }
};

}  // namespace

const RowEntry ROWS_COUNTS[] = {
    LOSSLAB_ROWS("class_balanced_loss", "beta", NEEDS_PER_CLASS, ClassBalanced),
    {"balanced_softmax_loss", "", NEEDS_PER_CLASS, balanced<float>, balanced<double>},
    {"logit_adjusted_loss", "tau", NEEDS_PER_CLASS, logit_adjusted<float>, logit_adjusted<double>},
    LOSSLAB_ROWS("ldam_loss", "max_margin,scale", NEEDS_PER_CLASS, Ldam),
    {},
};

}  // namespace losslab
