// What the tile kernels share.
#pragma once

#include "CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TILE_VECTORS __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,fma")))

// The rounded first part of sixteen floats; what is left takes their place. The differences are exact.
TILE_VECTORS static inline __attribute__((always_inline)) __m256i take_part(__m512 *value) {
    __m256i part = (__m256i)_mm512_cvtneps_pbh(*value);
    __m512 widened = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(part), 16));
    *value = _mm512_sub_ps(*value, widened);
    return part;
}
#endif
