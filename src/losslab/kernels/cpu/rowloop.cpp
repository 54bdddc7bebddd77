// What all rowwise losses share, compiled once.
#include "matmul.h"
#include "rowloop.h"

namespace losslab {

template <class T> void load_rows(const RowBlock<T> &block, int64_t first, int count, RowLanes<T> &rows) {
    fill(rows.weight, T(0));
    fill(rows.label, Index<T>(block.label ? 0 : -1));
    for (int r = 0; r < count; ++r) rows.weight[r] = block.weight ? block.weight[first + r] : T(1);
    fill(rows.own, -INF<T>);
    fill(rows.class_weight, T(1));
    if (!block.label) return;
    for (int r = 0; r < count; ++r) rows.label[r] = rows.weight[r] == T(0) ? 0 : Index<T>(block.label[first + r]);
    for (int r = 0; r < count; ++r)
        rows.own[r] = block.input[(first + r) * block.row_stride + int64_t(rows.label[r]) * block.class_stride];
    if (block.class_weight)
        for (int r = 0; r < WIDE<T>; ++r) rows.class_weight[r] = block.class_weight[rows.label[r]];
}

template <class T> double store_values(const RowBlock<T> &block, int64_t first, int count, const RowLanes<T> &rows) {
    alignas(64) double kept[WIDE<T>];
    for (int r = 0; r < WIDE<T>; ++r) kept[r] = (r >= count) | (rows.weight[r] == T(0)) ? 0 : double(rows.value[r]);
    if (block.value)
        for (int r = 0; r < count; ++r) block.value[first + r] = T(kept[r]);
    for (int half = WIDE<T> / 2; half > 0; half /= 2)
        for (int r = 0; r < half; ++r) kept[r] += kept[r + half];
    return kept[0];
}

// Whole squares, the last one over the one before it where the classes end within.
template <class T> void load_tile(const T *from, int64_t row_stride, int64_t classes, int count, T *tile) {
    const int64_t side = LANES<T>, last = classes - side;
    if (count == WIDE<T> && last >= 0) {
        transpose(int64_t(WIDE<T>), classes / side * side, from, row_stride, tile, int64_t(WIDE<T>));
        if (classes % side) transpose(int64_t(WIDE<T>), side, from + last, row_stride, tile + last * WIDE<T>, int64_t(WIDE<T>));
        return;
    }
    for (int64_t c = 0; c < classes; ++c) {
        T *const line = tile + c * WIDE<T>;
        for (int r = 0; r < count; ++r) line[r] = from[c + r * row_stride];
        for (int r = count; r < WIDE<T>; ++r) line[r] = T(0);
    }
}

template <class T> void store_tile(const T *tile, int64_t row_stride, int64_t classes, int count, T *to) {
    const int64_t side = LANES<T>, last = classes - side;
    if (count == WIDE<T> && last >= 0) {
        transpose(classes / side * side, int64_t(WIDE<T>), tile, int64_t(WIDE<T>), to, row_stride);
        if (classes % side) transpose(side, int64_t(WIDE<T>), tile + last * WIDE<T>, int64_t(WIDE<T>), to + last, row_stride);
        return;
    }
    for (int r = 0; r < count; ++r)
        for (int64_t c = 0; c < classes; ++c) to[r * row_stride + c] = tile[c * WIDE<T> + r];
}

// The largest adds 1, which is left out of the logarithm's argument, so that what the rest add is not lost in it.
template <class T> void softmax_of_labels(RowLanes<T> &l) {
#pragma omp simd
    for (int r = 0; r < WIDE<T>; ++r) {
        const T others = l.others[r], there = exp_of_negative(l.own_d[r]), e = l.label[r] < 0 ? T(0) : there;
        l.sum[r] = others + e;
        l.log_sum[r] = log1p_(e >= others ? others + (e - T(1)) : (others - T(1)) + e);
        l.log_p[r] = l.own_d[r] - l.log_sum[r];
        l.p[r] = e / l.sum[r];
        l.error[r] = others / l.sum[r];
    }
}

template double row_driver(const LogPPasses<float> &, RowFinish<float>, const void *, const RowBlock<float> &);
template double row_driver(const LogPPasses<double> &, RowFinish<double>, const void *, const RowBlock<double> &);

#define LOSSLAB_FOR(T)                                                                  \
    template void load_rows(const RowBlock<T> &, int64_t, int, RowLanes<T> &);          \
    template double store_values(const RowBlock<T> &, int64_t, int, const RowLanes<T> &); \
    template void load_tile(const T *, int64_t, int64_t, int, T *);                     \
    template void store_tile(const T *, int64_t, int64_t, int, T *);                    \
    template void softmax_of_labels(RowLanes<T> &);
LOSSLAB_FOR(float)
LOSSLAB_FOR(double)

}  // namespace losslab
