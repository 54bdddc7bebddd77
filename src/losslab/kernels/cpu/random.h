// Dropout's random numbers: a function of key, step, layer and place, and of nothing else. train/native/draws.py has the
// same in Python.
#pragma once
#include "port.h"

namespace losslab {

INLINE uint64_t mixed64(uint64_t x) {  // splitmix64
    x += 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

INLINE uint32_t mixed32(uint32_t x) {
    x ^= x >> 16;
    x *= 0x21f0aaadu;
    x ^= x >> 15;
    x *= 0x735a2d97u;
    return x ^ (x >> 15);
}

// The key of one dropout layer in one step of one member.
INLINE uint64_t layer_key(uint64_t member, uint64_t step, uint64_t layer) {
    return mixed64(mixed64(member + step) ^ layer);
}

// Whether the number at `place` (row * features + feature) is kept where the share p is dropped.
INLINE bool kept(uint64_t key, uint32_t place, float p) {
    uint32_t draw = mixed32(mixed32(place ^ uint32_t(key)) + uint32_t(key >> 32));
    return float(int32_t(draw >> 8)) * 0x1p-24f >= p;  // signed: a conversion that every instruction set has
}

}  // namespace losslab
