// From a block of rows to lanes: rows side by side where they lie so or the classes are few, else the classes of a row.
#pragma once
#include <type_traits>

#include "rowlanes.h"

namespace losslab {

constexpr int64_t TILE_CLASSES = 128;     // rows of no more classes are turned to lie side by side
constexpr int64_t GROUP_SCORES = 16384;  // of rows that are read twice before the next: they stay in cache

// What a loss inherits: it names what it changes.
template <class T> struct RowLoss {
    static constexpr bool SOFTMAX = true;  // needs exp and its sums
    static constexpr bool TOP = true;      // needs the largest score
    static constexpr bool BELOW = false;   // mark is the largest score below the label's
    static constexpr bool MOVES = false;   // `moved` changes which class is the largest
    static constexpr bool WEIGHS = false;  // does the class weights itself
    static constexpr bool SOFT = false;    // targets are distributions
    static constexpr bool KEEPS = true;    // the slope reads no score, so that exp may take its place
    static constexpr int SUMS = 0, COEFS = 1;
    INLINE T moved(T d, Index<T>) const { return d; }      // the score that counts, from that below the largest
    INLINE T moved_own(T d, Index<T>) const { return d; }  // of the label
    INLINE T shift(T, T, Index<T>) const { return T(0); }  // the largest of these, by the best other's and the label's
    INLINE T scaled(T d) const { return d; }
    INLINE void see(T *, const At<T> &) const {}
    INLINE T slope(const T *k, const At<T> &at) const { return k[0] * at.e; }
};

// The passes of all functions of the label's log-probability alone are the same, and compiled once.
template <class T> struct LogPPasses : RowLoss<T> {};

// Such a function: `Loss::at(row, value, by_log_p)`.
template <class Loss, class T> struct OfLogP : LogPPasses<T> {
    INLINE void finish(const Row<T> &row, const T *, T *k, T &value, T &slope) const {
        T by_log_p;
        static_cast<const Loss *>(this)->at(row, value, by_log_p);
        k[0] = -by_log_p / row.sum;
        slope = by_log_p * row.error;
    }
};

// The lanes' labels and weights of `count` rows, and their own scores; lanes beyond are left out.
template <class T> void load_rows(const RowBlock<T> &block, int64_t first, int count, RowLanes<T> &rows);

// The sum of the values, which go where the block says.
template <class T> double store_values(const RowBlock<T> &block, int64_t first, int count, const RowLanes<T> &rows);

template <class T> void load_tile(const T *from, int64_t row_stride, int64_t classes, int count, T *tile);
template <class T> void store_tile(const T *tile, int64_t row_stride, int64_t classes, int count, T *to);

template <class T> using RowFinish = void (*)(const void *loss, RowLanes<T> &rows, T scale);

// Rows in lanes; `work(walk, rows)` does all of some rows.
template <class T, class Work> INLINE double rows_along(const RowBlock<T> &block, Work work) {
    alignas(64) T tile[TILE_CLASSES * WIDE<T>], shares[TILE_CLASSES * WIDE<T>];
    RowLanes<T> rows;
    Walk<T> walk;
    const bool turned = block.row_stride != 1 && block.class_stride == 1 && block.classes <= TILE_CLASSES;
    double sum = 0;
    for (int64_t first = 0; first < block.rows; first += WIDE<T>) {
        const int count = int(smaller<int64_t>(block.rows - first, WIDE<T>));
        const int64_t place = first * block.row_stride;
        load_rows(block, first, count, rows);
        walk.x = block.input + place;
        walk.soft = block.soft ? block.soft + place : nullptr;
        walk.g = block.gradient ? block.gradient + place : nullptr;
        if (turned) {
            load_tile(walk.x, block.row_stride, block.classes, count, tile);
            if (walk.soft) load_tile(walk.soft, block.row_stride, block.classes, count, shares);
            walk.x = tile;
            walk.soft = walk.soft ? shares : nullptr;
            walk.g = walk.g ? tile : nullptr;
            walk.go_along(block.classes, WIDE<T>, 1, WIDE<T>);
        } else {
            walk.go_along(block.classes, block.class_stride, block.row_stride, count);
        }
        work(walk, rows);
        if (turned && walk.g)
            store_tile(tile, block.row_stride, block.classes, count, block.gradient + place);
        sum += store_values(block, first, count, rows);
    }
    return sum;
}

template <class Passes, bool KEEPS, class T>
double rows_across(const Passes &passes, RowFinish<T> finish, const void *loss, const RowBlock<T> &block) {
    const int group = int(smaller(larger<int64_t>(GROUP_SCORES / block.classes, 1), int64_t(WIDE<T>)));
    RowLanes<T> rows, one;
    Walk<T> walk;
    walk.go_across(block.classes);
    double sum = 0;
    for (int64_t first = 0; first < block.rows; first += group) {
        const int count = int(smaller<int64_t>(block.rows - first, group));
        load_rows(block, first, count, rows);
        auto turn_to = [&](int row) {
            const int64_t place = (first + row) * block.row_stride;
            walk.x = block.input + place;
            walk.soft = block.soft ? block.soft + place : nullptr;
            walk.g = block.gradient ? block.gradient + place : nullptr;
            fill(one.label, rows.label[row]);
            fill(one.own, rows.own[row]);
        };
        for (int row = 0; row < WIDE<T>; ++row) {
            if (row < count && rows.weight[row] != T(0)) {
                turn_to(row);
                row_sums<Passes, KEEPS>(passes, walk, one);
                rows.mark[row] = one.mark[0];
                rows.base[row] = one.base[0];
                rows.shift[row] = one.shift[0];
                rows.others[row] = one.others[0];
                for (int j = 0; j < Passes::SUMS; ++j) rows.sums[j][row] = one.sums[j][0];
            } else {
                rows.mark[row] = rows.base[row] = rows.own[row] = rows.shift[row] = rows.others[row] = T(0);
                for (int j = 0; j < Passes::SUMS; ++j) rows.sums[j][row] = T(0);
            }
        }
        finish(loss, rows, block.scale);
        for (int row = 0; block.gradient && row < count; ++row) {
            turn_to(row);
            if (rows.weight[row] == T(0)) {
                for (int64_t c = 0; c < block.classes; ++c) walk.g[c] = T(0);
                continue;
            }
            fill(one.weight, rows.weight[row]);
            fill(one.mark, rows.mark[row]);
            fill(one.base, rows.base[row]);
            fill(one.shift, rows.shift[row]);
            fill(one.at_own, rows.at_own[row]);
            for (int j = 0; j < Passes::COEFS; ++j) fill(one.k[j], rows.k[j][row]);
            row_gradient<Passes, KEEPS>(passes, walk, one);
        }
        sum += store_values(block, first, count, rows);
    }
    return sum;
}

template <class Passes, class T>
double row_driver(const Passes &passes, RowFinish<T> finish, const void *loss, const RowBlock<T> &block) {
    const bool across = block.class_stride == 1 && block.classes > TILE_CLASSES;
    if (Passes::KEEPS && block.gradient) {
        if (across) return rows_across<Passes, Passes::KEEPS>(passes, finish, loss, block);
        return rows_along(block, [&](const Walk<T> &walk, RowLanes<T> &rows) {
            row_sums<Passes, Passes::KEEPS>(passes, walk, rows);
            finish(loss, rows, block.scale);
            row_gradient<Passes, Passes::KEEPS>(passes, walk, rows);
        });
    }
    if (across) return rows_across<Passes, false>(passes, finish, loss, block);
    return rows_along(block, [&](const Walk<T> &walk, RowLanes<T> &rows) {
        row_sums<Passes, false>(passes, walk, rows);
        finish(loss, rows, block.scale);
        if (!Passes::KEEPS && walk.g) row_gradient<Passes, false>(passes, walk, rows);
    });
}

extern template double row_driver(const LogPPasses<float> &, RowFinish<float>, const void *, const RowBlock<float> &);
extern template double row_driver(const LogPPasses<double> &, RowFinish<double>, const void *,
                                  const RowBlock<double> &);

template <class Loss, class T> double row_block(const Loss &loss, const RowBlock<T> &block) {
    if constexpr (std::is_base_of_v<LogPPasses<T>, Loss>) {
        const LogPPasses<T> &passes = loss;
        return row_driver(passes, row_finish<Loss, T>, &loss, block);
    } else {
        return row_driver(loss, row_finish<Loss, T>, &loss, block);
    }
}

template <template <class> class Loss, class T> double row_loop(const RowBlock<T> &block, const double *params) {
    return row_block(Loss<T>(block, params), block);
}

#define LOSSLAB_ROWS(name, params, traits, Loss) {name, params, traits, row_loop<Loss, float>, row_loop<Loss, double>}

// One list for each file of losses, ended by an entry without a name.
extern const RowEntry ROWS_LOG_LOSS[], ROWS_NOISY[], ROWS_FOCAL[], ROWS_CALIBRATION[], ROWS_MARGINS[], ROWS_COUNTS[],
    ROWS_ORDINAL[];

constexpr int32_t BY_CLASS = WEIGHT_DIVIDES | TAKES_CLASS_WEIGHT;  // of nearly all

}  // namespace losslab
