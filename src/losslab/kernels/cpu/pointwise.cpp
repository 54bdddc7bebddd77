// What all pointwise losses share: the list of them, weights and sums, and the call from Python.
#include <cstdlib>

#include "pointdata.h"
#include "pointloop.h"

namespace losslab {
namespace {

constexpr int64_t BLOCK = 4096;            // elements of one partial sum: cut by position, whatever the threads
constexpr int64_t ONE_THREAD = 64 * 1024;  // elements below which a second thread costs more than it does
constexpr int64_t FEW = 64;                // partial sums that need no memory of their own

struct Sums {
    double loss, weight, kept;
};

// Weights of the elements kept: null where all count one.
template <class T>
const T *weights_of(const losslab_pointwise &call, int64_t first, int64_t count, T *buffer) {
    const T *weight = static_cast<const T *>(call.weight);
    if (weight) weight += first;
    if (!call.mask) return weight;
    const uint8_t *mask = call.mask + first;
    if (weight) {
        for (int64_t i = 0; i < count; ++i) buffer[i] = mask[i] ? weight[i] : T(0);
    } else {
        for (int64_t i = 0; i < count; ++i) buffer[i] = mask[i] ? T(1) : T(0);
    }
    return buffer;
}

template <class T> void count_weights(const losslab_pointwise &call, int64_t first, int64_t count, const T *weight, Sums &sums) {
    double total = 0;
    int64_t kept = 0;
    if (weight) {
#pragma omp simd reduction(+ : total)
        for (int64_t i = 0; i < count; ++i) total += double(weight[i]);
    }
    if (call.mask) {
        const uint8_t *mask = call.mask + first;
        for (int64_t i = 0; i < count; ++i) kept += mask[i] != 0;
    }
    sums.kept = call.mask ? double(kept) : double(count);
    sums.weight = weight ? total : sums.kept;
}

// One block of one member; `scale` is that of its gradient.
template <class T> void run_block(const losslab_pointwise &call, const PointEntry &entry, int64_t member, int64_t begin,
                                  int64_t count, const T *weight, T scale, Sums &sums) {
    alignas(64) T inputs[BLOCK], targets[BLOCK];
    const int64_t first = member * call.count + begin;
    const int64_t target_first = call.target_shared ? begin : first;
    const int32_t own = sizeof(T) == 4 ? LOSSLAB_F32 : LOSSLAB_F64;
    PointBlock<T> block;
    block.input = numbers_as<T>(call.input, call.input_dtype, first, count, inputs);
    block.target = numbers_as<T>(call.target, call.target_dtype, target_first, count, targets);
    block.weight = weight;
    block.value = call.value ? static_cast<T *>(call.value) + first : nullptr;
    const bool direct = call.input_dtype == own;
    T *gradient = direct ? static_cast<T *>(call.gradient) + first : inputs;
    block.gradient = call.gradient ? gradient : nullptr;
    block.scale = scale;
    block.count = count;
    int32_t places = 0;  // parameters of one member
    for (const char *at = entry.params; *at; ++at) places += *at == ',';
    places += *entry.params ? 1 : 0;
    const double *params = call.params ? call.params + member * places : nullptr;
    if constexpr (sizeof(T) == 4) {
        sums.loss = entry.in_float(block, params);
        if (call.gradient && !direct) write_halves(block.gradient, count, call.gradient, call.input_dtype, first);
    } else {
        sums.loss = entry.in_double(block, params);
    }
}

template <class T> int32_t run(const losslab_pointwise &call, const PointEntry &entry) {
    const int64_t blocks = (call.count + BLOCK - 1) / BLOCK, all = call.members * blocks;
    Sums few[FEW], *parts = few;
    if (all > FEW) parts = static_cast<Sums *>(std::malloc(size_t(all) * sizeof(Sums)));
    if (!parts) return -1;
    const int threads = call.members * call.count < ONE_THREAD ? 1 : int(call.threads);
    // Where weights decide what the gradient is divided by, they are added up first.
    const bool weighs = (call.weight || call.mask) && call.gradient && call.divide != LOSSLAB_BY_NOTHING;
    for (int pass = weighs ? 0 : 1; pass < 2; ++pass) {
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
        for (int64_t part = 0; part < all; ++part) {
            alignas(64) T weights[BLOCK];
            const int64_t member = part / blocks, begin = part % blocks * BLOCK;
            const int64_t count = smaller(call.count - begin, BLOCK), first = member * call.count + begin;
            const T *weight = weights_of(call, first, count, weights);
            if (pass == 0 || !weighs) count_weights(call, first, count, weight, parts[part]);
            if (pass == 0) continue;
            double divisor = 1;
            if (call.divide == LOSSLAB_BY_COUNT) divisor = weighs ? call.sums[3 * member + 2] : double(call.count);
            if (call.divide == LOSSLAB_BY_WEIGHT) divisor = weighs ? call.sums[3 * member + 1] : double(call.count);
            run_block<T>(call, entry, member, begin, count, weight, T(divisor == 0 ? 0 : 1 / divisor), parts[part]);
        }
        for (int64_t member = 0; member < call.members; ++member) {
            Sums total = {0, 0, 0};
            for (int64_t part = member * blocks; part < (member + 1) * blocks; ++part) {
                total.loss += pass ? parts[part].loss : 0;
                total.weight += parts[part].weight;
                total.kept += parts[part].kept;
            }
            call.sums[3 * member] = total.loss;
            call.sums[3 * member + 1] = total.weight;
            call.sums[3 * member + 2] = total.kept;
        }
    }
    if (parts != few) std::free(parts);
    return 0;
}

}  // namespace

template <class T>
double point_finish(const PointBlock<T> &block, int64_t first, int64_t count, const T *value, const T *slope) {
    const T *weight = block.weight ? block.weight + first : nullptr;
    double sum = 0;
    if (weight) {
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < count; ++i) sum += double(weight[i] == T(0) ? T(0) : weight[i] * value[i]);
    } else {
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < count; ++i) sum += double(value[i]);
    }
    if (block.value) {
        T *out = block.value + first;
#pragma omp simd
        for (int64_t i = 0; i < count; ++i) {
            T w = weight ? weight[i] : T(1);
            out[i] = w == T(0) ? T(0) : w * value[i];
        }
    }
    if (block.gradient) {
        T *out = block.gradient + first;
        const T scale = block.scale;
#pragma omp simd
        for (int64_t i = 0; i < count; ++i) {
            T w = weight ? weight[i] : T(1), d = value[i] == value[i] ? slope[i] : value[i];
            out[i] = w == T(0) ? T(0) : scale * (w * d);
        }
    }
    return sum;
}

template double point_finish(const PointBlock<float> &, int64_t, int64_t, const float *, const float *);
template double point_finish(const PointBlock<double> &, int64_t, int64_t, const double *, const double *);

const PointEntry *pointwise_entry(int32_t loss) {
    static const PointEntry *const lists[] = {POINT_REGRESSION, POINT_RELATIVE, POINT_ROBUST, POINT_LIKELIHOOD,
                                              POINT_COUNTS,     POINT_BINARY,   POINT_FOCAL,  POINT_MARGINS};
    if (loss < 0) return nullptr;
    for (const PointEntry *list : lists) {
        for (; list->name; ++list) {
            if (loss-- == 0) return list;
        }
    }
    return nullptr;
}

}  // namespace losslab

int32_t losslab_pointwise_find(const char *name) {
    for (int32_t loss = 0; const losslab::PointEntry *entry = losslab::pointwise_entry(loss); ++loss) {
        if (!std::strcmp(entry->name, name)) return loss;
    }
    return -1;
}

const char *losslab_pointwise_params(int32_t loss) {
    const losslab::PointEntry *entry = losslab::pointwise_entry(loss);
    return entry ? entry->params : nullptr;
}

const char *losslab_pointwise_name(int32_t loss) {
    const losslab::PointEntry *entry = losslab::pointwise_entry(loss);
    return entry ? entry->name : nullptr;
}

// 0; -1: no memory for the partial sums; -2: no such loss or type.
int32_t losslab_pointwise_run(losslab_pointwise *call) {
    const losslab::PointEntry *entry = losslab::pointwise_entry(call->loss);
    if (!entry || call->input_dtype < 0 || call->input_dtype > LOSSLAB_F16) return -2;
    bool in_double = call->input_dtype == LOSSLAB_F64;
    return in_double ? losslab::run<double>(*call, *entry) : losslab::run<float>(*call, *entry);
}
