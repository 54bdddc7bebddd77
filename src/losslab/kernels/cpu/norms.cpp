// What BatchNorm1d needs of all rows of a batch: each thread takes some features.
#include "norms.h"

namespace losslab {

template <class T> void batch_norm_statistics(const Run<T> &run, int64_t l) {
    const losslab_layer &layer = run.layer(l);
    T *kept = run.arena + run.net->steps[l].statistics;
    const double count = double(run.count);
    for (int64_t f = run.begin(layer.out); f < run.end(layer.out); f++) {
        const auto feature = [&](int64_t p) { return run.at(layer.source, p) + f * run.width(p); };
        const double mean = sum_over_rows<double>(run, [&](int64_t p) {
            const T *x = feature(p);
            return [=](int64_t r) { return double(x[r]); };
        }) / count;
        const double squares = sum_over_rows<double>(run, [&](int64_t p) {
            const T *x = feature(p);
            return [=](int64_t r) { return (double(x[r]) - mean) * (double(x[r]) - mean); };
        });
        kept[f] = T(mean);
        kept[layer.out + f] = T(1 / std::sqrt(squares / count + layer.a));
        if (layer.constant >= 0) {
            T *running = run.constant + layer.constant + f, *spread = running + layer.out;
            const double unbiased = squares / (count > 1 ? count - 1 : 1);
            *running = T((1 - layer.b) * double(*running) + layer.b * mean);
            *spread = T((1 - layer.b) * double(*spread) + layer.b * unbiased);
        }
    }
}

template <class T> void batch_norm_sums(const Run<T> &run, int64_t l) {
    const losslab_layer &layer = run.layer(l);
    T *kept = run.arena + run.net->steps[l].statistics;
    for (int64_t f = run.begin(layer.out); f < run.end(layer.out); f++) {
        const T mean = kept[f], scale = kept[layer.out + f];
        const double sum = sum_over_rows<double>(run, [&](int64_t p) {
            const T *g = run.gradient(l + 1, p) + f * run.width(p);
            return [=](int64_t r) { return double(g[r]); };
        });
        const double along = sum_over_rows<double>(run, [&](int64_t p) {
            const T *x = run.at(layer.source, p) + f * run.width(p), *g = run.gradient(l + 1, p) + f * run.width(p);
            return [=](int64_t r) { return double(g[r]) * double((x[r] - mean) * scale); };
        });
        kept[2 * layer.out + f] = T(sum / double(run.count));
        kept[3 * layer.out + f] = T(along / double(run.count));
        if (layer.weight >= 0) *run.parameter_gradient(layer.weight + f) = T(along);
        if (layer.bias >= 0) *run.parameter_gradient(layer.bias + f) = T(sum);
    }
}

template void batch_norm_statistics<float>(const Run<float> &, int64_t);
template void batch_norm_statistics<double>(const Run<double> &, int64_t);
template void batch_norm_sums<float>(const Run<float> &, int64_t);
template void batch_norm_sums<double>(const Run<double> &, int64_t);

}  // namespace losslab
