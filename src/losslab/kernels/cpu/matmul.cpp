// A tile of C stays in registers over the whole of k: each of its rows takes one number of A, spread over a vector,
// times some vectors of B. Tiles of every number of rows are compiled, so that edges run at the same speed.
#include "matmul.h"

#include <utility>

#include "losslab.h"

namespace losslab {
namespace {

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int VECTORS = 4;  // 32 registers hold 6 x 4 sums
#else
constexpr int VECTORS = 2;
#endif
constexpr int ROWS = 6;

template <class T> struct VectorOf {
    typedef T whole __attribute__((vector_size(VECTOR_BYTES)));
    typedef T loose __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));
};
template <class T> using Vector = typename VectorOf<T>::whole;

template <class T> INLINE Vector<T> load(const T *from) {
    return *reinterpret_cast<const typename VectorOf<T>::loose *>(from);
}
template <class T> INLINE void store(T *to, Vector<T> value) {
    *reinterpret_cast<typename VectorOf<T>::loose *>(to) = value;
}
template <class T> INLINE Vector<T> load_some(const T *from, int64_t count) {
    alignas(VECTOR_BYTES) T some[LANES<T>] = {};
    for (int64_t i = 0; i < count; i++) some[i] = from[i];
    return load(some);
}
template <class T> INLINE void store_some(T *to, Vector<T> value, int64_t count) {
    alignas(VECTOR_BYTES) T some[LANES<T>];
    store(some, value);
    for (int64_t i = 0; i < count; i++) to[i] = some[i];
}

template <class T> struct Tile {
    int64_t K, a_row, a_column, b_row, c_row;
    int64_t last;  // columns of the last vector of C that exist
    const T *A, *B, *bias, *output;
    T *C;
    bool add;
    FinishKind finish;
};

template <class T, int R, int V> void tile(const Tile<T> &t) {
    constexpr int L = LANES<T>;
    Vector<T> sum[R][V];
    const bool whole = t.last == L;
    for (int r = 0; r < R; r++) {
        const T start = t.bias ? t.bias[r] : T(0);
        for (int v = 0; v < V; v++) sum[r][v] = Vector<T>{} + start;
    }
    if (t.add) {
        for (int r = 0; r < R; r++) {
            const T *c = t.C + r * t.c_row;
            for (int v = 0; v < V; v++) {
                sum[r][v] += v < V - 1 || whole ? load(c + v * L) : load_some(c + v * L, t.last);
            }
        }
    }
    const T *a = t.A, *b = t.B;
    const int64_t a_row = t.a_row, a_column = t.a_column, b_row = t.b_row;
    for (int64_t k = 0; k < t.K; k++) {
        Vector<T> row[V];
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) row[v] = load(b + v * L);
#pragma GCC unroll 6
        for (int r = 0; r < R; r++) {
            const Vector<T> one = Vector<T>{} + a[r * a_row];
#pragma GCC unroll 4
            for (int v = 0; v < V; v++) sum[r][v] += one * row[v];
        }
        a += a_column;
        b += b_row;
    }
    for (int r = 0; r < R; r++) {
        T *c = t.C + r * t.c_row;
        for (int v = 0; v < V; v++) {
            Vector<T> value = sum[r][v];
            if (t.finish == FINISH_RELU) value = value < 0 ? Vector<T>{} : value;
            if (t.finish == FINISH_WHERE_POSITIVE) {
                value = load(t.output + r * t.c_row + v * L) <= 0 ? Vector<T>{} : value;
            }
            if (v < V - 1 || whole) {
                store(c + v * L, value);
            } else {
                store_some(c + v * L, value, t.last);
            }
        }
    }
}

template <class T> using TileFunction = void (*)(const Tile<T> &);

template <class T, int... P>
constexpr void fill(TileFunction<T> (&table)[ROWS][VECTORS], std::integer_sequence<int, P...>) {
    ((table[P / VECTORS][P % VECTORS] = tile<T, P / VECTORS + 1, P % VECTORS + 1>), ...);
}

template <class T> struct Tiles {
    TileFunction<T> of[ROWS][VECTORS] = {};
    constexpr Tiles() { fill<T>(of, std::make_integer_sequence<int, ROWS * VECTORS>()); }
};
template <class T> constexpr Tiles<T> TILES;

// The first, then the second half of a and b, in turns: a0 b0 a1 b1 ...
template <class T, int... P> INLINE Vector<T> turns(Vector<T> a, Vector<T> b, int, std::integer_sequence<int, P...>) {
    return __builtin_shufflevector(a, b, (P / 2 + (P % 2) * LANES<T>)...);
}
template <class T, int... P>
INLINE Vector<T> late_turns(Vector<T> a, Vector<T> b, int, std::integer_sequence<int, P...>) {
    return __builtin_shufflevector(a, b, (LANES<T> / 2 + P / 2 + (P % 2) * LANES<T>)...);
}

// A square of one vector's length; `rows` of it exist in `in`, `columns` are written.
template <class T> void square(int64_t rows, int64_t columns, const T *in, int64_t in_row, T *out, int64_t out_row) {
    constexpr int L = LANES<T>;
    constexpr auto places = std::make_integer_sequence<int, L>();
    Vector<T> x[L], y[L];
    for (int i = 0; i < L; i++) x[i] = i < rows ? load(in + i * in_row) : Vector<T>{};
#pragma GCC unroll 4
    for (int turn = 1; turn < L; turn *= 2) {  // each turn halves the distance of neighbours
#pragma GCC unroll 16
        for (int i = 0; i < L / 2; i++) {
            y[2 * i] = turns<T>(x[i], x[i + L / 2], 0, places);
            y[2 * i + 1] = late_turns<T>(x[i], x[i + L / 2], 0, places);
        }
#pragma GCC unroll 16
        for (int i = 0; i < L; i++) x[i] = y[i];
    }
    if (columns >= L) {
        for (int i = 0; i < L; i++) store(out + i * out_row, x[i]);
    } else {
        for (int i = 0; i < columns; i++) store(out + i * out_row, x[i]);
    }
}

}  // namespace

template <class T>
void matmul(int64_t M, int64_t N, int64_t K, const T *A, int64_t a_row, int64_t a_column, const T *B, int64_t b_row,
            T *C, int64_t c_row, bool add, const T *bias, const Finish<T> &finish) {
    constexpr int64_t L = LANES<T>;
    const int64_t tiles = (M + ROWS - 1) / ROWS;
    for (int64_t n = 0; n < N; n += VECTORS * L) {
        const int64_t columns = smaller(N - n, VECTORS * L), vectors = (columns + L - 1) / L;
        for (int64_t i = 0; i < tiles; i++) {
            const int64_t m = i * M / tiles, rows = (i + 1) * M / tiles - m;  // nearly equal, at most ROWS
            const Tile<T> one{K, a_row, a_column, b_row, c_row, columns - (vectors - 1) * L, A + m * a_row, B + n,
                              bias ? bias + m : nullptr, finish.output ? finish.output + m * c_row + n : nullptr,
                              C + m * c_row + n, add, finish.kind};
            TILES<T>.of[rows - 1][vectors - 1](one);
        }
    }
}

template <class T>
void transpose(int64_t rows, int64_t columns, const T *in, int64_t in_row, T *out, int64_t out_row) {
    constexpr int64_t L = LANES<T>;
    for (int64_t r = 0; r < rows; r += L) {
        for (int64_t c = 0; c < columns; c += L) {
            square<T>(rows - r, columns - c, in + r * in_row + c, in_row, out + c * out_row + r, out_row);
        }
    }
}

// Lane by lane over the rows; then a transpose lays the lanes of neighbouring features side by side.
template <class T>
void add_rows(int64_t begin, int64_t end, int64_t count, int64_t panel, const T *in, int64_t panel_step, T *out) {
    constexpr int64_t L = LANES<T>;
    for (int64_t f = begin; f < end; f += L) {
        const int64_t some = smaller(end - f, L);
        Vector<T> lanes[L] = {};
        for (int64_t first = 0; first < count; first += panel) {
            const int64_t rows = smaller(panel, count - first), width = rounded_up(rows, L), whole = rows / L * L;
            const T *from = in + first / panel * panel_step + f * width;
            for (int64_t i = 0; i < some; i++) {
                Vector<T> sum = lanes[i];
                for (int64_t r = 0; r < whole; r += L) sum += load(from + i * width + r);
                if (whole < rows) sum += load_some(from + i * width + whole, rows - whole);
                lanes[i] = sum;
            }
        }
        alignas(VECTOR_BYTES) T turned[L * L];
        square<T>(L, L, reinterpret_cast<const T *>(lanes), L, turned, L);
        Vector<T> sum = load(turned);
        for (int64_t i = 1; i < L; i++) sum += load(turned + i * L);
        store_some(out + f, sum, some);
    }
}

#define BOTH(T)                                                                                                       \
    template void matmul<T>(int64_t, int64_t, int64_t, const T *, int64_t, int64_t, const T *, int64_t, T *, int64_t, \
                            bool, const T *, const Finish<T> &);                                                      \
    template void transpose<T>(int64_t, int64_t, const T *, int64_t, T *, int64_t);                                   \
    template void add_rows<T>(int64_t, int64_t, int64_t, int64_t, const T *, int64_t, T *);
BOTH(float)
BOTH(double)

}  // namespace losslab

namespace {

template <class T>
void product(const int64_t *s, const void *A, const void *B, void *C, const void *bias, int32_t finish,
             const void *output) {
    losslab::Finish<T> done{losslab::FinishKind(finish), static_cast<const T *>(output)};
    losslab::matmul<T>(s[0], s[1], s[2], static_cast<const T *>(A), s[3], s[4], static_cast<const T *>(B), s[5],
                       static_cast<T *>(C), s[6], s[7] != 0, static_cast<const T *>(bias), done);
}

}  // namespace

// For tests. sizes: M, N, K, a_row, a_column, b_row, c_row, add.
LOSSLAB_API void losslab_probe_product(int32_t dtype, const int64_t *sizes, const void *A, const void *B, void *C,
                                       const void *bias, int32_t finish, const void *output) {
    (dtype == LOSSLAB_F64 ? product<double> : product<float>)(sizes, A, B, C, bias, finish, output);
}

LOSSLAB_API void losslab_probe_transpose(int32_t dtype, int64_t rows, int64_t columns, const void *in, int64_t in_row,
                                         void *out, int64_t out_row) {
    if (dtype == LOSSLAB_F64) {
        losslab::transpose(rows, columns, static_cast<const double *>(in), in_row, static_cast<double *>(out), out_row);
    } else {
        losslab::transpose(rows, columns, static_cast<const float *>(in), in_row, static_cast<float *>(out), out_row);
    }
}
