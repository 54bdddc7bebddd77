// From a block of rows to lanes: through a tile that stays in cache where the classes are few, else where the rows lie.
#pragma once
#include "rowlanes.h"

namespace losslab {

constexpr int64_t TILE_CLASSES = 128;  // a tile is 16 KiB; with more classes, those of one row go side by side

// What a loss inherits: it names what it changes.
template <class T> struct RowLoss {
    static constexpr bool SOFTMAX = true;  // needs exp and its sums
    static constexpr bool TOP = true;      // needs the largest score
    static constexpr bool BELOW = false;   // mark is the largest score below the label's
    static constexpr bool MOVES = false;   // `moved` changes which class is the largest
    static constexpr bool WEIGHS = false;  // does the class weights itself
    static constexpr bool SOFT = false;    // targets are distributions
    static constexpr bool SCANS = false;   // sums run through the classes in their order: no lanes of classes
    static constexpr int SUMS = 0, COEFS = 1;
    INLINE T moved(T d, Index<T>) const { return d; }      // the score that counts, from that below the largest
    INLINE T moved_own(T d, Index<T>) const { return d; }  // of the label
    INLINE T shift(T, T, Index<T>) const { return T(0); }  // the largest of these, by the best other's and the label's
    INLINE T scaled(T d) const { return d; }
    INLINE void see(T *, const At<T> &) const {}
    INLINE T slope(const T *k, const At<T> &at) const { return k[0] * at.e; }
};

// A function of the label's log-probability alone: `Loss::at(row, value, by_log_p)`.
template <class Loss, class T> struct OfLogP : RowLoss<T> {
    INLINE void finish(const Row<T> &row, const T *, T *k, T &value, T &slope) const {
        T by_log_p;
        static_cast<const Loss *>(this)->at(row, value, by_log_p);
        k[0] = -by_log_p / row.sum;
        slope = by_log_p * row.error;
    }
};

// The lanes' labels and weights of `count` rows; lanes beyond are left out.
template <class T> INLINE void load_rows(const RowBlock<T> &block, int64_t first, int count, RowLanes<T> &rows) {
    for (int r = 0; r < WIDE<T>; ++r) {
        const bool there = r < count;
        const T weight = !there ? T(0) : block.weight ? block.weight[first + r] : T(1);
        rows.weight[r] = weight;
        rows.label[r] = block.label == nullptr ? -1 : weight == T(0) ? 0 : Index<T>(block.label[first + r]);
        rows.class_weight[r] = block.class_weight && block.label ? block.class_weight[rows.label[r]] : T(1);
        rows.value[r] = T(0);
    }
}

template <class T> INLINE double store_values(const RowBlock<T> &block, int64_t first, int count, RowLanes<T> &rows) {
    double sum = 0;
    for (int r = 0; r < count; ++r) {
        const T value = rows.weight[r] == T(0) ? T(0) : rows.value[r];
        if (block.value) block.value[first + r] = value;
        sum += double(value);
    }
    return sum;
}

template <class T>
INLINE void load_tile(const T *RESTRICT from, int64_t class_stride, int64_t row_stride, int64_t classes, int count,
                      T *tile) {
    if (row_stride == 1 && count == WIDE<T>) {
        for (int64_t c = 0; c < classes; ++c)
            for (int r = 0; r < WIDE<T>; ++r) tile[c * WIDE<T> + r] = from[c * class_stride + r];
        return;
    }
    for (int64_t c = 0; c < classes; ++c) {
        for (int r = 0; r < count; ++r) tile[c * WIDE<T> + r] = from[c * class_stride + r * row_stride];
        for (int r = count; r < WIDE<T>; ++r) tile[c * WIDE<T> + r] = T(0);
    }
}

template <class T>
INLINE void store_tile(const T *tile, int64_t class_stride, int64_t row_stride, int64_t classes, int count,
                       T *RESTRICT to) {
    if (row_stride == 1 && count == WIDE<T>) {
        for (int64_t c = 0; c < classes; ++c)
            for (int r = 0; r < WIDE<T>; ++r) to[c * class_stride + r] = tile[c * WIDE<T> + r];
        return;
    }
    for (int r = 0; r < count; ++r)
        for (int64_t c = 0; c < classes; ++c) to[c * class_stride + r * row_stride] = tile[c * WIDE<T> + r];
}

template <class Loss, class T> double tiled_rows(const Loss &loss, const RowBlock<T> &block) {
    alignas(64) T tile[TILE_CLASSES * WIDE<T>], shares[TILE_CLASSES * WIDE<T>];
    RowLanes<T> rows;
    const TileWay<T> way{block.classes};
    double sum = 0;
    for (int64_t first = 0; first < block.rows; first += WIDE<T>) {
        const int count = int(smaller<int64_t>(block.rows - first, WIDE<T>));
        const int64_t place = first * block.row_stride;
        load_rows(block, first, count, rows);
        const int64_t by_class = block.class_stride, by_row = block.row_stride;
        load_tile(block.input + place, by_class, by_row, block.classes, count, tile);
        if (block.soft) load_tile(block.soft + place, by_class, by_row, block.classes, count, shares);
        row_passes(loss, way, tile, block.soft ? shares : nullptr, block.gradient ? tile : nullptr, block.scale, rows);
        if (block.gradient) store_tile(tile, by_class, by_row, block.classes, count, block.gradient + place);
        sum += store_values(block, first, count, rows);
    }
    return sum;
}

template <class Loss, class T> double strided_rows(const Loss &loss, const RowBlock<T> &block) {
    RowLanes<T> rows;
    double sum = 0;
    for (int64_t first = 0; first < block.rows; first += WIDE<T>) {
        const int count = int(smaller<int64_t>(block.rows - first, WIDE<T>));
        const int64_t place = first * block.row_stride;
        load_rows(block, first, count, rows);
        const StridedWay<T> way{block.classes, block.class_stride, block.row_stride, count};
        row_passes(loss, way, block.input + place, block.soft ? block.soft + place : nullptr,
                   block.gradient ? block.gradient + place : nullptr, block.scale, rows);
        sum += store_values(block, first, count, rows);
    }
    return sum;
}

template <class Loss, class T> double single_rows(const Loss &loss, const RowBlock<T> &block) {
    RowLanes<T> rows;
    const RowWay<T> way{block.classes};
    double sum = 0;
    for (int64_t row = 0; row < block.rows; ++row) {
        const int64_t place = row * block.row_stride;
        load_rows(block, row, 1, rows);
        T *const gradient = block.gradient ? block.gradient + place : nullptr;
        if (rows.weight[0] == T(0)) {
            if (gradient)
                for (int64_t c = 0; c < block.classes; ++c) gradient[c] = T(0);
        } else {
            way.spread(rows.weight);
            for (int r = 1; r < WIDE<T>; ++r) rows.label[r] = rows.label[0];
            const T *const soft = block.soft ? block.soft + place : nullptr;
            row_passes(loss, way, block.input + place, soft, gradient, block.scale, rows);
        }
        sum += store_values(block, row, 1, rows);
    }
    return sum;
}

template <class Loss, class T> double row_block(const Loss &loss, const RowBlock<T> &block) {
    if (block.classes <= TILE_CLASSES) return tiled_rows(loss, block);
    if (Loss::SCANS || block.class_stride != 1) return strided_rows(loss, block);
    return single_rows(loss, block);
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
