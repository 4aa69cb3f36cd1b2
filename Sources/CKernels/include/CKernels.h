// Kernels that Swift cannot express: those for instructions which this package is not compiled for, and which are used only
// where the processor and the system offer them (see processor.c). The rest of the kernels is Swift, in Tensors.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/// Whether the processor has AVX2, FMA and F16C, which the Swift kernels of an x86-64 build are compiled for. True elsewhere.
int packshot_has_baseline(void);

/// Whether the vectors of 512 bits in `packshot_vectors_multiply` may be used.
int packshot_has_wide_vectors(void);

/// Whether the tile unit may be used: Intel's AMX with bfloat16, and permission from the system for this process, which
/// the first call asks for.
int packshot_has_tiles(void);

// Vectors: panels of six rows and of sixteen columns, 32-bit floats (see PanelKernel in Tensors).

/// `c = a · b`, or `c += a · b`, for a block of panels.
///
/// - inner: inner dimension.
/// - a: `row_panels` panels `[inner, 6]`, one behind the other; b: `column_panels` panels `[inner, 16]`.
/// - c: `6 · row_panels` rows of `16 · column_panels` floats, `stride` floats from row to row.
///
/// Each sum goes over the inner dimension in ascending order in fused operations: the bytes are those of the Swift kernel.
void packshot_vectors_multiply(
    ptrdiff_t inner, const float *a, ptrdiff_t row_panels, const float *b, ptrdiff_t column_panels, float *c,
    ptrdiff_t stride, int accumulates);

/// `c = a · b`, as above, where `a` is row-major: `rows`, a multiple of six, `a_stride` floats from row to row.
void packshot_vectors_multiply_strided(
    ptrdiff_t inner, const float *a, ptrdiff_t a_stride, ptrdiff_t rows, const float *b, ptrdiff_t column_panels,
    float *c, ptrdiff_t stride);

// Tiles: panels of sixteen rows and of sixteen columns, cut into steps of 32 along the inner dimension, every 32-bit float
// split into up to three bfloat16 whose sum it is.

/// Elements of a tile.
enum { packshot_tile_elements = 512 };

/// Prepares the calling thread's tile registers. To be followed by `packshot_tiles_end` on the same thread.
void packshot_tiles_begin(void);

/// Clears the calling thread's tile registers, so that switching threads costs no more than without them.
void packshot_tiles_end(void);

/// Splits neighbouring elements of one row into three planes.
///
/// - source: `count` floats.
/// - column: column of the first, counted from where the panel's first step begins.
/// - end: what lies behind them up to this column becomes zeros.
/// - row: the row's place in the panel's first tile. A step's three tiles follow each other, `[16, 32]` each.
void packshot_tiles_split_row(
    const float *source, ptrdiff_t column, ptrdiff_t count, ptrdiff_t end, uint16_t *row);

/// Packs up to sixteen rows of a stored bfloat16 matrix into one plane: `[steps, 16 pairs of columns, 16 rows, 2]`.
///
/// - source: first element of the first row; any address.
/// - row_bytes: from one row to the next.
/// - count: columns; the last step and missing rows are filled up with zeros.
void packshot_tiles_pack_bfloat16(
    const void *source, ptrdiff_t row_bytes, ptrdiff_t rows, ptrdiff_t count, uint16_t *target);

/// The same for a matrix of 32-bit floats, `stride` floats from row to row, split into `planes` planes:
/// `[steps, planes, 16 pairs, 16 rows, 2]`.
void packshot_tiles_pack_floats(
    const float *source, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t count, int planes, uint16_t *target);

/// `c = a · b`, or `c += a · b`, for a block of panels.
///
/// - steps: steps of 32 along the inner dimension.
/// - parts: planes of a that count, 1 to 3; with fewer than 3, a counts as rounded to 8 or 16 bits of mantissa.
/// - a: `row_panels` panels `[steps, 3 planes, 16, 32]`, as `packshot_tiles_split_row` writes them.
/// - b: `column_panels` panels of `planes` planes, as the packing functions write them.
/// - c: `16 · row_panels` rows of `16 · column_panels` floats, `stride` floats from row to row.
///
/// Products of planes whose places add up to more than two are left out: what they would add is below the last bit of a
/// 32-bit float. Each sum is made in one order, whatever else the block holds.
void packshot_tiles_multiply(
    ptrdiff_t steps, int parts, int planes, const uint16_t *a, ptrdiff_t row_panels, const uint16_t *b,
    ptrdiff_t column_panels, float *c, ptrdiff_t stride, int accumulates);

// Attention on tiles. Queries are rows of `a`, keys and values columns of `b`, all split into three planes.

/// Packs sixteen columns of values: `[steps of 32 keys, 3 planes, 16 pairs of keys, 16 columns, 2]`.
///
/// - source: first value of the first key, `stride` floats from key to key.
/// - keys: the last step is filled up with zeros. columns: up to sixteen.
void packshot_tiles_pack_values(
    const float *source, ptrdiff_t stride, ptrdiff_t keys, ptrdiff_t columns, uint16_t *target);

/// Turns the scores of some queries with a stretch of keys into weights relative to the largest score so far, and scales down
/// what was summed up relative to a smaller one (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018).
///
/// - scores: `rows` rows of `keys` floats, `stride` floats from row to row, readable up to a multiple of 32.
/// - maxima, sums: one for each row; so far, updated.
/// - outputs: `[rows, width]`, width a multiple of 16.
/// - weights: written as panels of sixteen rows, `[steps of 32 keys, 3 planes, 16, 32]`; zero behind the last key.
void packshot_tiles_weigh(
    const float *scores, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t keys, float *maxima, float *sums, float *outputs,
    ptrdiff_t width, uint16_t *weights);

// Inlined into the Swift kernels.

/// Asks for a cache line that will be read at once. Any address will do.
static inline __attribute__((always_inline)) void packshot_prefetch(const void *address) {
    __builtin_prefetch(address);
}

/// Asks for a cache line that will be read later: into the second-level cache.
static inline __attribute__((always_inline)) void packshot_prefetch_far(const void *address) {
    __builtin_prefetch(address, 0, 2);
}

typedef uint16_t packshot_half8 __attribute__((vector_size(16)));
typedef uint32_t packshot_word8 __attribute__((vector_size(32)));
typedef float packshot_float8 __attribute__((vector_size(32)));

/// Eight bfloat16 from any address, as 32-bit floats. In C because Swift's widening of vectors is a call, or scalar.
static inline __attribute__((always_inline)) packshot_float8 packshot_widen_bfloat16(const uint16_t *source) {
    packshot_half8 half;
    memcpy(&half, source, sizeof half);
    return (packshot_float8)(__builtin_convertvector(half, packshot_word8) << 16);
}

/// Writes eight rows of bfloat16, `stride` bytes apart, as columns: element `i` of row `r` to place `16 * i + r`, as they are to
/// `halves` or as 32-bit floats to `floats`; the other one is NULL. `count` is a multiple of 8.
static inline __attribute__((always_inline)) void packshot_transpose_bfloat16(
    const void *source, ptrdiff_t stride, ptrdiff_t count, uint16_t *halves, float *floats) {
    for (ptrdiff_t first = 0; first < count; first += 8) {
        packshot_half8 r[8], s[8], t[8];
        for (int i = 0; i < 8; i++) memcpy(&r[i], (const char *)source + i * stride + 2 * first, sizeof r[i]);
        // s[4 h + i]: columns 4 h ..< 4 h + 4 of rows 2 i and 2 i + 1, in pairs.
        for (int i = 0; i < 4; i++) {
            s[i] = __builtin_shufflevector(r[2 * i], r[2 * i + 1], 0, 8, 1, 9, 2, 10, 3, 11);
            s[4 + i] = __builtin_shufflevector(r[2 * i], r[2 * i + 1], 4, 12, 5, 13, 6, 14, 7, 15);
        }
        // t[2 p + i]: columns 2 p and 2 p + 1 of rows 4 i ..< 4 i + 4.
        for (int h = 0; h < 2; h++)
            for (int i = 0; i < 2; i++) {
                packshot_half8 a = s[4 * h + 2 * i], b = s[4 * h + 2 * i + 1];
                t[4 * h + i] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 2, 3, 10, 11);
                t[4 * h + 2 + i] = __builtin_shufflevector(a, b, 4, 5, 12, 13, 6, 7, 14, 15);
            }
        for (int p = 0; p < 4; p++) {
            packshot_half8 columns[2] = {
                __builtin_shufflevector(t[2 * p], t[2 * p + 1], 0, 1, 2, 3, 8, 9, 10, 11),
                __builtin_shufflevector(t[2 * p], t[2 * p + 1], 4, 5, 6, 7, 12, 13, 14, 15)};
            for (int i = 0; i < 2; i++) {
                ptrdiff_t place = 16 * (first + 2 * p + i);
                if (halves) memcpy(halves + place, &columns[i], sizeof columns[i]);
                if (floats) {
                    packshot_word8 wide = __builtin_convertvector(columns[i], packshot_word8) << 16;
                    memcpy(floats + place, &wide, sizeof wide);
                }
            }
        }
    }
}
