// The rows of a batch and their loss.
#include "matmul.h"
#include "network.h"
#include "pointwise.h"
#include "rowwise.h"

namespace losslab {
namespace {

template <class T> PointFunction<T> function_of(const PointEntry *entry);
template <> PointFunction<float> function_of(const PointEntry *entry) { return entry->in_float; }
template <> PointFunction<double> function_of(const PointEntry *entry) { return entry->in_double; }
template <class T> RowFunction<T> function_of(const RowEntry *entry);
template <> RowFunction<float> function_of(const RowEntry *entry) { return entry->in_float; }
template <> RowFunction<double> function_of(const RowEntry *entry) { return entry->in_double; }

template <class T> T row_weight(const Run<T> &run, int64_t row) {
    return run.member->row_weight ? static_cast<const T *>(run.member->row_weight)[row] : T(1);
}

template <class T> void pointwise_panel(const Run<T> &run, int64_t p) {
    const losslab_member &member = *run.member;
    const losslab_plan &plan = *run.net->plan;
    const int64_t outputs = plan.outputs, count = run.rows_in(p), width = run.width(p), first = p * run.panel;
    const T *y = static_cast<const T *>(member.y);
    T *target = run.arena + run.net->target + first * outputs;
    T *each = run.arena + run.net->each + first * outputs;
    for (int64_t r = 0; r < count; r++) {
        for (int64_t f = 0; f < outputs; f++) target[f * width + r] = y[run.rows[first + r] * outputs + f];
    }
    const auto function = function_of<T>(pointwise_entry(member.loss));
    PointBlock<T> block{};
    block.scale = run.divisor > 0 ? T(1 / run.divisor) : T(0);
    block.weight = member.row_weight ? run.arena + run.net->weight + first : nullptr;
    const bool together = count == width && !block.weight;
    block.count = together ? outputs * width : count;
    for (int64_t f = 0; f < (together ? 1 : outputs); f++) {
        block.input = run.at(plan.count, p) + f * width;
        block.gradient = run.gradient(plan.count, p) + f * width;
        block.target = target + f * width;
        block.value = each + f * width;
        function(block, member.params);
    }
}

template <class T> void rowwise_panel(const Run<T> &run, int64_t p) {
    const losslab_member &member = *run.member;
    const losslab_plan &plan = *run.net->plan;
    const int64_t first = p * run.panel;
    int64_t *label = reinterpret_cast<int64_t *>(run.arena + run.net->label) + first;
    const int64_t *y = static_cast<const int64_t *>(member.y);
    RowBlock<T> block{};
    block.rows = run.rows_in(p);
    for (int64_t r = 0; r < block.rows; r++) label[r] = y[run.rows[first + r]];
    block.input = run.at(plan.count, p);
    block.gradient = run.gradient(plan.count, p);
    block.class_stride = run.width(p);
    block.row_stride = 1;
    block.classes = plan.outputs;
    block.label = label;
    block.weight = member.row_weight ? run.arena + run.net->weight + first : nullptr;
    block.class_weight = static_cast<const T *>(member.class_weight);
    block.per_class = static_cast<const T *>(member.per_class);
    block.value = run.arena + run.net->each + first;
    block.scale = run.divisor > 0 ? T(1 / run.divisor) : T(0);
    function_of<T>(rowwise_entry(member.loss))(block, member.params);
}

}  // namespace

template <class T> void take_rows(const Run<T> &run, int64_t p, const T *X, const int64_t *rows) {
    const int64_t features = run.net->plan->features;
    const int64_t count = run.rows_in(p), width = run.width(p), first = p * run.panel;
    for (int64_t q = 0; q * PANEL<T> < features; q++) {
        const int64_t wide = exchanged_width<T>(features, q), column = q * PANEL<T>;
        const int64_t some = smaller(PANEL<T>, features - column);
        T *to = run.exchanged(0, q) + first * wide;
        for (int64_t r = 0; r < count; r++) {
            const int64_t row = rows ? rows[first + r] : first + r;
            std::memcpy(to + r * wide, X + row * features + column, size_t(some) * sizeof(T));
        }
        transpose<T>(count, some, to, wide, run.at(0, p) + column * width, width);
    }
    if (run.member && run.member->row_weight) {
        T *weight = run.arena + run.net->weight + first;
        for (int64_t r = 0; r < count; r++) weight[r] = row_weight(run, rows[first + r]);
    }
}

template <class T> double loss_divisor(const Run<T> &run) {
    const losslab_member &member = *run.member;
    if (!member.rowwise) {
        if (!member.row_weight) return double(run.count * run.net->plan->outputs);
        double sum = 0;
        for (int64_t r = 0; r < run.count; r++) sum += double(row_weight(run, run.rows[r]));
        return sum * double(run.net->plan->outputs);
    }
    const bool divides = rowwise_entry(member.loss)->traits & WEIGHT_DIVIDES && member.class_weight;
    if (!divides && !member.row_weight) return double(run.count);
    const T *classes = static_cast<const T *>(member.class_weight);
    double sum = 0;
    for (int64_t r = 0; r < run.count; r++) {
        const T weight = row_weight(run, run.rows[r]);
        if (weight == 0) continue;  // its label may be anything
        sum += double(divides ? weight * classes[static_cast<const int64_t *>(member.y)[run.rows[r]]] : weight);
    }
    return sum;
}

template <class T> void loss_panel(const Run<T> &run, int64_t p) {
    if (run.member->rowwise) {
        rowwise_panel(run, p);
    } else {
        pointwise_panel(run, p);
    }
}

template <class T> double mean_loss(const Run<T> &run) {
    const int64_t each = run.member->rowwise ? 1 : run.net->plan->outputs;
    double sum = 0;
    for (int64_t p = 0; p < run.panels; p++) {  // row by row, however they are cut into panels
        const T *value = run.arena + run.net->each + p * run.panel * each;
        for (int64_t r = 0; r < run.rows_in(p); r++) {
            for (int64_t f = 0; f < each; f++) sum += double(value[f * run.width(p) + r]);
        }
    }
    return run.divisor > 0 ? sum / run.divisor : 0;
}

#define BOTH(T)                                                                              \
    template void take_rows<T>(const Run<T> &, int64_t, const T *, const int64_t *);         \
    template double loss_divisor<T>(const Run<T> &);                                         \
    template void loss_panel<T>(const Run<T> &, int64_t);                                    \
    template double mean_loss<T>(const Run<T> &);
BOTH(float)
BOTH(double)

}  // namespace losslab
