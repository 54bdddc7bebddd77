// The passes of all rowwise losses over their classes, written once: maximum, sums, then the gradient.
//
// A lane is a row where rows lie side by side, and a class where the classes of one row do; `Way` walks over both. A
// loss is a struct of a few lines (see rowloop.h): what it sums over the classes, its value from these sums, and the
// slope by the score of class c, which is linear in a few numbers k of the row.
#pragma once
#include "rowwise.h"
#include "vecmath.h"

namespace losslab {

template <class T> constexpr int WIDE = 128 / int(sizeof(T));  // lanes at a time

// Of the type's own width, so that a loop over lanes has one width.
template <class T> struct IndexOf;
template <> struct IndexOf<float> { using type = int32_t; };
template <> struct IndexOf<double> { using type = int64_t; };
template <class T> using Index = typename IndexOf<T>::type;

// One class of one row.
template <class T> struct At {
    T x, d, e;     // score, score below the row's largest, exp(d)
    T share;       // of a target that is a distribution, else 0
    T own, mark;   // the score of the label; the largest other score, or as the loss says
    Index<T> c, y;
};

// One row, after its sums.
template <class T> struct Row {
    T own, mark;            // as above
    T d, p, log_p, error;   // of the label: score below the largest, probability, its logarithm, 1 - p
    T sum, log_sum;         // of exp(d) over all classes
    T weight;               // of the label's class
    Index<T> y;
};

// The rows of a block that are under way.
template <class T> struct RowLanes {
    alignas(64) T weight[WIDE<T>], class_weight[WIDE<T>], value[WIDE<T>];
    alignas(64) Index<T> label[WIDE<T>];
};

// WIDE rows in a tile: class c of row r at c * WIDE + r.
template <class T> struct TileWay {
    int64_t classes;
    static constexpr int count = WIDE<T>;
    template <class F> INLINE void each(F f) const {
        for (int64_t c = 0; c < classes; ++c) {
#pragma omp simd
            for (int r = 0; r < WIDE<T>; ++r) f(c * WIDE<T> + r, Index<T>(c), r);
        }
    }
    INLINE int64_t at(Index<T> y, int r) const { return int64_t(y) * WIDE<T> + r; }
    INLINE void join_largest(T *) const {}
    INLINE void join_sum(T *) const {}
    INLINE void spread(T *) const {}
};

// At most WIDE rows where they lie: too many classes for a tile.
template <class T> struct StridedWay {
    int64_t classes, class_stride, row_stride;
    int count;
    template <class F> INLINE void each(F f) const {
        for (int64_t c = 0; c < classes; ++c) {
#pragma omp simd
            for (int r = 0; r < count; ++r) f(c * class_stride + r * row_stride, Index<T>(c), r);
        }
    }
    INLINE int64_t at(Index<T> y, int r) const { return int64_t(y) * class_stride + r * row_stride; }
    INLINE void join_largest(T *) const {}
    INLINE void join_sum(T *) const {}
    INLINE void spread(T *) const {}
};

// One row, its classes side by side.
template <class T> struct RowWay {
    int64_t classes;
    static constexpr int count = 1;
    template <class F> INLINE void each(F f) const {
        const int64_t whole = classes / WIDE<T> * WIDE<T>;
        for (int64_t c = 0; c < whole; c += WIDE<T>) {
#pragma omp simd
            for (int r = 0; r < WIDE<T>; ++r) f(c + r, Index<T>(c) + r, r);
        }
        const int rest = int(classes - whole);
#pragma omp simd
        for (int r = 0; r < rest; ++r) f(whole + r, Index<T>(whole) + r, r);
    }
    INLINE int64_t at(Index<T> y, int) const { return int64_t(y); }
    INLINE void join_largest(T *lane) const {
        for (int r = 1; r < WIDE<T>; ++r) lane[0] = larger(lane[0], lane[r]);
        spread(lane);
    }
    INLINE void join_sum(T *lane) const {
        for (int half = WIDE<T> / 2; half > 0; half /= 2)
            for (int r = 0; r < half; ++r) lane[r] += lane[r + half];
    }
    INLINE void spread(T *lane) const {
        for (int r = 1; r < WIDE<T>; ++r) lane[r] = lane[0];
    }
};

template <class T> INLINE void fill(T *lane, T value) {
    for (int r = 0; r < WIDE<T>; ++r) lane[r] = value;
}

// A NaN passes through. Not of pointloop.h: losses over rows need no more of it than this.
template <class T> INLINE T positive_part(T x) { return x <= T(0) ? T(0) : x; }

// value times factor, where a factor of 0 wins over an infinite value.
template <class T> INLINE T guarded_product(T factor, T value) {
    return (factor == T(0)) & (abs_(value) == INF<T>) ? T(0) : factor * value;
}

// Values of the lanes into rows.value, and slopes times scale times weights into g (unless null), which may be x.
template <class Loss, class T, class Way>
INLINE void row_passes(const Loss &loss, const Way &way, const T *x, const T *soft, T *g, T scale, RowLanes<T> &rows) {
    constexpr int W = WIDE<T>;
    using I = Index<T>;
    alignas(64) T own[W], mark[W], base[W], shift[W], others[W], sums[Loss::SUMS + 1][W], k[Loss::COEFS][W], at_own[W];
    const I *RESTRICT label = rows.label;
    for (int r = 0; r < W; ++r) own[r] = -INF<T>;
    for (int r = 0; r < way.count; ++r)
        if (label[r] >= 0) own[r] = x[way.at(label[r], r)];
    way.spread(own);
    fill(base, -INF<T>);
    fill(mark, -INF<T>);
    if (Loss::TOP)
        way.each([&](int64_t i, I c, int r) __attribute__((always_inline)) {
            base[r] = larger(base[r], c == label[r] ? -INF<T> : x[i]);
            if (Loss::BELOW) mark[r] = larger(mark[r], x[i] < own[r] ? x[i] : -INF<T>);
        });
    if (Loss::TOP) way.join_largest(base);
    if (Loss::BELOW) way.join_largest(mark);
    for (int r = 0; r < W; ++r) {
        if (!Loss::BELOW) mark[r] = base[r];
        base[r] = larger(base[r], own[r]);
        shift[r] = loss.shift(mark[r] - base[r], own[r] - base[r], label[r]);
    }
    if (Loss::MOVES) {
        fill(shift, -INF<T>);
        way.each([&](int64_t i, I c, int r) __attribute__((always_inline)) {
            shift[r] = larger(shift[r], loss.moved(x[i] - base[r], c));
        });
        way.join_largest(shift);
    }
    fill(others, T(0));
    for (int j = 0; j <= Loss::SUMS; ++j) fill(sums[j], T(0));
    auto here = [&](int64_t i, I c, int r) __attribute__((always_inline)) {
        At<T> at{x[i], T(0), T(0), Loss::SOFT ? soft[i] : T(0), own[r], mark[r], c, label[r]};
        if (Loss::SOFTMAX) {
            at.d = loss.scaled(loss.moved(at.x - base[r], c) - shift[r]);
            at.e = exp_of_negative(at.d);
        }
        return at;
    };
    if (Loss::SOFTMAX || Loss::SUMS)
        way.each([&](int64_t i, I c, int r) __attribute__((always_inline)) {
            const At<T> at = here(i, c, r);
            if (Loss::SOFTMAX) others[r] += c == label[r] ? T(0) : at.e;
            T sum[Loss::SUMS + 1];
            for (int j = 0; j < Loss::SUMS; ++j) sum[j] = sums[j][r];
            loss.see(sum, at);
            for (int j = 0; j < Loss::SUMS; ++j) sums[j][r] = sum[j];
        });
    if (Loss::SOFTMAX) way.join_sum(others);
    for (int j = 0; j < Loss::SUMS; ++j) way.join_sum(sums[j]);

#pragma omp simd
    for (int r = 0; r < way.count; ++r) {
        Row<T> row;
        row.own = own[r];
        row.mark = mark[r];
        row.y = label[r];
        row.weight = rows.class_weight[r];
        row.d = row.p = row.log_p = row.error = row.sum = row.log_sum = T(0);
        if (Loss::SOFTMAX) {
            row.d = loss.scaled(loss.moved_own(own[r] - base[r], label[r]) - shift[r]);
            const T e = label[r] < 0 ? T(0) : exp_of_negative(row.d);
            row.sum = others[r] + e;
            // The largest adds 1, which is left out, so that what the rest add is not lost in it.
            row.log_sum = log1p_(e >= others[r] ? others[r] + (e - T(1)) : (others[r] - T(1)) + e);
            row.log_p = row.d - row.log_sum;
            row.p = e / row.sum;
            row.error = others[r] / row.sum;
        }
        T sum[Loss::SUMS + 1], coefs[Loss::COEFS], value, slope;
        for (int j = 0; j < Loss::SUMS; ++j) sum[j] = sums[j][r];
        loss.finish(row, sum, coefs, value, slope);
        const T outer = Loss::WEIGHS ? T(1) : row.weight;
        const T factor = scale * rows.weight[r] * outer;
        rows.value[r] = rows.weight[r] * guarded_product(outer, value);
        for (int j = 0; j < Loss::COEFS; ++j) k[j][r] = factor * coefs[j];
        at_own[r] = factor * slope;
    }
    if (!g) return;
    for (int j = 0; j < Loss::COEFS; ++j) way.spread(k[j]);
    way.spread(at_own);
    way.each([&](int64_t i, I c, int r) __attribute__((always_inline)) {
        const At<T> at = here(i, c, r);
        T coefs[Loss::COEFS];
        for (int j = 0; j < Loss::COEFS; ++j) coefs[j] = k[j][r];
        const T slope = c == label[r] ? at_own[r] : loss.slope(coefs, at);
        g[i] = rows.weight[r] == T(0) ? T(0) : slope;
    });
}

}  // namespace losslab
