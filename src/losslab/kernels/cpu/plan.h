// The native plan: a network as a list of layers, and whole epochs of many members that run it. C interface.
//
// A network computes values: value 0 is the input, and each layer makes the next. Inside, a value (features x rows of
// the batch) has its rows side by side; what Python gives and gets is torch's (rows x features).
#pragma once
#include "losslab.h"

enum losslab_layer_kind {
    LOSSLAB_LINEAR = 0,      // weight (out x in), bias (out) or -1
    LOSSLAB_RELU = 1,
    LOSSLAB_LEAKY_RELU = 2,  // a: the slope below 0
    LOSSLAB_GELU = 3,        // a: 0 exact, 1 the tanh form
    LOSSLAB_SILU = 4,
    LOSSLAB_TANH = 5,
    LOSSLAB_SIGMOID = 6,
    LOSSLAB_DROPOUT = 7,     // a: p; extra: which dropout of the network this is, from 0
    LOSSLAB_LAYER_NORM = 8,  // weight, bias (features) or -1; a: eps
    LOSSLAB_BATCH_NORM = 9,  // weight, bias or -1; a: eps; b: momentum; constant: running mean, then variance, or -1
    LOSSLAB_ADD = 10,        // source + other
    LOSSLAB_EMBEDDING = 11,  // weight (levels x out); extra: levels; source is one feature that holds codes as numbers
    LOSSLAB_CONCAT = 12,     // source, other: features of one after those of the other
    LOSSLAB_SELECT = 13,     // columns[first .. first + out] of the source
};

struct losslab_layer {
    int32_t kind;
    int32_t source, other;     // values; other is -1 where there is one source. The layer's own value is its place + 1
    int32_t unused;
    int64_t in, out;           // features of source and of the layer's own value
    int64_t weight, bias;      // where they begin in a member's parameters, or -1
    int64_t constant;          // where its constants begin in a member's constants, or -1
    int64_t extra, first;
    double a, b;
};

struct losslab_plan {
    const struct losslab_layer *layers;
    const int64_t *columns;    // of all SELECT layers
    int32_t count;             // of layers; the last one makes the output
    int32_t dtype;             // F32 or F64: of parameters, constants, X, weights
    int64_t features, outputs; // of the input and of the output
    int64_t parameters, constants;  // numbers of one member
};

// One member during some steps. Everything is the caller's memory.
struct losslab_member {
    void *param;               // (parameters)
    void *state[4];            // of its update rule, (parameters) each, or null
    void *constant;            // (constants) or null
    void *average;             // the mean of the weights (parameters), or null
    const void *X;             // (N, features)
    const void *y;             // pointwise: (N, outputs) of the plan's dtype; rowwise: (N) int64 labels
    const void *row_weight;    // (N) of the plan's dtype, or null
    const int64_t *rows;       // the rows of these steps, one batch after the other
    const double *params;      // of the loss
    const void *class_weight, *per_class;  // (outputs) of the plan's dtype, or null
    const double *hyper;       // of the update rule
    const double *lr_factor;   // (steps) of the schedule, or null
    double clip_norm, clip_value;  // infinity: no bound
    double l1, l2;
    double average_share;      // of a step's weights in the mean (1 - decay)
    uint64_t key;              // of its random numbers: dropout's step is the number of steps behind it, from 0
    int64_t done;              // steps behind it: bias corrections, dropout and the first mean read it
    int32_t rowwise, loss;     // which kernel
    int32_t rule;
    uint32_t options;
    double *losses, *weights;  // (steps) out: the mean loss of each step without penalties, and what it is a mean over
    int32_t broken_step;       // out: the first of these steps whose gradient is not finite, or -1; the last one made
    int32_t broken_layer;      // out: where that began: the layer, or `count` for the loss, or -1 for the input
};

struct losslab_epoch {
    const struct losslab_plan *plan;
    struct losslab_member *members;
    const int64_t *batch;      // (steps + 1): step s has rows[batch[s] .. batch[s + 1]]
    const uint8_t *penalised;  // (parameters): 1 where l1 and l2 act
    void *workspace;           // losslab_plan_workspace(...) bytes, 64-byte aligned
    int64_t count;             // of members
    int64_t steps;
    int32_t threads;
    int32_t together;          // 1: all threads take members that are left over, however short their steps are
};

struct losslab_forward {
    const struct losslab_plan *plan;
    const void *param;         // (K, parameters)
    const void *constant;      // (K, constants) or null
    const void *X;             // (n, features), or (K, n, features) where not shared
    void *output;              // (K, n, outputs)
    void *workspace;
    int64_t count, rows, shared;
    int32_t threads, unused;
};

// Bytes of workspace for batches of at most `rows` rows; the same serves evaluation, of any number of rows. Labels of
// rows whose weight is not 0 are in range, and codes of an embedding below `extra`.
LOSSLAB_API int64_t losslab_plan_workspace(const struct losslab_plan *, int64_t count, int64_t rows, int32_t threads);
LOSSLAB_API int32_t losslab_plan_run(struct losslab_epoch *);
LOSSLAB_API int32_t losslab_plan_forward(struct losslab_forward *);
