// Updates that Python calls: K members, cut into pieces that threads share out.
#include "updates.h"

#include "losslab.h"

namespace losslab {
namespace {

constexpr int64_t PIECE = 16384;      // parameters: what one thread takes at a time
constexpr int64_t ALONE = 65536;      // below so many in all, starting threads costs more than they save

int32_t length(const UpdateEntry *table) {
    int32_t count = 0;
    while (table[count].name) count++;
    return count;
}

int64_t names(const char *text) {  // how many there are, with commas between them
    int64_t count = 1;
    for (; *text; text++) count += *text == ',';
    return count;
}

template <class T>
void run_piece(const losslab_update &call, UpdateFunction<T> update, int64_t hyper, int64_t member, int64_t first) {
    UpdateBlock<T> block;
    const int64_t row = member * call.stride + first, kept = member * call.count + first;
    block.param = static_cast<T *>(call.param) + row;
    block.gradient = static_cast<const T *>(call.gradient) + row;
    for (int k = 0; k < MOST_STATES; k++) {
        T *all = static_cast<T *>(call.state[k]);
        block.state[k] = all ? all + kept : nullptr;
    }
    block.count = smaller<int64_t>(PIECE, call.count - first);
    block.hyper = call.hyper + member * hyper;
    block.step = call.step[member];
    block.lr_factor = call.lr_factor ? call.lr_factor[member] : 1;
    block.options = call.options;
    update(block);
}

template <class T> void run(const losslab_update &call, UpdateFunction<T> update, int64_t hyper) {
    const int64_t pieces = (call.count + PIECE - 1) / PIECE, all = call.members * pieces;
    const int threads = call.members * call.count < ALONE ? 1 : int(smaller<int64_t>(call.threads, all));
    if (threads <= 1) {
        for (int64_t i = 0; i < all; i++) run_piece(call, update, hyper, i / pieces, i % pieces * PIECE);
        return;
    }
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t i = 0; i < all; i++) run_piece(call, update, hyper, i / pieces, i % pieces * PIECE);
}

}  // namespace

const UpdateEntry *update_entry(int32_t rule) {
    const int32_t moments = length(MOMENT_RULES), plain = length(PLAIN_RULES);
    if (rule < 0 || rule >= moments + plain) return nullptr;
    return rule < moments ? MOMENT_RULES + rule : PLAIN_RULES + (rule - moments);
}

}  // namespace losslab

using losslab::update_entry;
using losslab::UpdateEntry;

int32_t losslab_update_find(const char *name) {
    for (int32_t rule = 0; const UpdateEntry *entry = update_entry(rule); rule++)
        if (std::strcmp(entry->name, name) == 0) return rule;
    return -1;
}

const char *losslab_update_name(int32_t rule) {
    const UpdateEntry *entry = update_entry(rule);
    return entry ? entry->name : nullptr;
}

const char *losslab_update_hyper(int32_t rule) {
    const UpdateEntry *entry = update_entry(rule);
    return entry ? entry->hyper : nullptr;
}

const char *losslab_update_options(int32_t rule) {
    const UpdateEntry *entry = update_entry(rule);
    return entry ? entry->options : nullptr;
}

const char *losslab_update_states(int32_t rule) {
    const UpdateEntry *entry = update_entry(rule);
    return entry ? entry->states : nullptr;
}

int32_t losslab_update_run(losslab_update *call) {
    const UpdateEntry *entry = update_entry(call->rule);
    if (!entry || (call->dtype != LOSSLAB_F32 && call->dtype != LOSSLAB_F64)) return -1;
    const int64_t hyper = losslab::names(entry->hyper);
    if (call->dtype == LOSSLAB_F32)
        losslab::run(*call, entry->in_float, hyper);
    else
        losslab::run(*call, entry->in_double, hyper);
    return 0;
}
