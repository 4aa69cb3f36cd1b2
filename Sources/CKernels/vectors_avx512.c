#include "CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define WIDE __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma")))

// Twelve rows times 32 columns are 24 sums in registers; a column of them takes two loads of b and twelve of a. With fewer
// rows or columns, half of that: the compiler unrolls each of the four shapes. `a` is packed in panels of six rows, or else
// row-major, `a_stride` floats from row to row. `next`, `next_bytes` of it, and as much of `next_a` as there is of `a` are asked for
// meanwhile.
WIDE static inline __attribute__((always_inline)) void multiply(
    ptrdiff_t inner, const float *a, const int is_packed, ptrdiff_t a_stride, const float *b, float *c, ptrdiff_t stride,
    int accumulates, const int rows, const int columns, const char *next, ptrdiff_t next_bytes, const char *next_a) {
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < columns; column++) __builtin_prefetch(c + row * stride + 16 * column);
    __m512 sums[12][2];
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++)
#pragma clang loop unroll(full)
        for (int column = 0; column < columns; column++) sums[row][column] = _mm512_setzero_ps();
    const ptrdiff_t panel = 6 * inner, wide = 16 * inner;
    const ptrdiff_t share = next_bytes / 64;
    for (ptrdiff_t k = 0; k < inner; k++) {
        if (k < share) __builtin_prefetch(next + 64 * k, 0, 2);
        __builtin_prefetch(next_a + 48 * k, 0, 2);
        __m512 b0 = _mm512_loadu_ps(b + 16 * k);
        __m512 b1 = columns > 1 ? _mm512_loadu_ps(b + wide + 16 * k) : b0;
#pragma clang loop unroll(full)
        for (int row = 0; row < rows; row++) {
            __m512 value = _mm512_set1_ps(
                is_packed ? a[(row / 6) * panel + 6 * k + row % 6] : a[row * a_stride + k]);
            sums[row][0] = _mm512_fmadd_ps(value, b0, sums[row][0]);
            if (columns > 1) sums[row][1] = _mm512_fmadd_ps(value, b1, sums[row][1]);
        }
    }
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++)
#pragma clang loop unroll(full)
        for (int column = 0; column < columns; column++) {
            float *place = c + row * stride + 16 * column;
            __m512 sum = sums[row][column];
            if (accumulates) sum = _mm512_add_ps(sum, _mm512_loadu_ps(place));
            _mm512_storeu_ps(place, sum);
        }
}

WIDE void packshot_vectors_multiply(
    ptrdiff_t inner, const float *a, ptrdiff_t row_panels, const float *b, ptrdiff_t column_panels, float *c,
    ptrdiff_t stride, int accumulates) {
    const ptrdiff_t groups = (row_panels + 1) / 2;
    for (ptrdiff_t column = 0; column < column_panels; column += 2) {
        const float *columns = b + column * 16 * inner;
        // Each product asks for its share of the next panels, so that they have come when they are needed. With the last columns,
        // these are what lies behind both operands: with sums of blocks, the next product's (see StrassenTile in Tensors).
        const ptrdiff_t following = 2 * 64 * inner / groups / 64 * 64;
        const ptrdiff_t ahead = column + 2 < column_panels ? 0 : row_panels * 6 * inner;
        const char *next = (const char *)(columns + 2 * 16 * inner);
        for (ptrdiff_t row = 0; row < row_panels; row += 2, next += following) {
            const float *rows = a + row * 6 * inner;
            float *place = c + row * 6 * stride + column * 16;
            const int two_rows = row + 1 < row_panels, two_columns = column + 1 < column_panels;
            if (two_rows && two_columns)
                multiply(inner, rows, 1, 0, columns, place, stride, accumulates, 12, 2, next, following, (const char *)(rows + ahead));
            else if (two_rows)
                multiply(inner, rows, 1, 0, columns, place, stride, accumulates, 12, 1, next, following, (const char *)(rows + ahead));
            else if (two_columns)
                multiply(inner, rows, 1, 0, columns, place, stride, accumulates, 6, 2, next, following, (const char *)(rows + ahead));
            else
                multiply(inner, rows, 1, 0, columns, place, stride, accumulates, 6, 1, next, following, (const char *)(rows + ahead));
        }
    }
}
WIDE void packshot_vectors_multiply_strided(
    ptrdiff_t inner, const float *a, ptrdiff_t a_stride, ptrdiff_t rows, const float *b, ptrdiff_t column_panels,
    float *c, ptrdiff_t stride) {
    for (ptrdiff_t column = 0; column < column_panels; column += 2) {
        const float *columns = b + column * 16 * inner;
        const char *next = (const char *)columns;
        const int two_columns = column + 1 < column_panels;
        ptrdiff_t row = 0;
        for (; row + 12 <= rows; row += 12) {
            float *place = c + row * stride + column * 16;
            if (two_columns)
                multiply(inner, a + row * a_stride, 0, a_stride, columns, place, stride, 0, 12, 2, next, 0, next);
            else
                multiply(inner, a + row * a_stride, 0, a_stride, columns, place, stride, 0, 12, 1, next, 0, next);
        }
        if (row < rows) {
            float *place = c + row * stride + column * 16;
            if (two_columns)
                multiply(inner, a + row * a_stride, 0, a_stride, columns, place, stride, 0, 6, 2, next, 0, next);
            else
                multiply(inner, a + row * a_stride, 0, a_stride, columns, place, stride, 0, 6, 1, next, 0, next);
        }
    }
}
#else
void packshot_vectors_multiply(
    ptrdiff_t inner, const float *a, ptrdiff_t row_panels, const float *b, ptrdiff_t column_panels, float *c,
    ptrdiff_t stride, int accumulates) {
    __builtin_trap();
}
void packshot_vectors_multiply_strided(
    ptrdiff_t inner, const float *a, ptrdiff_t a_stride, ptrdiff_t rows, const float *b, ptrdiff_t column_panels,
    float *c, ptrdiff_t stride) {
    __builtin_trap();
}
#endif
