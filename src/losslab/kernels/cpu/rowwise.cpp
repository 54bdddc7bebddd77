// Rowwise losses as Python calls them: labels and weights are looked at first, then blocks of rows, by all threads.
#include <stdlib.h>

#include "half.h"
#include "losslab.h"
#include "rowloop.h"

namespace losslab {
namespace {

const RowEntry *const LISTS[] = {ROWS_LOG_LOSS, ROWS_NOISY,  ROWS_FOCAL,  ROWS_CALIBRATION,
                                 ROWS_MARGINS,  ROWS_COUNTS, ROWS_ORDINAL};

constexpr int64_t MOST_ROWS = 512;         // of a unit of work, whose weights lie on the stack
constexpr int64_t UNIT_ELEMENTS = 1 << 16;

bool same_name(const char *a, const char *b) {
    while (*a && *a == *b) ++a, ++b;
    return *a == *b;
}

// A unit is some rows of one member, cut by position: sums do not depend on the number of threads.
struct Unit {
    double loss, weight;
    int64_t kept, bad;
};

struct Call {
    const losslab_rowwise &with;
    const RowEntry &entry;
    int64_t rows, rows_per_unit, units;  // of a member
    int64_t params;                      // how many

    explicit Call(const losslab_rowwise &with, const RowEntry &entry)
        : with(with), entry(entry), rows(with.outer * with.inner) {
        const int64_t fit = UNIT_ELEMENTS / larger<int64_t>(with.classes, 1);
        rows_per_unit = fit < 1 ? 1 : smaller(fit, MOST_ROWS);
        units = (rows + rows_per_unit - 1) / rows_per_unit;
        params = *entry.params ? 1 : 0;
        for (const char *p = entry.params; *p; ++p) params += *p == ',';
    }
    int64_t first(int64_t unit) const { return unit % units * rows_per_unit; }
    int64_t count(int64_t unit) const { return smaller(rows_per_unit, rows - first(unit)); }
    int64_t target_member(int64_t member) const { return with.target_shared ? 0 : member; }
    const int64_t *labels(int64_t member) const {
        return with.label ? with.label + target_member(member) * rows : nullptr;
    }
};

template <class T> const T *at(const void *start, int64_t place) {
    return start ? static_cast<const T *>(start) + place : nullptr;
}
template <class T> T *at(void *start, int64_t place) { return start ? static_cast<T *>(start) + place : nullptr; }

// Whether all labels are in range, how many rows count, and the sum of their weights.
template <class T> Unit look(const Call &call, int64_t number) {
    const losslab_rowwise &with = call.with;
    const int64_t member = number / call.units, first = call.first(number), count = call.count(number);
    const int64_t *label = call.labels(member);
    const uint8_t *mask = at<uint8_t>(with.mask, member * call.rows + first);
    const T *weight = at<T>(with.weight, member * call.rows + first);
    const T *class_weight = call.entry.traits & WEIGHT_DIVIDES && label ? at<T>(with.class_weight, 0) : nullptr;
    Unit unit{0, double(count), count, -1};
    if (label) {
        label += first;
        uint64_t outside = 0;
        for (int64_t r = 0; r < count; ++r) outside += uint64_t(label[r]) >= uint64_t(with.classes);
        if (!outside && !mask && !weight && !class_weight && !(with.has_ignore && with.ignore_index >= 0)) return unit;
    } else if (!mask && !weight) {
        return unit;
    }
    unit.weight = 0;
    unit.kept = 0;
    for (int64_t r = 0; r < count; ++r) {
        if ((mask && !mask[r]) || (label && with.has_ignore && label[r] == with.ignore_index)) continue;
        if (label && uint64_t(label[r]) >= uint64_t(with.classes)) {
            if (unit.bad < 0) unit.bad = member * call.rows + first + r;
            continue;
        }
        unit.kept += 1;
        unit.weight += double(weight ? weight[r] : T(1)) * double(class_weight ? class_weight[label[r]] : T(1));
    }
    return unit;
}

// What each row of a unit counts with: 0 where it is left out.
template <class T> const T *row_weights(const Call &call, int64_t member, int64_t first, const Unit &unit,
                                        int64_t count, T *place) {
    const losslab_rowwise &with = call.with;
    if (!with.weight && unit.kept == count) return nullptr;
    const int64_t *label = call.labels(member);
    const uint8_t *mask = at<uint8_t>(with.mask, member * call.rows + first);
    const T *weight = at<T>(with.weight, member * call.rows + first);
    for (int64_t r = 0; r < count; ++r) {
        const bool out = (mask && !mask[r]) || (label && with.has_ignore && label[first + r] == with.ignore_index);
        place[r] = out ? T(0) : weight ? weight[r] : T(1);
    }
    return place;
}

template <class T> RowFunction<T> function(const RowEntry &entry);
template <> RowFunction<float> function(const RowEntry &entry) { return entry.in_float; }
template <> RowFunction<double> function(const RowEntry &entry) { return entry.in_double; }

// How numbers of the input's type are read and written; `Native` are used where they lie.
template <class T> struct Native {
    using Stored = T;
    static constexpr bool copied = false;
    static T read(T x) { return x; }
    static T write(T x) { return x; }
};
struct BFloat16 {
    using Stored = uint16_t;
    static constexpr bool copied = true;
    static INLINE float read(uint16_t x) { return from_bfloat16(x); }
    static INLINE uint16_t write(float x) { return to_bfloat16(x); }
};
struct Float16 {
    using Stored = uint16_t;
    static constexpr bool copied = true;
    static INLINE float read(uint16_t x) { return from_float16(x); }
    static INLINE uint16_t write(float x) { return to_float16(x); }
};

// The rows first ... first + count of a member, which lie in one piece of the tensor.
template <class T, class Type>
double piece(const Call &call, int64_t member, int64_t first, int64_t count, const T *weight, T scale, T *copy,
             const double *params) {
    using Stored = typename Type::Stored;
    const losslab_rowwise &with = call.with;
    const int64_t classes = with.classes, inner = with.inner, inside = first / inner * inner * classes + first % inner;
    const int64_t place = inner == 1 ? first * classes : inside;
    const int64_t of_member = member * call.rows * classes;
    const Stored *input = at<Stored>(with.input, of_member + place);
    Stored *gradient = at<Stored>(with.gradient, of_member + place);
    RowBlock<T> block;
    block.class_stride = inner;
    block.row_stride = inner == 1 ? classes : 1;
    block.rows = count;
    block.classes = classes;
    block.label = with.label ? call.labels(member) + first : nullptr;
    block.soft = with.label ? nullptr : at<T>(with.soft, call.target_member(member) * call.rows * classes + place);
    block.weight = weight;
    block.class_weight = at<T>(with.class_weight, 0);
    block.per_class = at<T>(with.per_class, with.per_class_of_member ? member * classes : 0);
    block.value = at<T>(with.value, member * call.rows + first);
    block.scale = scale;
    if constexpr (Type::copied) {
        const int64_t lines = inner == 1 ? 1 : classes, length = inner == 1 ? count * classes : count;
        for (int64_t c = 0; c < lines; ++c)
            for (int64_t i = 0; i < length; ++i) copy[c * length + i] = Type::read(input[c * inner + i]);
        const T *soft = block.soft;
        if (soft && inner != 1) {  // targets lie as the copy does
            T *shares = copy + count * classes;
            for (int64_t c = 0; c < lines; ++c)
                for (int64_t i = 0; i < length; ++i) shares[c * length + i] = soft[c * inner + i];
            block.soft = shares;
        }
        block.input = copy;
        block.gradient = gradient ? copy : nullptr;
        block.class_stride = inner == 1 ? 1 : count;
        const double sum = function<T>(call.entry)(block, params);
        if (gradient)
            for (int64_t c = 0; c < lines; ++c)
                for (int64_t i = 0; i < length; ++i) gradient[c * inner + i] = Type::write(copy[c * length + i]);
        return sum;
    } else {
        block.input = input;
        block.gradient = gradient;
        return function<T>(call.entry)(block, params);
    }
}

template <class T, class Type> void compute(const Call &call, int64_t number, double scale, Unit &unit, T *copy) {
    const int64_t member = number / call.units, first = call.first(number), count = call.count(number);
    const double *params = call.with.params + member * call.params;
    alignas(64) T place[MOST_ROWS];
    const T *weight = row_weights(call, member, first, unit, count, place);
    const int64_t inner = call.with.inner;
    for (int64_t row = first; row < first + count;) {
        const int64_t room = inner == 1 ? first + count - row : inner - row % inner;
        const int64_t rows = smaller(room, first + count - row);
        const T *of_rows = weight ? weight + (row - first) : nullptr;
        unit.loss += piece<T, Type>(call, member, row, rows, of_rows, T(scale), copy, params);
        row += rows;
    }
}

template <class T, class Type> int32_t run(losslab_rowwise &with, const RowEntry &entry) {
    const Call call(with, entry);
    const int64_t all = with.members * call.units;
    const int threads = all * call.rows_per_unit * with.classes < (int64_t(1) << 16) ? 1 : int(larger(with.threads, 1));
    Unit few[16], *const units = all <= 16 ? few : static_cast<Unit *>(malloc(size_t(all) * sizeof(Unit)));
    if (!units) return -2;
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int64_t u = 0; u < all; ++u) units[u] = look<T>(call, u);
    with.bad_row = -1;
    for (int64_t u = all - 1; u >= 0; --u)
        if (units[u].bad >= 0) with.bad_row = units[u].bad;
    int32_t status = 0;
    for (int64_t k = 0; k < with.members && with.bad_row < 0; ++k) {
        double weight = 0, kept = 0;
        for (int64_t u = k * call.units; u < (k + 1) * call.units; ++u) {
            weight += units[u].weight;
            kept += double(units[u].kept);
        }
        with.sums[3 * k + 1] = weight;
        with.sums[3 * k + 2] = kept;
    }
    if (with.bad_row < 0) {
#pragma omp parallel num_threads(threads) if (threads > 1)
        {
            const size_t room = Type::copied ? size_t(call.rows_per_unit * with.classes) * (with.label ? 1 : 2) : 0;
            T *const copy = room ? static_cast<T *>(malloc(room * sizeof(T))) : nullptr;
            if (room && !copy) {
#pragma omp atomic write
                status = -2;
            }
#pragma omp for schedule(static)
            for (int64_t u = 0; u < all; ++u) {
                const double *sums = with.sums + 3 * (u / call.units);
                const double divisor =
                    with.divide == LOSSLAB_BY_WEIGHT ? sums[1] : with.divide == LOSSLAB_BY_COUNT ? sums[2] : 1;
                if (!room || copy) compute<T, Type>(call, u, divisor == 0 ? 0 : 1 / divisor, units[u], copy);
            }
            free(copy);
        }
        for (int64_t k = 0; k < with.members; ++k) {
            double loss = 0;
            for (int64_t u = k * call.units; u < (k + 1) * call.units; ++u) loss += units[u].loss;
            with.sums[3 * k] = loss;
        }
    }
    if (units != few) free(units);
    return status;
}

}  // namespace

const RowEntry *rowwise_entry(int32_t loss) {
    for (const RowEntry *list : LISTS)
        for (; list->name; ++list, --loss)
            if (loss == 0) return list;
    return nullptr;
}

}  // namespace losslab

using namespace losslab;

LOSSLAB_API const char *losslab_rowwise_name(int32_t loss) {
    const RowEntry *entry = rowwise_entry(loss);
    return entry ? entry->name : nullptr;
}

LOSSLAB_API int32_t losslab_rowwise_find(const char *name) {
    for (int32_t loss = 0; const RowEntry *entry = rowwise_entry(loss); ++loss)
        if (same_name(entry->name, name)) return loss;
    return -1;
}

LOSSLAB_API const char *losslab_rowwise_params(int32_t loss) {
    const RowEntry *entry = rowwise_entry(loss);
    return entry ? entry->params : nullptr;
}

LOSSLAB_API int32_t losslab_rowwise_traits(int32_t loss) {
    const RowEntry *entry = rowwise_entry(loss);
    return entry ? entry->traits : 0;
}

// 0; -1: no such loss or type; -2: no memory.
LOSSLAB_API int32_t losslab_rowwise_run(struct losslab_rowwise *with) {
    const RowEntry *entry = with->loss < 0 ? nullptr : rowwise_entry(with->loss);
    if (!entry) return -1;
    if (with->input_dtype == LOSSLAB_F32) return run<float, Native<float>>(*with, *entry);
    if (with->input_dtype == LOSSLAB_F64) return run<double, Native<double>>(*with, *entry);
    if (with->input_dtype == LOSSLAB_BF16) return run<float, BFloat16>(*with, *entry);
    if (with->input_dtype == LOSSLAB_F16) return run<float, Float16>(*with, *entry);
    return -1;
}
