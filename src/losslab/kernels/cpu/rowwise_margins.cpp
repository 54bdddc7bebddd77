// Hinge losses over classes: no softmax.
#include "rowloop.h"

namespace losslab {
namespace {

// How far each other class comes within the margin, to a power: 1 and 2 have code of their own.
template <class T, int POWER> struct MultiMargin : RowLoss<T> {
    static constexpr bool SOFTMAX = false, TOP = false, KEEPS = false;
    static constexpr int SUMS = 2;
    T power, margin, each;
    MultiMargin(const RowBlock<T> &block, const double *params)
        : power(T(params[0])), margin(T(params[1])), each(T(1.0 / double(block.classes))) {}
    INLINE T gap(const At<T> &at) const { return at.c == at.y ? T(0) : positive_part(at.x - at.own + margin); }
    INLINE T steep(T gap) const {
        if (POWER == 1) return gap <= T(0) ? T(0) : T(1);
        if (POWER == 2) return T(2) * gap;
        return gap <= T(0) ? T(0) : power * pow_(gap, power - T(1));
    }
    INLINE void see(T *sum, const At<T> &at) const {
        const T short_of = gap(at), slope = steep(short_of);
        sum[0] += POWER == 1 ? short_of : POWER == 2 ? short_of * short_of : short_of <= T(0) ? T(0) : slope * short_of;
        sum[1] += slope;
    }
    INLINE void finish(const Row<T> &, const T *sum, T *k, T &value, T &slope) const {
        value = each * sum[0] * (POWER == 0 ? T(1) / power : T(1));
        k[0] = each;
        slope = -each * sum[1];
    }
    INLINE T slope(const T *k, const At<T> &at) const { return k[0] * steep(gap(at)); }
};

template <class T> double multi_margin(const RowBlock<T> &block, const double *params) {
    if (params[0] == 1) return row_block(MultiMargin<T, 1>(block, params), block);
    if (params[0] == 2) return row_block(MultiMargin<T, 2>(block, params), block);
    return row_block(MultiMargin<T, 0>(block, params), block);
}

// The best rival alone; rivals that tie share the pull.
template <class T> struct CrammerSinger : RowLoss<T> {
    static constexpr bool SOFTMAX = false, KEEPS = false;
    static constexpr int SUMS = 2;
    T margin;
    CrammerSinger(const RowBlock<T> &, const double *params) : margin(T(params[0])) {}
    INLINE bool is_best(const At<T> &at) const { return (at.x == at.mark) & (at.c != at.y); }
    INLINE void see(T *sum, const At<T> &at) const {
        sum[0] += is_best(at) ? T(1) : T(0);
        sum[1] += at.x != at.x ? at.x : T(0);  // a NaN is not the largest of anything
    }
    INLINE void finish(const Row<T> &row, const T *sum, T *k, T &value, T &slope) const {
        const T short_of = positive_part(row.mark - row.own + margin) + sum[1], pull = short_of <= T(0) ? T(0) : T(1);
        value = short_of;
        k[0] = pull / larger(sum[0], T(1));
        slope = -pull;
    }
    INLINE T slope(const T *k, const At<T> &at) const { return is_best(at) ? k[0] : T(0); }
};

}  // namespace

const RowEntry ROWS_MARGINS[] = {
    {"multi_margin_loss", "p,margin", TAKES_CLASS_WEIGHT, multi_margin<float>, multi_margin<double>},
    LOSSLAB_ROWS("crammer_singer_loss", "margin", BY_CLASS, CrammerSinger),
    {},
};

}  // namespace losslab
