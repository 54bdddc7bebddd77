// From a gradient to new weights: penalties, bounds, the update rule and the mean of the weights, chunk by chunk.
#include <cmath>

#include "network.h"
#include "updates.h"

namespace losslab {
namespace {

constexpr double TINY = 1e-6;  // torch's, added to a norm before it divides

template <class T> UpdateFunction<T> function_of(const UpdateEntry *entry);
template <> UpdateFunction<float> function_of(const UpdateEntry *entry) { return entry->in_float; }
template <> UpdateFunction<double> function_of(const UpdateEntry *entry) { return entry->in_double; }

template <class T> bool finite(const T *numbers, int64_t n) {
    T spoiled = 0;
#pragma omp simd reduction(+ : spoiled)
    for (int64_t i = 0; i < n; i++) spoiled += numbers[i] - numbers[i];  // 0, or NaN
    return spoiled == 0;
}

template <class T> void penalise(int64_t n, const T *param, const uint8_t *counts, T l1, T l2, T *gradient) {
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const T sign = param[i] > 0 ? T(1) : param[i] < 0 ? T(-1) : T(0);
        gradient[i] += counts[i] ? l1 * sign + l2 * param[i] : T(0);
    }
}

template <class T> void bound(int64_t n, T factor, T most, T *gradient) {
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const T scaled = gradient[i] * factor;
        gradient[i] = scaled > most ? most : scaled < -most ? -most : scaled;
    }
}

// torch.lerp
template <class T> void follow(int64_t n, const T *param, T share, T *mean) {
    const bool near = share < T(0.5);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const T apart = param[i] - mean[i];
        mean[i] = near ? mean[i] + share * apart : param[i] - apart * (T(1) - share);
    }
}

template <class T> void change(const Run<T> &run, int64_t at, int64_t n, double lr_factor) {
    const losslab_member &member = *run.member;
    UpdateBlock<T> block{};
    block.param = run.param + at;
    block.gradient = run.parameter_gradient(at);
    for (int i = 0; i < 4; i++) block.state[i] = member.state[i] ? static_cast<T *>(member.state[i]) + at : nullptr;
    block.count = n;
    block.hyper = member.hyper;
    block.step = double(run.step) + 1;
    block.lr_factor = lr_factor;
    block.options = member.options;
    function_of<T>(update_entry(member.rule))(block);
    if (member.average) {
        follow(n, block.param, run.step ? T(member.average_share) : T(1), static_cast<T *>(member.average) + at);
    }
}

}  // namespace

template <class T> void update(const Run<T> &run, const uint8_t *penalised, double lr_factor) {
    const losslab_member &member = *run.member;
    const int64_t parameters = run.net->plan->parameters, chunks = (parameters + CHUNK - 1) / CHUNK;
    const bool by_norm = member.clip_norm < INFINITY, bounded = by_norm || member.clip_value < INFINITY;
    double *squares = reinterpret_cast<double *>(run.arena + run.net->squares);
    for (int64_t c = run.begin(chunks); c < run.end(chunks); c++) {
        const int64_t at = c * CHUNK, n = smaller(CHUNK, parameters - at);
        T *gradient = run.parameter_gradient(at);
        if (!finite(gradient, n)) run.team->spoiled.store(1, std::memory_order_relaxed);
        if (member.l1 != 0 || member.l2 != 0) {
            penalise(n, run.param + at, penalised + at, T(member.l1), T(member.l2), gradient);
        }
        if (by_norm) {
            double sum = 0;
#pragma omp simd reduction(+ : sum)
            for (int64_t i = 0; i < n; i++) sum += double(gradient[i]) * double(gradient[i]);
            squares[c] = sum;
            continue;
        }
        if (bounded) bound(n, T(1), T(member.clip_value), gradient);
        change(run, at, n, lr_factor);
    }
    run.wait();
    if (!by_norm) return;
    double sum = 0;
    for (int64_t c = 0; c < chunks; c++) sum += squares[c];
    const double factor = member.clip_norm / (std::sqrt(sum) + TINY);
    for (int64_t c = run.begin(chunks); c < run.end(chunks); c++) {
        const int64_t at = c * CHUNK, n = smaller(CHUNK, parameters - at);
        bound(n, T(factor < 1 ? factor : 1), T(member.clip_value), run.parameter_gradient(at));
        change(run, at, n, lr_factor);
    }
    run.wait();
}

template void update<float>(const Run<float> &, const uint8_t *, double);
template void update<double>(const Run<double> &, const uint8_t *, double);

}  // namespace losslab
