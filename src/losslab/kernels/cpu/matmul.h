// Products of small matrices, in cache.
#pragma once
#include "port.h"

namespace losslab {

// C (M x N) = A (M x K) B (K x N), plus what C held where `add`. A's element (m, k) is at m * a_row + k * a_column and is
// read one number at a time, so that A may be transposed; rows of B and C are contiguous, b_row and c_row apart. With
// `bias` (M), row m of C begins at bias[m] instead of 0.
template <class T>
void matmul(int64_t M, int64_t N, int64_t K, const T *A, int64_t a_row, int64_t a_column, const T *B, int64_t b_row,
            T *C, int64_t c_row, bool add, const T *bias);

// out (columns x rows) = in (rows x columns), transposed.
template <class T>
void transpose(int64_t rows, int64_t columns, const T *in, int64_t in_row, T *out, int64_t out_row);

}  // namespace losslab
