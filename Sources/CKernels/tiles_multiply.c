#include "tiles.h"

#if defined(__x86_64__)

#define TILES __attribute__((target("amx-tile,amx-bf16")))

TILES void packshot_tiles_begin(void) {
    struct __attribute__((packed)) {
        uint8_t palette, start_row, reserved[14];
        uint16_t column_bytes[16];
        uint8_t rows[16];
    } shape;
    memset(&shape, 0, sizeof shape);
    shape.palette = 1;
    for (int tile = 0; tile < 8; tile++) {
        shape.column_bytes[tile] = 64;
        shape.rows[tile] = 16;
    }
    _tile_loadconfig(&shape);
}

TILES void packshot_tiles_end(void) { _tile_release(); }

// Two panels of rows times two of columns: tiles 0 to 3 are the sums, 4 and 5 of a, 6 and 7 of b. Twelve products take eight
// loads with one plane of b.
TILES static inline __attribute__((always_inline)) void multiply(
    ptrdiff_t steps, const int parts, const int planes, const uint16_t *a, const uint16_t *b, float *c, ptrdiff_t stride,
    int accumulates, const int two_rows, const int two_columns) {
    const ptrdiff_t row = 4 * stride, size = packshot_tile_elements;
    const uint16_t *lower = a + 3 * size * steps, *right = b + planes * size * steps;
    float *below = c + 16 * stride;
    if (accumulates) {
        _tile_loadd(0, c, row);
        if (two_columns) _tile_loadd(1, c + 16, row);
        if (two_rows) _tile_loadd(2, below, row);
        if (two_rows && two_columns) _tile_loadd(3, below + 16, row);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    for (ptrdiff_t step = 0; step < steps; step++) {
#pragma clang loop unroll(full)
        for (int j = 0; j < planes; j++) {
            _tile_loadd(6, b + j * size, 64);
            if (two_columns) _tile_loadd(7, right + j * size, 64);
#pragma clang loop unroll(full)
            for (int i = 0; i < parts && i < 3 - j; i++) {
                _tile_loadd(4, a + i * size, 64);
                _tile_dpbf16ps(0, 4, 6);
                if (two_columns) _tile_dpbf16ps(1, 4, 7);
                if (two_rows) {
                    _tile_loadd(5, lower + i * size, 64);
                    _tile_dpbf16ps(2, 5, 6);
                    if (two_columns) _tile_dpbf16ps(3, 5, 7);
                }
            }
        }
        a += 3 * size;
        lower += 3 * size;
        b += planes * size;
        right += planes * size;
    }
    _tile_stored(0, c, row);
    if (two_columns) _tile_stored(1, c + 16, row);
    if (two_rows) _tile_stored(2, below, row);
    if (two_rows && two_columns) _tile_stored(3, below + 16, row);
}

TILES static inline __attribute__((always_inline)) void multiply_all(
    ptrdiff_t steps, const int parts, const int planes, const uint16_t *a, ptrdiff_t row_panels, const uint16_t *b,
    ptrdiff_t column_panels, float *c, ptrdiff_t stride, int accumulates) {
    const ptrdiff_t size = packshot_tile_elements * steps;
    for (ptrdiff_t row = 0; row < row_panels; row += 2) {
        for (ptrdiff_t column = 0; column < column_panels; column += 2) {
            const uint16_t *left = a + 3 * size * row, *top = b + planes * size * column;
            float *place = c + 16 * row * stride + 16 * column;
            const int two_rows = row + 1 < row_panels, two_columns = column + 1 < column_panels;
            if (two_rows && two_columns)
                multiply(steps, parts, planes, left, top, place, stride, accumulates, 1, 1);
            else if (two_rows)
                multiply(steps, parts, planes, left, top, place, stride, accumulates, 1, 0);
            else if (two_columns)
                multiply(steps, parts, planes, left, top, place, stride, accumulates, 0, 1);
            else
                multiply(steps, parts, planes, left, top, place, stride, accumulates, 0, 0);
        }
    }
}

TILES void packshot_tiles_multiply(
    ptrdiff_t steps, int parts, int planes, const uint16_t *a, ptrdiff_t row_panels, const uint16_t *b,
    ptrdiff_t column_panels, float *c, ptrdiff_t stride, int accumulates) {
#define CASE(PARTS, PLANES) \
    case 4 * PARTS + PLANES: \
        multiply_all(steps, PARTS, PLANES, a, row_panels, b, column_panels, c, stride, accumulates); \
        break
    switch (4 * parts + planes) {
        CASE(1, 1);
        CASE(1, 2);
        CASE(1, 3);
        CASE(2, 1);
        CASE(2, 2);
        CASE(2, 3);
        CASE(3, 1);
        CASE(3, 2);
        CASE(3, 3);
    default: __builtin_trap();
    }
#undef CASE
}
#else
void packshot_tiles_begin(void) {}
void packshot_tiles_end(void) {}
void packshot_tiles_multiply(
    ptrdiff_t steps, int parts, int planes, const uint16_t *a, ptrdiff_t row_panels, const uint16_t *b,
    ptrdiff_t column_panels, float *c, ptrdiff_t stride, int accumulates) {
    __builtin_trap();
}
#endif
