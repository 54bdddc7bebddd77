// What a plan needs to know of its network before it runs: which values and gradients are needed, and where they lie.
#include "network.h"

namespace losslab {
namespace {

// Whether a layer's derivative follows from its output alone, so that it may overwrite its source.
bool from_output(int32_t kind) {
    return kind == LOSSLAB_RELU || kind == LOSSLAB_LEAKY_RELU || kind == LOSSLAB_TANH || kind == LOSSLAB_SIGMOID ||
           kind == LOSSLAB_DROPOUT;
}

// Whether the layer after may overwrite this one's output: its derivative reads nothing but, at most, the sign of it,
// and dropout leaves that where a gradient comes back.
bool may_be_overwritten(int32_t kind, int32_t by) {
    if (kind == LOSSLAB_TANH || kind == LOSSLAB_SIGMOID) return false;
    if (kind == LOSSLAB_RELU || kind == LOSSLAB_LEAKY_RELU) return by == LOSSLAB_DROPOUT;
    return true;
}

void mark(const losslab_plan &plan, Network &net) {
    for (int64_t v = 0; v <= plan.count; v++) {
        net.values[v] = Value{v ? plan.layers[v - 1].out : plan.features, -1, -1, -1, 0, false, false};
    }
    net.values[plan.count].needed = true;
    for (int64_t l = plan.count - 1; l >= 0; l--) {
        const losslab_layer &layer = plan.layers[l];
        net.steps[l] = Step{};
        net.steps[l].statistics = -1;
        net.steps[l].needed = net.values[l + 1].needed;
        if (!net.steps[l].needed) continue;
        const int32_t sources[] = {layer.source, layer.other};
        for (const int32_t source : sources) {
            if (source < 0) continue;
            net.steps[l].first_source |= source == layer.source && !net.values[source].consumers;
            net.steps[l].first_other |= source == layer.other && !net.values[source].consumers;
            net.values[source].needed = true;
            net.values[source].consumers++;
        }
        if (layer.source == layer.other) net.steps[l].first_other = false;
    }
    for (int64_t l = 0; l < plan.count; l++) {
        const losslab_layer &layer = plan.layers[l];
        net.values[l + 1].wants = layer.weight >= 0 || layer.bias >= 0 || net.values[layer.source].wants ||
                                  (layer.other >= 0 && net.values[layer.other].wants);
    }
}

// Which layers overwrite their source, and which a product does on its way.
void fuse(const losslab_plan &plan, Network &net) {
    for (int64_t l = 0; l < plan.count; l++) {
        const losslab_layer &layer = plan.layers[l];
        Step &step = net.steps[l];
        const int32_t before = layer.source ? plan.layers[layer.source - 1].kind : -1;
        const bool only = net.values[layer.source].consumers == 1;
        if (!step.needed || !layer.source || !only || !from_output(layer.kind)) continue;
        step.in_place = may_be_overwritten(before, layer.kind);
        const bool next = layer.source == l;  // right after its source
        step.fused_forward = next && step.in_place && layer.kind == LOSSLAB_RELU && before == LOSSLAB_LINEAR;
    }
    for (int64_t l = 0; l < plan.count; l++) {  // a ReLU whose gradient one Linear makes
        const losslab_layer &layer = plan.layers[l];
        if (!net.steps[l].needed || layer.kind != LOSSLAB_LINEAR || !layer.source) continue;
        Step &before = net.steps[layer.source - 1];
        before.fused_backward = plan.layers[layer.source - 1].kind == LOSSLAB_RELU && before.in_place &&
                                net.values[layer.source].consumers == 1;
    }
}

}  // namespace

int64_t describe(const losslab_plan &plan, int64_t rows, bool training, void *memory, Network *out) {
    const int64_t values = rounded_up(int64_t(sizeof(Value)) * (plan.count + 1), int64_t(64));
    const int64_t bytes = values + rounded_up(int64_t(sizeof(Step)) * plan.count, int64_t(64));
    if (!memory) return bytes;
    Network &net = *out;
    const int64_t number = plan.dtype == LOSSLAB_F64 ? 8 : 4, unit = 64 / number;
    net = Network{};
    net.plan = &plan;
    net.values = static_cast<Value *>(memory);
    net.steps = reinterpret_cast<Step *>(static_cast<char *>(memory) + values);
    net.training = training;
    const int64_t whole = rounded_up(rows, unit);
    net.rows = whole;
    mark(plan, net);
    fuse(plan, net);
    int64_t used = 0;
    // A line between neighbours, so that arrays of whole pages do not compete for the same places in the cache.
    const auto place = [&](int64_t count) {
        const int64_t at = used;
        used += rounded_up(count, unit) + unit;
        return at;
    };
    for (int64_t v = 0; v <= plan.count; v++) {
        Value &value = net.values[v];
        if (!value.needed && v) continue;
        const bool shares = v && net.steps[v - 1].in_place;
        const Value *source = v ? &net.values[plan.layers[v - 1].source] : nullptr;
        value.at = shares ? source->at : place(value.features * whole);
        if (!training) continue;
        const bool both = shares && source->gradient >= 0;
        if (value.wants) value.gradient = both ? source->gradient : place(value.features * whole);
    }
    if (training) {
        net.values[0].exchanged = place(rounded_up(plan.features, unit) * whole);
        for (int64_t l = 0; l < plan.count; l++) {
            const losslab_layer &layer = plan.layers[l];
            if (!net.steps[l].needed || layer.kind != LOSSLAB_LINEAR) continue;
            if (net.values[layer.source].exchanged >= 0) continue;
            net.values[layer.source].exchanged = place(rounded_up(layer.in, unit) * whole);
            net.steps[l].exchanges = true;
        }
        net.gradient = place(plan.parameters);
        net.target = place(plan.outputs * whole);
        net.weight = place(whole);
        net.label = place(whole * 8 / number);
        net.each = place(plan.outputs * whole);
        net.squares = place((plan.parameters / CHUNK + 1) * 8 / number);
    } else {
        net.values[0].exchanged = place(rounded_up(plan.features, unit) * whole);
    }
    for (int64_t l = 0; l < plan.count; l++) {
        const int32_t kind = plan.layers[l].kind;
        if (kind == LOSSLAB_LAYER_NORM) net.steps[l].statistics = place(2 * whole);
        if (kind == LOSSLAB_BATCH_NORM) net.steps[l].statistics = place(4 * plan.layers[l].out);
    }
    net.arena = used;
    return bytes;
}

}  // namespace losslab
