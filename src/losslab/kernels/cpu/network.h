// The native plan from inside: where each value lies, and what a thread knows while it runs a member.
//
// A value (features x rows of the batch) is cut into panels of neighbouring rows: panel p of value v has its rows side
// by side, features width(p) apart, and begins at v + p * panel * features. A panel of a layer stays in cache until the
// next layer takes it, and products read it as it lies. The copy of a value that gradients of weights need has rows and
// features exchanged, in panels of neighbouring features.
#pragma once
#include "losslab.h"
#include "plan.h"
#include "port.h"
#include "team.h"

namespace losslab {

constexpr int64_t CHUNK = 4096;  // neighbouring parameters that are updated together

template <class T> constexpr int64_t PANEL = 256 / int64_t(sizeof(T));  // rows of the widest panel

struct Value {
    int64_t features;
    int64_t at, gradient, exchanged;  // where in a thread's memory; -1: not kept
    int32_t consumers;
    bool needed, wants;               // by the output; a gradient, as parameters lie before it
};

struct Step {                         // what the plan knows of a layer beside its description
    int64_t statistics;               // of a norm: mean and 1 / deviation of each row or feature, and two sums
    bool needed, in_place, fused_forward, fused_backward;
    bool exchanges;                   // the first layer that needs the exchanged copy of its source makes it
    bool first_source, first_other;   // the first to write the gradient of its source, of its other source
};

// Sizes and places in numbers of T.
struct Network {
    const losslab_plan *plan;
    Value *values;       // count + 1
    Step *steps;         // count
    int64_t rows;        // of the largest batch, in whole vectors
    int64_t arena;       // of one member in flight: values, gradients, copies, statistics
    int64_t gradient;    // of the parameters, in the arena
    int64_t target, weight, label, each;  // of a batch
    int64_t squares;     // of the gradient, a double for each CHUNK of parameters
    bool training;
};

// What one thread knows while it runs a step of a member, alone or in a team.
template <class T> struct Run {
    const Network *net;
    losslab_member *member;
    T *param, *constant, *arena;
    const int64_t *rows;     // of X, of this batch
    int64_t count;           // of them
    int64_t panel, panels;   // rows of a panel, how many
    uint64_t step;           // how many are behind the member
    int32_t thread, threads;
    Team *team;
    double divisor;          // what the loss of this batch is a mean over

    void wait() const { team->wait(thread == 0); }
    const losslab_layer &layer(int64_t l) const { return net->plan->layers[l]; }
    const Value &value(int64_t v) const { return net->values[v]; }
    int64_t rows_in(int64_t p) const { return smaller(panel, count - p * panel); }
    int64_t width(int64_t p) const { return rounded_up(rows_in(p), int64_t(LANES<T>)); }
    T *at(int64_t v, int64_t p) const { return arena + value(v).at + p * panel * value(v).features; }
    T *gradient(int64_t v, int64_t p) const { return arena + value(v).gradient + p * panel * value(v).features; }
    T *exchanged(int64_t v, int64_t q) const { return arena + value(v).exchanged + q * PANEL<T> * count; }
    T *parameter_gradient(int64_t at) const { return arena + net->gradient + at; }
    int64_t begin(int64_t n) const { return n * thread / threads; }      // this thread's share of n things
    int64_t end(int64_t n) const { return n * (thread + 1) / threads; }
};

template <class T> INLINE int64_t exchanged_width(int64_t features, int64_t q) {
    return rounded_up(smaller(PANEL<T>, features - q * PANEL<T>), int64_t(LANES<T>));
}

// The sum over the rows of a batch of at(p)(r), row r of panel p. Row i is added to sum i % LANES, wherever panels are
// cut.
template <class A, class T, class At> INLINE A sum_over_rows(const Run<T> &run, const At &at) {
    constexpr int64_t L = LANES<T>;
    A sum[L] = {};
    for (int64_t p = 0; p < run.panels; p++) {
        const auto number = at(p);
        const int64_t rows = run.rows_in(p), whole = rows / L * L;
        for (int64_t r = 0; r < whole; r += L) {
#pragma omp simd
            for (int64_t i = 0; i < L; i++) sum[i] += number(r + i);
        }
        for (int64_t i = 0; i < rows - whole; i++) sum[i] += number(whole + i);
    }
    for (int64_t half = L / 2; half > 0; half /= 2) {
        for (int64_t i = 0; i < half; i++) sum[i] += sum[i + half];
    }
    return sum[0];
}

// Lays a network out in `memory`, or only counts: returns the bytes that the description needs.
int64_t describe(const losslab_plan &plan, int64_t rows, bool training, void *memory, Network *net);

// One panel of one layer: its value; the gradient of its sources. Norms over rows have their statistics before.
template <class T> void forward_panel(const Run<T> &run, int64_t l, int64_t p);
template <class T> void backward_panel(const Run<T> &run, int64_t l, int64_t p);

// This thread's share of the gradient of a layer's parameters, from all panels.
template <class T> void parameter_gradient(const Run<T> &run, int64_t l);

template <class T> void batch_norm_statistics(const Run<T> &run, int64_t l);
template <class T> void batch_norm_sums(const Run<T> &run, int64_t l);  // and the gradient of weight and bias

// Rows of X, `wide` numbers each: as value 0, and exchanged. `rows` is null where they follow each other.
template <class T> void take_rows(const Run<T> &run, int64_t p, const T *X, const int64_t *rows);

// Targets of a panel, its losses, and the gradient of the output. `divisor` is known before.
template <class T> double loss_divisor(const Run<T> &run);
template <class T> void loss_panel(const Run<T> &run, int64_t p);
template <class T> double mean_loss(const Run<T> &run);

// This thread's share of the update; says in the team where the gradient is not finite. Ends at a barrier.
template <class T> void update(const Run<T> &run, const uint8_t *penalised, double lr_factor);

}  // namespace losslab
