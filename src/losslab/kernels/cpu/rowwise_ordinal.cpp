// Losses for classes that have an order.
#include "rowloop.h"

namespace losslab {
namespace {

// Divergence from shares that fall with the distance from the label.
template <class T> struct SoftOrdinal : RowLoss<T> {
    static constexpr int SUMS = 3, COEFS = 2;
    T decay;
    SoftOrdinal(const RowBlock<T> &, const double *params) : decay(T(params[0])) {}
    INLINE T distance(const At<T> &at) const { return abs_(T(int32_t(at.c - at.y))); }
    INLINE void see(T *sum, const At<T> &at) const {
        const T far = distance(at), share = exp_(-decay * far);
        sum[0] += share;
        sum[1] += share * far;
        sum[2] += guarded_product(share, at.d);
    }
    INLINE void finish(const Row<T> &row, const T *sum, T *k, T &value, T &slope) const {
        value = (row.log_sum - log_(sum[0])) - (decay * sum[1] + sum[2]) / sum[0];
        k[0] = T(1) / row.sum;
        k[1] = T(1) / sum[0];
        slope = (sum[0] - T(1)) / sum[0] - row.error;
    }
    INLINE T slope(const T *k, const At<T> &at) const { return k[0] * at.e - k[1] * exp_(-decay * distance(at)); }
};

// Squared errors of the chances to lie at or below each class: four passes, in the order of the classes.
template <class T> __attribute__((noinline)) void ranked_rows(const Walk<T> &walk, T scale, RowLanes<T> &rows) {
    constexpr int W = WIDE<T>;
    alignas(64) T base[W], sum[W], below[W], squares[W], slopes[W], products[W], before[W], factor[W];
    const Index<T> last = Index<T>(walk.classes - 1);
    fill(base, -INF<T>);
    walk.template each<false, false>(
        [&](const Line<T> &line, int r) __attribute__((always_inline)) { base[r] = larger(base[r], line.x[r]); });
    fill(sum, T(0));
    walk.template each<false, false>(
        [&](const Line<T> &line, int r) __attribute__((always_inline)) { sum[r] += exp_(line.x[r] - base[r]); });
    fill(below, T(0));
    fill(squares, T(0));
    fill(slopes, T(0));
    fill(products, T(0));
    walk.template each<false, false>([&](const Line<T> &line, int r) __attribute__((always_inline)) {
        below[r] += exp_(line.x[r] - base[r]) / sum[r];
        const T gap = line.c == last ? T(0) : below[r] - (line.c >= rows.label[r] ? T(1) : T(0));
        squares[r] += gap * gap;
        slopes[r] += gap;
        products[r] += gap * below[r];
    });
    const T each = T(1) / T(larger<int64_t>(last, 1));
    for (int r = 0; r < W; ++r) {
        // a NaN anywhere is in the sum, and in no term where there is one class
        rows.value[r] = rows.weight[r] * (squares[r] * each + T(0) * sum[r]);
        factor[r] = scale * rows.weight[r] * T(2) * each;
    }
    if (!walk.g) return;
    fill(below, T(0));
    fill(before, T(0));
    walk.template each<false, true>([&](const Line<T> &line, int r) __attribute__((always_inline)) {
        const T p = exp_(line.x[r] - base[r]) / sum[r];
        const T slope = factor[r] * p * ((slopes[r] - before[r]) - products[r]);
        below[r] += p;
        before[r] += below[r] - (line.c >= rows.label[r] ? T(1) : T(0));
        line.g[r] = rows.weight[r] == T(0) ? T(0) : slope;
    });
}

template <class T> double ranked(const RowBlock<T> &block, const double *) {
    return rows_along(block, [&](const Walk<T> &walk, RowLanes<T> &rows) { ranked_rows(walk, block.scale, rows); });
}

}  // namespace

const RowEntry ROWS_ORDINAL[] = {
    {"ranked_probability_loss", "", 0, ranked<float>, ranked<double>},
    LOSSLAB_ROWS("soft_ordinal_loss", "decay", 0, SoftOrdinal),
    {},
};

}  // namespace losslab
