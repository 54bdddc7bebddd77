// Whole epochs of many members. Members are shared out over the threads; those that are left are run by all together,
// who cut the rows of a batch, and then the parameters, between them.
#include "plan.h"

#include <cmath>

#include "network.h"
#include "threads.h"

namespace losslab {
namespace {

template <class T> bool all_finite(const T *numbers, int64_t n) {
    T spoiled = 0;
    for (int64_t i = 0; i < n; i++) spoiled += numbers[i] - numbers[i];
    return spoiled == 0;
}

template <class T> void take_input(const Run<T> &run, int64_t p) {
    take_rows(run, p, static_cast<const T *>(run.member->X), run.rows);
}

// The layers between two norms over rows, panel by panel; a norm waits for all rows.
template <class T> void there_and_back(const Run<T> &run) {
    const losslab_plan &plan = *run.net->plan;
    const auto waits = [&](int64_t l) { return plan.layers[l].kind == LOSSLAB_BATCH_NORM && run.net->steps[l].needed; };
    const bool first_waits = waits(0);
    for (int64_t p = run.begin(run.panels); first_waits && p < run.end(run.panels); p++) take_input(run, p);
    for (int64_t from = 0, to = 0; from < plan.count; from = to) {
        if (waits(from)) {
            run.wait();
            batch_norm_statistics(run, from);
            run.wait();
        }
        for (to = from + 1; to < plan.count && !waits(to);) to++;
        for (int64_t p = run.begin(run.panels); p < run.end(run.panels); p++) {
            if (!from && !first_waits) take_input(run, p);
            for (int64_t l = from; l < to; l++) {
                if (run.net->steps[l].needed) forward_panel(run, l, p);
            }
            if (to == plan.count) loss_panel(run, p);
        }
    }
    for (int64_t from = plan.count - 1, to = 0; from >= 0; from = to - 1) {
        if (waits(from)) {
            run.wait();
            batch_norm_sums(run, from);
            run.wait();
        }
        for (to = from; to > 0 && !waits(to - 1);) to--;
        for (int64_t p = run.begin(run.panels); p < run.end(run.panels); p++) {
            for (int64_t l = from; l >= to; l--) {
                if (run.net->steps[l].needed) backward_panel(run, l, p);
            }
        }
    }
    run.wait();
}

// The first layer whose numbers are not finite, on the way there and then back; `count` for the loss; -1: none.
template <class T> int32_t where_broken(const Run<T> &run) {
    const losslab_plan &plan = *run.net->plan;
    const auto whole = [&](const T *(*at)(const Run<T> &, int64_t, int64_t), int64_t v) {
        for (int64_t p = 0; p < run.panels; p++) {
            for (int64_t f = 0; f < run.value(v).features; f++) {
                if (!all_finite(at(run, v, p) + f * run.width(p), run.rows_in(p))) return false;
            }
        }
        return true;
    };
    const auto output = [](const Run<T> &r, int64_t v, int64_t p) -> const T * { return r.at(v, p); };
    const auto gradient = [](const Run<T> &r, int64_t v, int64_t p) -> const T * { return r.gradient(v, p); };
    if (!whole(output, 0)) return -1;
    for (int64_t l = 0; l < plan.count; l++) {
        if (run.net->steps[l].needed && !whole(output, l + 1)) return int32_t(l);
    }
    if (!std::isfinite(mean_loss(run)) || !whole(gradient, plan.count)) return plan.count;
    for (int64_t l = plan.count - 1; l > 0; l--) {
        const int32_t source = plan.layers[l].source;
        if (run.net->steps[l].needed && run.value(source).wants && !whole(gradient, source)) return int32_t(l);
    }
    for (int64_t l = plan.count - 1; l >= 0; l--) {
        const losslab_layer &layer = plan.layers[l];
        const bool linear = layer.kind == LOSSLAB_LINEAR;
        const int64_t levels = linear ? layer.in : layer.kind == LOSSLAB_EMBEDDING ? layer.extra : 1;
        const bool weight = layer.weight < 0 || all_finite(run.parameter_gradient(layer.weight), layer.out * levels);
        const bool bias = layer.bias < 0 || all_finite(run.parameter_gradient(layer.bias), layer.out);
        if (run.net->steps[l].needed && !(weight && bias)) return int32_t(l);
    }
    return -1;
}

constexpr int MOST_LATE = 2;  // then neighbours keep a thread off its core, and the first one goes on alone

// All steps of one member, by one thread or, each with a `run` of its own, by a team.
template <class T> void train(const losslab_epoch &epoch, Run<T> run) {
    losslab_member &member = *run.member;
    if (run.thread == 0) {
        member.broken_step = member.broken_layer = -1;
        run.team->spoiled.store(0, std::memory_order_relaxed);
        // what no layer uses has gradient 0
        std::memset(run.parameter_gradient(0), 0, size_t(run.net->plan->parameters) * sizeof(T));
    }
    run.wait();
    Team single;
    int late = 0;  // steps in a row in which the first thread waited for longer than all of them would take it alone
    for (int64_t s = 0; s < epoch.steps; s++) {
        const bool leads = run.threads > 1 && run.thread == 0;
        const double begin = leads ? Team::seconds() : 0;
        if (leads) run.team->waited = 0;
        run.rows = member.rows + epoch.batch[s];
        run.count = epoch.batch[s + 1] - epoch.batch[s];
        run.panel = PANEL<T>;
        if (run.threads > 1) {
            const int64_t share = (run.count + run.threads - 1) / run.threads;
            run.panel = smaller(run.panel, rounded_up(share, int64_t(LANES<T>)));
        }
        run.panels = (run.count + run.panel - 1) / run.panel;
        run.step = uint64_t(member.done + s);
        run.divisor = loss_divisor(run);
        there_and_back(run);
        for (int64_t l = 0; l < run.net->plan->count; l++) {
            if (run.net->steps[l].needed) parameter_gradient(run, l);
        }
        run.wait();
        if (run.thread == 0) {
            member.losses[s] = mean_loss(run);
            member.weights[s] = run.divisor;
        }
        if (leads) {
            const double waited = run.team->waited, worked = Team::seconds() - begin - waited;
            late = waited > worked * run.threads ? late + 1 : 0;
            run.team->dissolved = late == MOST_LATE;
        }
        update(run, epoch.penalised, member.lr_factor ? member.lr_factor[s] : 1);
        if (!run.team->spoiled.load(std::memory_order_relaxed)) {
            if (!run.team->dissolved) continue;
            if (run.thread) return;
            run.team = &single;
            run.threads = 1;
            continue;
        }
        if (run.thread == 0) {
            member.broken_step = int32_t(s);
            member.broken_layer = where_broken(run);
        }
        break;
    }
    run.wait();  // before another member takes the memory
}

struct Memory {
    Network net;
    char *arenas;
    int64_t arena_bytes;
};

Memory divide(const losslab_plan &plan, int64_t rows, bool training, void *workspace) {
    Memory memory{};
    const int64_t head = describe(plan, rows, training, nullptr, nullptr);
    describe(plan, rows, training, workspace, &memory.net);
    memory.arenas = static_cast<char *>(workspace) + head;
    memory.arena_bytes = memory.net.arena * (plan.dtype == LOSSLAB_F64 ? 8 : 4);
    return memory;
}

template <class T> Run<T> begin_run(const Memory &memory, int64_t arena) {
    Run<T> run{};
    run.net = &memory.net;
    run.arena = reinterpret_cast<T *>(memory.arenas + arena * memory.arena_bytes);
    run.threads = 1;
    return run;
}

template <class T> void take_member(Run<T> &run, losslab_member &member) {
    run.member = &member;
    run.param = static_cast<T *>(member.param);
    run.constant = static_cast<T *>(member.constant);
}

constexpr double TEAM_WORK = 2e6;  // multiply-adds of a step below which a second thread saves less than it may cost

// Whether a step of a member with so many rows is enough work for a team.
bool enough(const losslab_plan &plan, int64_t rows) {
    double each = 0;
    for (int64_t l = 0; l < plan.count; l++) {
        const losslab_layer &layer = plan.layers[l];
        each += double(layer.out) * (layer.kind == LOSSLAB_LINEAR ? 3 * double(layer.in) : 16);
    }
    return each * double(rows) >= TEAM_WORK;
}

template <class T> void run_epoch(const losslab_epoch &epoch) {
    int64_t rows = 1;
    for (int64_t s = 0; s < epoch.steps; s++) rows = larger(rows, epoch.batch[s + 1] - epoch.batch[s]);
    const Memory memory = divide(*epoch.plan, rows, true, epoch.workspace);
    const bool teams = epoch.together || enough(*epoch.plan, rows);
    const int32_t asked = larger(epoch.threads, 1);
    const int32_t threads = teams ? asked : int32_t(smaller(int64_t(asked), epoch.count));
    const int64_t alone = teams ? epoch.count - epoch.count % threads : epoch.count;
    Team team;
#pragma omp parallel num_threads(threads)
    {
        const int32_t found = int32_t(team_size()), number = int32_t(thread_number());
        Team single;
        Run<T> run = begin_run<T>(memory, number);
        run.team = &single;
        const int64_t solo = found == threads ? alone : epoch.count;  // fewer threads than asked for: no team
        for (int64_t k = number; k < solo; k += found) {
            take_member(run, epoch.members[k]);
            train(epoch, run);
        }
        if (number == 0) team.threads = threads;
#pragma omp barrier
        run = begin_run<T>(memory, 0);
        run.team = &team;
        run.thread = number;
        run.threads = threads;
        for (int64_t k = solo; k < epoch.count; k++) {
            if (team.dissolved) {
                if (number) break;
                run.team = &single;
                run.threads = 1;
            }
            take_member(run, epoch.members[k]);
            train(epoch, run);
        }
    }
}

// Evaluation goes through all layers with one panel of rows before it takes the next.
template <class T> void run_forward(const losslab_forward &forward) {
    const losslab_plan &plan = *forward.plan;
    const Memory memory = divide(plan, PANEL<T>, false, forward.workspace);
    const int64_t panels = (forward.rows + PANEL<T> - 1) / PANEL<T>, threads = larger(forward.threads, 1);
#pragma omp parallel num_threads(int32_t(threads))
    {
        Run<T> run = begin_run<T>(memory, thread_number());
        const int64_t all = forward.count * panels, found = team_size(), number = thread_number();
        for (int64_t i = all * number / found; i < all * (number + 1) / found; i++) {
            const int64_t k = i / panels, first = i % panels * PANEL<T>;
            run.param = const_cast<T *>(static_cast<const T *>(forward.param)) + k * plan.parameters;
            run.constant = const_cast<T *>(static_cast<const T *>(forward.constant)) + k * plan.constants;
            run.count = run.panel = smaller(PANEL<T>, forward.rows - first);
            run.panels = 1;
            const int64_t row = (forward.shared ? 0 : k * forward.rows) + first;
            take_rows<T>(run, 0, static_cast<const T *>(forward.X) + row * plan.features, nullptr);
            for (int64_t l = 0; l < plan.count; l++) {
                if (memory.net.steps[l].needed) forward_panel(run, l, 0);
            }
            T *to = static_cast<T *>(forward.output) + (k * forward.rows + first) * plan.outputs;
            const T *from = run.at(plan.count, 0);
            for (int64_t r = 0; r < run.count; r++) {
                for (int64_t f = 0; f < plan.outputs; f++) to[r * plan.outputs + f] = from[f * run.width(0) + r];
            }
        }
    }
}

}  // namespace
}  // namespace losslab

using namespace losslab;

int64_t losslab_plan_workspace(const losslab_plan *plan, int64_t, int64_t rows, int32_t threads) {
    const int64_t head = describe(*plan, rows, true, nullptr, nullptr);
    int64_t most = 0;
    char *memory = new char[size_t(head) + 64];
    for (int turn = 0; turn < 2; turn++) {
        const bool training = turn;
        Network net;
        describe(*plan, training ? rows : 64, training, memory, &net);
        most = larger(most, net.arena);
    }
    delete[] memory;
    return head + most * (plan->dtype == LOSSLAB_F64 ? 8 : 4) * larger(threads, 1);
}

int32_t losslab_plan_run(losslab_epoch *epoch) {
    if (epoch->plan->dtype == LOSSLAB_F64) {
        run_epoch<double>(*epoch);
    } else {
        run_epoch<float>(*epoch);
    }
    return 0;
}

int32_t losslab_plan_forward(losslab_forward *forward) {
    if (forward->plan->dtype == LOSSLAB_F64) {
        run_forward<double>(*forward);
    } else {
        run_forward<float>(*forward);
    }
    return 0;
}
