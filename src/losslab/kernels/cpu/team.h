// Threads that run one member together.
#pragma once
#include <sched.h>
#include <time.h>

#include <atomic>

#include "port.h"

namespace losslab {

// A barrier that spins for some microseconds and then lets others run: a busy neighbour costs a little, not a time
// slice at each step.
struct Team {
    alignas(64) std::atomic<int32_t> arrived{0};
    alignas(64) std::atomic<uint32_t> turn{0};
    alignas(64) std::atomic<int32_t> spoiled{0};  // somebody's share of the gradient is not finite
    alignas(64) bool dissolved = false;  // the first thread goes on alone; written before a barrier, read after it
    int32_t threads = 1;
    double waited = 0;  // seconds of the first thread

    void wait(bool first) {
        if (threads == 1) return;
        const double begin = first ? seconds() : 0;
        meet();
        if (first) waited += seconds() - begin;
    }

    static double seconds() {
        timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
    }

    void meet() {
        const uint32_t mine = turn.load(std::memory_order_relaxed);
        if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == threads) {
            arrived.store(0, std::memory_order_relaxed);
            turn.store(mine + 1, std::memory_order_release);
            return;
        }
        for (int spins = 0; turn.load(std::memory_order_acquire) == mine; spins++) {
            if (spins < 200) {
#if defined(__x86_64__)
                __builtin_ia32_pause();
#endif
            } else {
                sched_yield();
            }
        }
    }
};

}  // namespace losslab
