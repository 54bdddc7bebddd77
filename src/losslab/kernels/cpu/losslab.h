// The C interface: what Python calls. Plain data only, so that one build serves every version of Python and torch.
//
// Tensors are contiguous. "Computing type": double where the input is double, else float; half precisions are read and
// written as they are and computed in float.
#pragma once
#include <stdint.h>

#define LOSSLAB_API extern "C" __attribute__((visibility("default")))

enum losslab_dtype { LOSSLAB_F32 = 0, LOSSLAB_F64 = 1, LOSSLAB_BF16 = 2, LOSSLAB_F16 = 3 };
enum losslab_divide { LOSSLAB_BY_NOTHING = 0, LOSSLAB_BY_WEIGHT = 1, LOSSLAB_BY_COUNT = 2 };

// One call of a pointwise loss: K members of N elements each.
struct losslab_pointwise {
    int32_t loss;              // losslab_pointwise_find(name)
    int32_t input_dtype;       // enum losslab_dtype
    int32_t target_dtype;      // another one where the target has a type of its own (bool and integers are converted before)
    int32_t divide;            // what the gradient is divided by: enum losslab_divide
    int32_t threads;
    int64_t members, count;    // K, N
    const void *input;         // (K, N)
    const void *target;        // (K, N), or (N) where target_shared
    int64_t target_shared;
    const double *params;      // (K, P), in the order that losslab_pointwise_params(loss) names
    const void *weight;        // (K, N) of the computing type, or null; multiplies each element's loss
    const uint8_t *mask;       // (K, N), or null; 0 leaves the element out, whatever its numbers are
    void *value;               // (K, N) of the computing type, weighted; or null
    void *gradient;            // (K, N) of the input's type: d(weighted loss / divisor) / d(input); or null
    double *sums;              // (K, 3): sum of weighted losses, sum of weights of what is kept, how many are kept
};

// One call of a rowwise loss: K members, N = outer * inner rows of C classes; class c of row (o, i) of member k is at
// ((k * outer + o) * C + c) * inner + i. inner is 1 where the classes come last.
struct losslab_rowwise {
    int32_t loss;              // losslab_rowwise_find(name)
    int32_t input_dtype;
    int32_t divide;
    int32_t threads;
    int64_t members, outer, classes, inner;
    const void *input;         // (K, outer, C, inner)
    const int64_t *label;      // (K, outer, inner), or null with `soft`
    const void *soft;          // (K, outer, C, inner) of the computing type, or null: targets that are distributions
    int64_t target_shared;     // 1: the target has no K
    int64_t has_ignore, ignore_index;  // labels that leave their row out
    const double *params;      // (K, P)
    const void *class_weight;  // (C) of the computing type, or null: the option `weight`
    const void *per_class;     // (C) of the computing type, or null: the tensor that the loss needs by name
    int64_t per_class_of_member;  // 1: per_class is (K, C)
    const void *weight;        // (K, outer, inner) of the computing type, or null: sample_weight
    const uint8_t *mask;       // (K, outer, inner), or null
    void *value;               // (K, outer, inner) of the computing type, weighted; or null
    void *gradient;            // like the input, may be the input itself; or null
    double *sums;              // (K, 3): as above; the weights are sample_weight times what the loss itself counts with
    int64_t bad_row;           // out: the first row whose label is out of range, or -1. Then nothing else is defined
};

// One update of K members, in place.
struct losslab_update {
    int32_t rule;              // losslab_update_find(name)
    int32_t dtype;             // F32 or F64
    int32_t threads;
    uint32_t options;          // bit i: the i-th option that losslab_update_options(rule) names
    int64_t members, count;    // K, P
    void *param;               // (K, P), rows `stride` apart
    const void *gradient;      // (K, P), rows `stride` apart
    void *state[4];            // (K, P) each, no gaps, as losslab_update_states(rule) names them; null where not kept
    int64_t stride;
    const double *hyper;       // (K, H), in the order that losslab_update_hyper(rule) names
    const double *step;        // (K): the number of this step, from 1
    const double *lr_factor;   // (K): of a schedule, on the hyperparameter lr; or null
};

LOSSLAB_API int32_t losslab_pointwise_find(const char *name);          // -1: no such kernel
LOSSLAB_API const char *losslab_pointwise_params(int32_t loss);        // "delta" or "alpha,gamma"
LOSSLAB_API const char *losslab_pointwise_name(int32_t loss);          // null past the last
LOSSLAB_API int32_t losslab_pointwise_run(struct losslab_pointwise *);

LOSSLAB_API int32_t losslab_rowwise_find(const char *name);
LOSSLAB_API const char *losslab_rowwise_params(int32_t loss);
LOSSLAB_API const char *losslab_rowwise_name(int32_t loss);
LOSSLAB_API int32_t losslab_rowwise_traits(int32_t loss);              // see rowwise.h
LOSSLAB_API int32_t losslab_rowwise_run(struct losslab_rowwise *);

LOSSLAB_API int32_t losslab_update_find(const char *name);
LOSSLAB_API const char *losslab_update_hyper(int32_t rule);
LOSSLAB_API const char *losslab_update_options(int32_t rule);
LOSSLAB_API const char *losslab_update_states(int32_t rule);
LOSSLAB_API const char *losslab_update_name(int32_t rule);
LOSSLAB_API int32_t losslab_update_run(struct losslab_update *);
