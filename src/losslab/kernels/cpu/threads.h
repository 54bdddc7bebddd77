// The two functions of OpenMP that kernels call. Declared here, since a compiler may understand OpenMP without having its
// header, and may be without OpenMP: then there is one thread.
#pragma once

#ifdef _OPENMP
extern "C" int omp_get_thread_num(void);
extern "C" int omp_get_num_threads(void);
#endif

namespace losslab {

#ifdef _OPENMP
inline int thread_number() { return omp_get_thread_num(); }
inline int team_size() { return omp_get_num_threads(); }
#else
inline int thread_number() { return 0; }
inline int team_size() { return 1; }
#endif

}  // namespace losslab
