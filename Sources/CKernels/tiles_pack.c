#include "tiles.h"

#if defined(__x86_64__)
TILE_VECTORS void packshot_tiles_split_row(
    const float *source, ptrdiff_t column, ptrdiff_t count, ptrdiff_t end, uint16_t *row) {
    for (const ptrdiff_t behind = column + count; column < end;) {
        const ptrdiff_t stop = (column | 15) + 1 < end ? (column | 15) + 1 : end;
        const ptrdiff_t there = behind - column < 0 ? 0 : behind < stop ? behind - column : stop - column;
        const __mmask16 mask = (__mmask16)((1u << (stop - column)) - 1);
        __m512 value = _mm512_maskz_loadu_ps((__mmask16)((1u << there) - 1), source);
        uint16_t *target = row + (column / 32) * 3 * packshot_tile_elements + column % 32;
        for (int plane = 0; plane < 3; plane++) {
            _mm256_mask_storeu_epi16(target + plane * packshot_tile_elements, mask, take_part(&value));
        }
        source += stop - column;
        column = stop;
    }
}

// Sixteen rows of sixteen words into sixteen columns.
TILE_VECTORS static inline __attribute__((always_inline)) void transpose(__m512i r[16], uint16_t *target) {
    __m512i t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        for (int j = 0; j < 2; j++) {
            r[i + 2 * j] = _mm512_unpacklo_epi64(t[i + j], t[i + j + 2]);
            r[i + 2 * j + 1] = _mm512_unpackhi_epi64(t[i + j], t[i + j + 2]);
        }
    }
    // Now r[4 i + j] holds, in each quarter q, column 4 q + j of rows 4 i to 4 i + 3.
    for (int j = 0; j < 4; j++) {
        __m512i a = _mm512_shuffle_i32x4(r[j], r[4 + j], 0x44);
        __m512i b = _mm512_shuffle_i32x4(r[j], r[4 + j], 0xEE);
        __m512i c = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0x44);
        __m512i d = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0xEE);
        _mm512_storeu_si512(target + 32 * j, _mm512_shuffle_i32x4(a, c, 0x88));
        _mm512_storeu_si512(target + 32 * (4 + j), _mm512_shuffle_i32x4(a, c, 0xDD));
        _mm512_storeu_si512(target + 32 * (8 + j), _mm512_shuffle_i32x4(b, d, 0x88));
        _mm512_storeu_si512(target + 32 * (12 + j), _mm512_shuffle_i32x4(b, d, 0xDD));
    }
}

TILE_VECTORS void packshot_tiles_pack_bfloat16(
    const void *source, ptrdiff_t row_bytes, ptrdiff_t rows, ptrdiff_t count, uint16_t *target) {
    for (ptrdiff_t first = 0; first < count; first += 32, target += packshot_tile_elements) {
        const ptrdiff_t left = count - first;
        const __mmask32 mask = left >= 32 ? 0xFFFFFFFFu : (1u << left) - 1;
        __m512i r[16];
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) {
            const char *place = (const char *)source + (i < rows ? i : 0) * row_bytes + 2 * first;
            r[i] = _mm512_maskz_loadu_epi16(i < rows ? mask : 0, place);
        }
        transpose(r, target);
    }
}

TILE_VECTORS void packshot_tiles_pack_floats(
    const float *source, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t count, int planes, uint16_t *target) {
    for (ptrdiff_t first = 0; first < count; first += 32) {
        const ptrdiff_t left = count - first;
        const __mmask32 mask = left >= 32 ? 0xFFFFFFFFu : (1u << left) - 1;
        __m512 low[16], high[16];
        for (int i = 0; i < 16; i++) {
            const float *place = source + (i < rows ? i : 0) * stride + first;
            const __mmask32 seen = i < rows ? mask : 0;
            low[i] = _mm512_maskz_loadu_ps((__mmask16)seen, place);
            high[i] = _mm512_maskz_loadu_ps((__mmask16)(seen >> 16), place + 16);
        }
        for (int plane = 0; plane < planes; plane++, target += packshot_tile_elements) {
            __m512i r[16];
            for (int i = 0; i < 16; i++) {
                r[i] = _mm512_inserti64x4(_mm512_castsi256_si512(take_part(&low[i])), take_part(&high[i]), 1);
            }
            transpose(r, target);
        }
    }
}
#else
void packshot_tiles_split_row(
    const float *source, ptrdiff_t column, ptrdiff_t count, ptrdiff_t end, uint16_t *row) {
    __builtin_trap();
}
void packshot_tiles_pack_bfloat16(
    const void *source, ptrdiff_t row_bytes, ptrdiff_t rows, ptrdiff_t count, uint16_t *target) {
    __builtin_trap();
}
void packshot_tiles_pack_floats(
    const float *source, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t count, int planes, uint16_t *target) {
    __builtin_trap();
}
#endif
