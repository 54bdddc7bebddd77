// LayerNorm and BatchNorm1d. Statistics and sums are kept for the way back.
#pragma once
#include "network.h"
#include "vecmath.h"

namespace losslab {

template <class T> T weight_or_one(const T *weight, int64_t f) { return weight ? weight[f] : T(1); }
template <class T> const T *of_layer(const T *param, int64_t at) { return at < 0 ? nullptr : param + at; }

// Row r's mean and 1 / deviation are at statistics[r] and statistics[rows + r].
template <class T> void layer_norm(const Run<T> &run, int64_t l, int64_t p) {
    const losslab_layer &layer = run.layer(l);
    const int64_t width = run.width(p), features = layer.out;
    const T *weight = of_layer(run.param, layer.weight), *bias = of_layer(run.param, layer.bias);
    const T *x = run.at(layer.source, p);
    T *mean = run.arena + run.net->steps[l].statistics + p * run.panel, *scale = mean + run.net->rows;
    T *y = run.at(l + 1, p);
    const T share = T(1) / T(features), eps = T(layer.a);
    std::memset(mean, 0, size_t(width) * sizeof(T));
    std::memset(scale, 0, size_t(width) * sizeof(T));
    for (int64_t f = 0; f < features; f++) {
#pragma omp simd
        for (int64_t r = 0; r < width; r++) mean[r] += x[f * width + r];
    }
    for (int64_t r = 0; r < width; r++) mean[r] *= share;
    for (int64_t f = 0; f < features; f++) {
#pragma omp simd
        for (int64_t r = 0; r < width; r++) {
            const T apart = x[f * width + r] - mean[r];
            scale[r] += apart * apart;
        }
    }
#pragma omp simd
    for (int64_t r = 0; r < width; r++) scale[r] = T(1) / sqrt_(scale[r] * share + eps);
    for (int64_t f = 0; f < features; f++) {
        const T w = weight_or_one(weight, f), b = bias ? bias[f] : T(0);
#pragma omp simd
        for (int64_t r = 0; r < width; r++) y[f * width + r] = (x[f * width + r] - mean[r]) * scale[r] * w + b;
    }
}

template <class T> void layer_norm_back(const Run<T> &run, int64_t l, int64_t p) {
    const losslab_layer &layer = run.layer(l);
    const int64_t width = run.width(p), features = layer.out;
    const bool add = !run.net->steps[l].first_source;
    const T *x = run.at(layer.source, p), *weight = of_layer(run.param, layer.weight), *g = run.gradient(l + 1, p);
    const T *mean = run.arena + run.net->steps[l].statistics + p * run.panel, *scale = mean + run.net->rows;
    T *to = run.gradient(layer.source, p);
    const T share = T(1) / T(features);
    alignas(64) T sum[PANEL<T>] = {}, along[PANEL<T>] = {};  // of w g, and of w g times the normed x
    for (int64_t f = 0; f < features; f++) {
        const T w = weight_or_one(weight, f);
#pragma omp simd
        for (int64_t r = 0; r < width; r++) {
            const T given = g[f * width + r] * w;
            sum[r] += given;
            along[r] += given * ((x[f * width + r] - mean[r]) * scale[r]);
        }
    }
    for (int64_t f = 0; f < features; f++) {
        const T w = weight_or_one(weight, f);
#pragma omp simd
        for (int64_t r = 0; r < width; r++) {
            const T normed = (x[f * width + r] - mean[r]) * scale[r];
            const T value = scale[r] * (g[f * width + r] * w - share * (sum[r] + normed * along[r]));
            to[f * width + r] = add ? to[f * width + r] + value : value;
        }
    }
}

template <class T> void layer_norm_gradient(const Run<T> &run, int64_t l) {
    const losslab_layer &layer = run.layer(l);
    T *weight = layer.weight < 0 ? nullptr : run.parameter_gradient(layer.weight);
    T *bias = layer.bias < 0 ? nullptr : run.parameter_gradient(layer.bias);
    for (int64_t f = run.begin(layer.out); f < run.end(layer.out); f++) {
        if (weight) {
            weight[f] = sum_over_rows<T>(run, [&](int64_t p) {
                const T *x = run.at(layer.source, p) + f * run.width(p), *g = run.gradient(l + 1, p) + f * run.width(p);
                const T *mean = run.arena + run.net->steps[l].statistics + p * run.panel, *scale = mean + run.net->rows;
                return [=](int64_t r) { return g[r] * ((x[r] - mean[r]) * scale[r]); };
            });
        }
        if (bias) {
            bias[f] = sum_over_rows<T>(run, [&](int64_t p) {
                const T *g = run.gradient(l + 1, p) + f * run.width(p);
                return [=](int64_t r) { return g[r]; };
            });
        }
    }
}

// Feature f's mean, 1 / deviation, mean of g and mean of g times the normed x lie `out` apart.
template <class T> void batch_norm(const Run<T> &run, int64_t l, int64_t p) {
    const losslab_layer &layer = run.layer(l);
    const int64_t width = run.width(p), features = layer.out;
    const T *weight = of_layer(run.param, layer.weight), *bias = of_layer(run.param, layer.bias);
    const T *x = run.at(layer.source, p);
    const T *kept = run.arena + run.net->steps[l].statistics;
    T *y = run.at(l + 1, p);
    for (int64_t f = 0; f < features; f++) {
        T mean = kept[f], scale = kept[features + f];
        if (!run.net->training) {
            mean = run.constant[layer.constant + f];
            scale = T(1) / sqrt_(run.constant[layer.constant + features + f] + T(layer.a));
        }
        const T w = weight_or_one(weight, f) * scale, b = bias ? bias[f] : T(0);
#pragma omp simd
        for (int64_t r = 0; r < width; r++) y[f * width + r] = (x[f * width + r] - mean) * w + b;
    }
}

template <class T> void batch_norm_back(const Run<T> &run, int64_t l, int64_t p) {
    const losslab_layer &layer = run.layer(l);
    const int64_t width = run.width(p), features = layer.out;
    const bool add = !run.net->steps[l].first_source;
    const T *x = run.at(layer.source, p), *weight = of_layer(run.param, layer.weight), *given = run.gradient(l + 1, p);
    const T *kept = run.arena + run.net->steps[l].statistics;
    T *to = run.gradient(layer.source, p);
    for (int64_t f = 0; f < features; f++) {
        const T mean = kept[f], scale = kept[features + f];
        const T sum = kept[2 * features + f], along = kept[3 * features + f];
        const T w = weight_or_one(weight, f) * scale;
#pragma omp simd
        for (int64_t r = 0; r < width; r++) {
            const T normed = (x[f * width + r] - mean) * scale;
            const T value = w * (given[f * width + r] - sum - normed * along);
            to[f * width + r] = add ? to[f * width + r] + value : value;
        }
    }
}

}  // namespace losslab
