// What a library says of itself before anything else is called.
#include "losslab.h"
#include "threads.h"

// Raised with every change of a struct or of a function's meaning; kernels/library.py has the same number.
LOSSLAB_API int32_t losslab_version() { return 1; }

// 0 where the compiler had no OpenMP: then one thread does all the work.
LOSSLAB_API int32_t losslab_openmp() {
#ifdef _OPENMP
    return 1;
#else
    return 0;
#endif
}

// How many threads really work where `threads` are asked for.
LOSSLAB_API int32_t losslab_team(int32_t threads) {
    int32_t team = 0;
#pragma omp parallel num_threads(threads) reduction(max : team)
    team = losslab::team_size();
    return team;
}

// A function of the OpenMP runtime that this library calls: a test looks whose it is. Null without OpenMP.
LOSSLAB_API void *losslab_runtime() {
#ifdef _OPENMP
    return reinterpret_cast<void *>(&omp_get_num_threads);
#else
    return nullptr;
#endif
}
