// The passes of all rowwise losses over their classes, written once: maximum, sums, then the gradient.
//
// A lane is a row where rows lie side by side, and a class where the classes of one row do; `Walk` goes over both. A
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

constexpr int MOST_SUMS = 3, MOST_COEFS = 3;

// The rows under way, one in each lane; or one row, the same in all lanes.
template <class T> struct RowLanes {
    alignas(64) T weight[WIDE<T>], class_weight[WIDE<T>], value[WIDE<T>];
    alignas(64) Index<T> label[WIDE<T>];
    alignas(64) T own[WIDE<T>], mark[WIDE<T>], base[WIDE<T>], shift[WIDE<T>];
    alignas(64) T others[WIDE<T>], sums[MOST_SUMS][WIDE<T>];  // over classes: of exp(d) but the label's; of the loss
    alignas(64) T own_d[WIDE<T>], d[WIDE<T>], p[WIDE<T>], log_p[WIDE<T>], error[WIDE<T>], sum[WIDE<T>];
    alignas(64) T log_sum[WIDE<T>];
    alignas(64) T k[MOST_COEFS][WIDE<T>], at_own[WIDE<T>];
};

template <class T> INLINE void fill(T *lane, T value) {
    for (int r = 0; r < WIDE<T>; ++r) lane[r] = value;
}
template <class T> INLINE void join_largest(T *lane) {
    for (int half = WIDE<T> / 2; half > 0; half /= 2)
        for (int r = 0; r < half; ++r) lane[r] = larger(lane[r], lane[r + half]);
    fill(lane, lane[0]);
}
template <class T> INLINE void join_sum(T *lane) {
    for (int half = WIDE<T> / 2; half > 0; half /= 2)
        for (int r = 0; r < half; ++r) lane[r] += lane[r + half];
}

// The numbers of one step: lane r is one class of one row.
template <class T> struct Line {
    const T *x, *soft;
    T *g;
    Index<T> c;  // of lane 0
};

// Rows in lanes: a step for each class. Classes in lanes (`across`): a step for each WIDE classes of a row.
template <class T> struct Walk {
    const T *x, *soft;
    T *g;
    int64_t classes, steps, stride, lane_stride;
    int lanes, last_lanes;  // that exist, before the last step and in it
    bool across;
    alignas(64) Index<T> offset[WIDE<T>];  // of a lane's class from that of lane 0

    INLINE void go_across(int64_t all) {
        classes = all;
        steps = (all + WIDE<T> - 1) / WIDE<T>;
        stride = lanes = WIDE<T>;
        lane_stride = 1;
        last_lanes = int(all - (steps - 1) * WIDE<T>);
        across = true;
        for (int r = 0; r < WIDE<T>; ++r) offset[r] = Index<T>(r);
    }
    INLINE void go_along(int64_t all, int64_t class_stride, int64_t row_stride, int count) {
        classes = steps = all;
        stride = class_stride;
        lane_stride = row_stride;
        lanes = last_lanes = count;
        across = false;
        for (int r = 0; r < WIDE<T>; ++r) offset[r] = 0;
    }
    // f(line, r) for all lanes of all steps: it may read line.x, line.soft and, with WRITES, read and write line.g.
    // Lanes that do not exist are seen too, from places of our own: beyond the last class, or of an empty row.
    template <bool SOFT, bool WRITES, class F> INLINE void each(F f) const {
        alignas(64) T scores[WIDE<T>], shares[WIDE<T>], slopes[WIDE<T>];
        for (int64_t s = 0; s < steps; ++s) {
            const int count = s + 1 < steps ? lanes : last_lanes;
            const int64_t place = s * stride;
            const bool whole = (count == WIDE<T>) & (lane_stride == 1);
            Line<T> line{x + place, SOFT ? soft + place : nullptr, WRITES ? g + place : nullptr,
                         Index<T>(across ? place : s)};
            if (!whole) {
                take(x + place, count, scores);
                if (SOFT) take(soft + place, count, shares);
                if (WRITES) take(g + place, count, slopes);
                line.x = scores;
                line.soft = shares;
                line.g = slopes;
            }
#pragma omp simd
            for (int r = 0; r < WIDE<T>; ++r) f(line, r);
            if (WRITES && !whole)
                for (int r = 0; r < count; ++r) g[place + r * lane_stride] = slopes[r];
        }
    }
    // The class of a lane; the last one where there is none, so that tables of classes can be read.
    INLINE Index<T> class_in(const Line<T> &line, int r) const {
        return smaller(Index<T>(line.c + offset[r]), Index<T>(classes - 1));
    }
    INLINE void take(const T *from, int count, T *to) const {
        fill(to, T(0));
        for (int r = 0; r < count; ++r) to[r] = from[r * lane_stride];
    }
};

// A NaN passes through. Not of pointloop.h: losses over rows need no more of it than this.
template <class T> INLINE T positive_part(T x) { return x <= T(0) ? T(0) : x; }

// value times factor, where a factor of 0 wins over an infinite value.
template <class T> INLINE T guarded_product(T factor, T value) {
    return (factor == T(0)) & (abs_(value) == INF<T>) ? T(0) : factor * value;
}

template <class Loss, class T>
INLINE At<T> look_at(const Loss &loss, const Walk<T> &walk, const RowLanes<T> &l, const Line<T> &line, int r) {
    At<T> at{line.x[r], T(0), T(0), Loss::SOFT ? line.soft[r] : T(0), l.own[r], l.mark[r],
             walk.class_in(line, r), l.label[r]};
    if (Loss::SOFTMAX) at.d = loss.scaled(loss.moved(at.x - l.base[r], at.c) - l.shift[r]);
    return at;
}

// The largest scores and the sums of lanes whose labels and own scores are there; KEEPS leaves exp(d) in walk.g.
template <class Loss, bool KEEPS, class T>
__attribute__((noinline)) void row_sums(const Loss &loss, const Walk<T> &walk, RowLanes<T> &l) {
    constexpr int W = WIDE<T>;
    const Index<T> classes = Index<T>(walk.classes);
    alignas(64) T base[W], mark[W], others[W], sums[MOST_SUMS][W];
    fill(base, -INF<T>);
    fill(mark, -INF<T>);
    if (Loss::TOP) {
        walk.template each<false, false>([&](const Line<T> &line, int r) __attribute__((always_inline)) {
            const Index<T> c = Index<T>(line.c + walk.offset[r]);
            const T x = line.x[r];
            base[r] = larger(base[r], (c == l.label[r]) | (c >= classes) ? -INF<T> : x);
            if (Loss::BELOW) mark[r] = larger(mark[r], (x < l.own[r]) & (c < classes) ? x : -INF<T>);
        });
        if (walk.across) join_largest(base);
        if (Loss::BELOW && walk.across) join_largest(mark);
    }
    for (int r = 0; r < W; ++r) {
        l.mark[r] = Loss::BELOW ? mark[r] : base[r];
        l.base[r] = larger(base[r], l.own[r]);
    }
    for (int r = 0; r < W; ++r) l.shift[r] = loss.shift(l.mark[r] - l.base[r], l.own[r] - l.base[r], l.label[r]);
    if (Loss::MOVES) {
        fill(base, -INF<T>);
        walk.template each<false, false>([&](const Line<T> &line, int r) __attribute__((always_inline)) {
            const Index<T> c = Index<T>(line.c + walk.offset[r]);
            const T moved = loss.moved(line.x[r] - l.base[r], walk.class_in(line, r));
            base[r] = larger(base[r], c < classes ? moved : -INF<T>);
        });
        if (walk.across) join_largest(base);
        for (int r = 0; r < W; ++r) l.shift[r] = base[r];
    }
    fill(others, T(0));
    for (int j = 0; j < Loss::SUMS; ++j) fill(sums[j], T(0));
    if (Loss::SOFTMAX || Loss::SUMS)
        walk.template each<Loss::SOFT, KEEPS>([&](const Line<T> &line, int r) __attribute__((always_inline)) {
            At<T> at = look_at(loss, walk, l, line, r);
            const bool there = Index<T>(line.c + walk.offset[r]) < classes;
            if (Loss::SOFTMAX) at.e = exp_of_negative(at.d);
            if (Loss::SOFTMAX) others[r] += (at.c == at.y) | !there ? T(0) : at.e;
            T sum[MOST_SUMS] = {T(0), T(0), T(0)};
            loss.see(sum, at);
            if (Loss::SUMS > 0) sums[0][r] += there ? sum[0] : T(0);
            if (Loss::SUMS > 1) sums[1][r] += there ? sum[1] : T(0);
            if (Loss::SUMS > 2) sums[2][r] += there ? sum[2] : T(0);
            if (KEEPS) line.g[r] = at.e;
        });
    if (walk.across) {
        join_sum(others);
        for (int j = 0; j < Loss::SUMS; ++j) join_sum(sums[j]);
    }
    for (int r = 0; r < W; ++r) l.others[r] = others[r];
    for (int j = 0; j < Loss::SUMS; ++j)
        for (int r = 0; r < W; ++r) l.sums[j][r] = sums[j][r];
}

// Softmax of the labels, from the sums.
template <class T> void softmax_of_labels(RowLanes<T> &l);

template <class Loss, class T> __attribute__((noinline)) void row_finish(const void *object, RowLanes<T> &l, T scale) {
    const Loss &loss = *static_cast<const Loss *>(object);
    if (Loss::SOFTMAX) {
        for (int r = 0; r < WIDE<T>; ++r)
            l.own_d[r] = loss.scaled(loss.moved_own(l.own[r] - l.base[r], l.label[r]) - l.shift[r]);
        softmax_of_labels(l);
    }
#pragma omp simd
    for (int r = 0; r < WIDE<T>; ++r) {
        const Row<T> row{l.own[r],   l.mark[r], l.own_d[r],   l.p[r],            l.log_p[r],
                         l.error[r], l.sum[r],  l.log_sum[r], l.class_weight[r], l.label[r]};
        const T sum[MOST_SUMS] = {l.sums[0][r], l.sums[1][r], l.sums[2][r]};
        T coefs[MOST_COEFS] = {T(0), T(0), T(0)}, value, slope;
        loss.finish(row, sum, coefs, value, slope);
        const T outer = Loss::WEIGHS ? T(1) : row.weight;
        const T factor = scale * l.weight[r] * outer;
        l.value[r] = l.weight[r] * guarded_product(outer, value);
        l.k[0][r] = factor * coefs[0];
        if (Loss::COEFS > 1) l.k[1][r] = factor * coefs[1];
        if (Loss::COEFS > 2) l.k[2][r] = factor * coefs[2];
        l.at_own[r] = factor * slope;
    }
}

// Slopes times scale times weights into walk.g, which may be walk.x, and holds exp(d) with KEEPS.
template <class Loss, bool KEEPS, class T>
__attribute__((noinline)) void row_gradient(const Loss &loss, const Walk<T> &walk, const RowLanes<T> &l) {
    walk.template each<Loss::SOFT, true>([&](const Line<T> &line, int r) __attribute__((always_inline)) {
        At<T> at = look_at(loss, walk, l, line, r);
        if (Loss::SOFTMAX) at.e = KEEPS ? line.g[r] : exp_of_negative(at.d);
        const T coefs[MOST_COEFS] = {l.k[0][r], Loss::COEFS > 1 ? l.k[1][r] : T(0), Loss::COEFS > 2 ? l.k[2][r] : T(0)};
        const T slope = at.c == at.y ? l.at_own[r] : loss.slope(coefs, at);
        line.g[r] = l.weight[r] == T(0) ? T(0) : slope;
    });
}

}  // namespace losslab
