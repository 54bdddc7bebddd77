// Products of small matrices, in cache.
#pragma once
#include "port.h"

namespace losslab {

// What is done to a product while it is still in registers.
enum FinishKind { FINISH_NOTHING, FINISH_RELU, FINISH_WHERE_POSITIVE };

template <class T> struct Finish {
    FinishKind kind = FINISH_NOTHING;
    const T *output = nullptr;  // WHERE_POSITIVE: of a ReLU, laid out as C; where it is 0 the product becomes 0
};

// C (M x N) = A (M x K) B (K x N), plus what C held where `add`. A's element (m, k) is at m * a_row + k * a_column and
// is read one number at a time, so that A may be transposed; rows of B and C are contiguous, b_row and c_row apart.
// With `bias` (M), row m of C begins at bias[m] instead of 0. Rows of B can be read up to whole vectors. Each number of
// C is a sum in the order of k, however M and N are cut.
template <class T>
void matmul(int64_t M, int64_t N, int64_t K, const T *A, int64_t a_row, int64_t a_column, const T *B, int64_t b_row,
            T *C, int64_t c_row, bool add, const T *bias, const Finish<T> &finish = {});

// out (columns x rows) = in (rows x columns), transposed. Rows of both are padded to whole vectors: those of `in` can
// be read there, those of `out` are filled with zeros.
template <class T>
void transpose(int64_t rows, int64_t columns, const T *in, int64_t in_row, T *out, int64_t out_row);

// out[begin .. end] = the sums of those features over `count` rows of a value in panels (see network.h) that begin
// panel_step apart. Row i is added to sum i % LANES, wherever panels are cut.
template <class T>
void add_rows(int64_t begin, int64_t end, int64_t count, int64_t panel, const T *in, int64_t panel_step, T *out);

}  // namespace losslab
