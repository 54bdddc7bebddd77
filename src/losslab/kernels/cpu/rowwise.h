// Rowwise losses inside C++: a block of rows of one member, in the computing type. Class c of row r lies at
// c * class_stride + r * row_stride: one of the two is 1 (classes last, or rows side by side as in the native plan).
#pragma once
#include "port.h"

namespace losslab {

template <class T> struct RowBlock {
    const T *input;
    int64_t class_stride, row_stride, rows, classes;
    const int64_t *label;    // of each row, or null with `soft`
    const T *soft;           // laid out as the input
    const T *weight;         // of each row, or null: one. 0 leaves the row out, whatever its label and numbers are
    const T *class_weight;   // or null
    const T *per_class;      // or null
    T *value;                // of each row, weighted; or null
    T *gradient;             // laid out as the input, and may be the input: scale * weight * derivative; or null
    T scale;
};

// Returns the sum of the weighted losses. Labels of rows that count are in range.
template <class T> using RowFunction = double (*)(const RowBlock<T> &, const double *params);

enum RowTraits : int32_t {
    WEIGHT_DIVIDES = 1,   // the mean divides by the sum of class weights (cross_entropy), not by the number of rows
    TAKES_SOFT = 2,       // targets may be distributions
    NEEDS_PER_CLASS = 4,
    TAKES_CLASS_WEIGHT = 8,
};

struct RowEntry {
    const char *name, *params;
    int32_t traits;
    RowFunction<float> in_float;
    RowFunction<double> in_double;
    // What a row of this label counts with, beside its sample weight; null: class_weight if WEIGHT_DIVIDES, else 1.
};

const RowEntry *rowwise_entry(int32_t loss);

}  // namespace losslab
