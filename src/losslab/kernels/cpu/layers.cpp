// One panel of one layer, there and back. Elementwise layers see a panel as one row of numbers.
#include "elementwise.h"
#include "matmul.h"
#include "network.h"
#include "norms.h"

namespace losslab {
namespace {

// The exchanged copy of a panel of value v: its rows, in panels of features.
template <class T> void exchange(const Run<T> &run, int64_t v, int64_t p) {
    const int64_t features = run.value(v).features, width = run.width(p);
    const T *from = run.at(v, p);
    for (int64_t q = 0; q * PANEL<T> < features; q++) {
        const int64_t wide = exchanged_width<T>(features, q), first = q * PANEL<T>;
        transpose<T>(smaller(PANEL<T>, features - first), run.rows_in(p), from + first * width, width,
                     run.exchanged(v, q) + p * run.panel * wide, wide);
    }
}

template <class T> int64_t code_of(T number, int64_t levels) {
    return number >= T(levels) ? levels - 1 : number > 0 ? int64_t(number) : 0;
}

template <class T> void add_or_copy(int64_t n, const T *from, T *to, bool first) {
    if (first) {
        std::memcpy(to, from, size_t(n) * sizeof(T));
        return;
    }
#pragma omp simd
    for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

template <class T> void linear_forward(const Run<T> &run, int64_t l, int64_t p) {
    const losslab_layer &layer = run.layer(l);
    const int64_t width = run.width(p);
    if (run.net->steps[l].exchanges && layer.source) exchange(run, layer.source, p);
    Finish<T> finish;
    const bool last = l + 1 == run.net->plan->count;
    const bool relu = !last && run.net->steps[l + 1].fused_forward && run.layer(l + 1).source == l + 1;
    if (relu) finish.kind = FINISH_RELU;
    matmul<T>(layer.out, width, layer.in, run.param + layer.weight, layer.in, 1, run.at(layer.source, p), width,
              run.at(l + 1, p), width, false, layer.bias < 0 ? nullptr : run.param + layer.bias, finish);
}

template <class T> void linear_backward(const Run<T> &run, int64_t l, int64_t p) {
    const losslab_layer &layer = run.layer(l);
    const int64_t width = run.width(p);
    Finish<T> finish;
    if (run.net->steps[layer.source - 1].fused_backward) {
        finish.kind = FINISH_WHERE_POSITIVE;
        finish.output = run.at(layer.source, p);
    }
    matmul<T>(layer.in, width, layer.out, run.param + layer.weight, 1, layer.in, run.gradient(l + 1, p), width,
              run.gradient(layer.source, p), width, !run.net->steps[l].first_source, nullptr, finish);
}

template <class T> void look_up(const Run<T> &run, int64_t l, int64_t p) {
    const losslab_layer &layer = run.layer(l);
    const int64_t width = run.width(p);
    const T *codes = run.at(layer.source, p), *weight = run.param + layer.weight;
    T *to = run.at(l + 1, p);
    for (int64_t r = 0; r < width; r++) {
        const T *level = weight + (r < run.rows_in(p) ? code_of(codes[r], layer.extra) : 0) * layer.out;
        for (int64_t f = 0; f < layer.out; f++) to[f * width + r] = level[f];
    }
}

template <class T> void select_forward(const Run<T> &run, int64_t l, int64_t p) {
    const losslab_layer &layer = run.layer(l);
    const int64_t *columns = run.net->plan->columns + layer.first, width = run.width(p);
    for (int64_t f = 0; f < layer.out; f++) {
        const T *from = run.at(layer.source, p) + columns[f] * width;
        std::memcpy(run.at(l + 1, p) + f * width, from, size_t(width) * sizeof(T));
    }
}

template <class T> void select_backward(const Run<T> &run, int64_t l, int64_t p) {
    const losslab_layer &layer = run.layer(l);
    const int64_t *columns = run.net->plan->columns + layer.first, width = run.width(p);
    T *to = run.gradient(layer.source, p);
    if (run.net->steps[l].first_source) std::memset(to, 0, size_t(layer.in * width) * sizeof(T));
    for (int64_t f = 0; f < layer.out; f++) {
        add_or_copy(width, run.gradient(l + 1, p) + f * width, to + columns[f] * width, false);
    }
}

template <class T>
void dropout(const Run<T> &run, const losslab_layer &layer, int64_t p, const T *from, T *to, bool add) {
    const int64_t width = run.width(p), features = layer.out;
    const uint64_t key = layer_key(run.member->key, run.step, uint64_t(layer.extra));
    const float share = float(layer.a);
    const T scale = layer.a < 1 ? T(1 / (1 - layer.a)) : T(0);
    for (int64_t f = 0; f < features; f++) {
        const uint32_t first = uint32_t(p * run.panel * features + f);
        const T *in = from + f * width;
        T *out = to + f * width;
#pragma omp simd
        for (int64_t r = 0; r < width; r++) {
            const T value = kept(key, first + uint32_t(r) * uint32_t(features), share) ? in[r] * scale : T(0);
            out[r] = add ? out[r] + value : value;
        }
    }
}

}  // namespace

template <class T> void forward_panel(const Run<T> &run, int64_t l, int64_t p) {
    const losslab_layer &layer = run.layer(l);
    const int64_t width = run.width(p), n = layer.out * width;
    const T *from = run.at(layer.source, p);
    T *to = run.at(l + 1, p);
    switch (layer.kind) {
    case LOSSLAB_LINEAR: linear_forward(run, l, p); break;
    case LOSSLAB_EMBEDDING: look_up(run, l, p); break;
    case LOSSLAB_SELECT: select_forward(run, l, p); break;
    case LOSSLAB_LAYER_NORM: layer_norm(run, l, p); break;
    case LOSSLAB_BATCH_NORM: batch_norm(run, l, p); break;
    case LOSSLAB_DROPOUT:
        if (run.net->training && layer.a > 0) {
            dropout(run, layer, p, from, to, false);
        } else if (from != to) {
            add_or_copy(n, from, to, true);
        }
        break;
    case LOSSLAB_ADD: {
        const T *other = run.at(layer.other, p);
#pragma omp simd
        for (int64_t i = 0; i < n; i++) to[i] = from[i] + other[i];
        break;
    }
    case LOSSLAB_CONCAT:
        add_or_copy(layer.in * width, from, to, true);
        add_or_copy(n - layer.in * width, run.at(layer.other, p), to + layer.in * width, true);
        break;
    default:
        if (!run.net->steps[l].fused_forward) activate<T>(layer.kind, layer.a, n, from, to);
    }
}

template <class T> void backward_panel(const Run<T> &run, int64_t l, int64_t p) {
    const losslab_layer &layer = run.layer(l);
    const Step &step = run.net->steps[l];
    const bool wants = run.value(layer.source).wants;
    const int64_t width = run.width(p), n = layer.out * width;
    if (layer.kind == LOSSLAB_ADD || layer.kind == LOSSLAB_CONCAT) {
        const int64_t split = layer.kind == LOSSLAB_ADD ? 0 : layer.in * width;
        const T *given = run.gradient(l + 1, p);
        if (wants) add_or_copy(layer.in * width, given, run.gradient(layer.source, p), step.first_source);
        if (run.value(layer.other).wants) {
            add_or_copy(n - split, given + split, run.gradient(layer.other, p), step.first_other);
        }
        return;
    }
    if (!wants) return;
    const T *given = run.gradient(l + 1, p);
    T *to = run.gradient(layer.source, p);
    switch (layer.kind) {
    case LOSSLAB_LINEAR: linear_backward(run, l, p); break;
    case LOSSLAB_EMBEDDING:  // codes have no derivative
        if (step.first_source) std::memset(to, 0, size_t(width) * sizeof(T));
        break;
    case LOSSLAB_SELECT: select_backward(run, l, p); break;
    case LOSSLAB_LAYER_NORM: layer_norm_back(run, l, p); break;
    case LOSSLAB_BATCH_NORM: batch_norm_back(run, l, p); break;
    case LOSSLAB_DROPOUT:
        if (layer.a > 0) {
            dropout(run, layer, p, given, to, !step.first_source);
        } else if (given != to) {
            add_or_copy(n, given, to, step.first_source);
        }
        break;
    default:
        if (step.fused_backward) break;
        derive<T>(layer.kind, layer.a, n, run.at(layer.source, p), run.at(l + 1, p), given, to, !step.first_source);
    }
}

template <class T> void parameter_gradient(const Run<T> &run, int64_t l) {
    const losslab_layer &layer = run.layer(l);
    if (layer.kind == LOSSLAB_LAYER_NORM) return layer_norm_gradient(run, l);
    if (layer.kind != LOSSLAB_LINEAR && layer.kind != LOSSLAB_EMBEDDING) return;
    const int64_t begin = run.begin(layer.out), end = run.end(layer.out);
    if (begin == end) return;
    T *weight = run.parameter_gradient(layer.weight);
    if (layer.kind == LOSSLAB_EMBEDDING) {  // a level's rows are added in their order
        for (int64_t i = 0; i < layer.extra; i++) {
            std::memset(weight + i * layer.out + begin, 0, size_t(end - begin) * sizeof(T));
        }
    }
    T *bias = layer.bias < 0 ? nullptr : run.parameter_gradient(layer.bias);
    for (int64_t p = 0; p < run.panels; p++) {
        const int64_t width = run.width(p), rows = run.rows_in(p);
        const T *given = run.gradient(l + 1, p);
        if (layer.kind == LOSSLAB_EMBEDDING) {
            const T *codes = run.at(layer.source, p);
            for (int64_t r = 0; r < rows; r++) {
                T *level = weight + code_of(codes[r], layer.extra) * layer.out;
                for (int64_t f = begin; f < end; f++) level[f] += given[f * width + r];
            }
            continue;
        }
        for (int64_t q = 0; q * PANEL<T> < layer.in; q++) {
            const int64_t wide = exchanged_width<T>(layer.in, q), first = q * PANEL<T>;
            matmul<T>(end - begin, smaller(PANEL<T>, layer.in - first), rows, given + begin * width, width, 1,
                      run.exchanged(layer.source, q) + p * run.panel * wide, wide, weight + begin * layer.in + first,
                      layer.in, p > 0, nullptr);
        }
    }
    if (bias) {
        const T *given = run.gradient(l + 1, 0);
        add_rows<T>(begin, end, run.count, run.panel, given, run.panel * layer.out, bias);
    }
}

#define BOTH(T)                                                        \
    template void forward_panel<T>(const Run<T> &, int64_t, int64_t);  \
    template void backward_panel<T>(const Run<T> &, int64_t, int64_t); \
    template void parameter_gradient<T>(const Run<T> &, int64_t);
BOTH(float)
BOTH(double)

}  // namespace losslab
