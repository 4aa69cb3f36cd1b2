#include "tiles.h"

#if defined(__x86_64__)

TILE_VECTORS void packshot_tiles_pack_values(
    const float *source, ptrdiff_t stride, ptrdiff_t keys, ptrdiff_t columns, uint16_t *target) {
    const __mmask16 mask = (__mmask16)((1u << columns) - 1);
    for (ptrdiff_t first = 0; first < keys; first += 32, target += 3 * packshot_tile_elements) {
        for (ptrdiff_t pair = 0; pair < 16; pair++) {
            const ptrdiff_t key = first + 2 * pair;
            __m512 even = _mm512_maskz_loadu_ps(key < keys ? mask : 0, source + (key < keys ? key * stride : 0));
            __m512 odd = _mm512_maskz_loadu_ps(key + 1 < keys ? mask : 0, source + (key + 1 < keys ? (key + 1) * stride : 0));
            for (int plane = 0; plane < 3; plane++) {
                __m512i low = _mm512_cvtepu16_epi32(take_part(&even));
                __m512i high = _mm512_slli_epi32(_mm512_cvtepu16_epi32(take_part(&odd)), 16);
                _mm512_storeu_si512(target + plane * packshot_tile_elements + 32 * pair, _mm512_or_si512(low, high));
            }
        }
    }
}

// e to the power of x, to about 1e-7 relative, for x <= 0; below -87.3 about 1e-38. As in Tensors' Elementary.swift.
TILE_VECTORS static inline __attribute__((always_inline)) __m512 exponential(__m512 x) {
    x = _mm512_max_ps(x, _mm512_set1_ps(-87.33f));
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 8);
    __m512 r = _mm512_fmadd_ps(n, _mm512_set1_ps(-0.693359375f), x);
    r = _mm512_fmadd_ps(n, _mm512_set1_ps(2.1219444e-4f), r);
    __m512 p = _mm512_set1_ps(1.98756915e-4f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.39819995e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665796e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.66666655e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001e-1f));
    __m512 y = _mm512_add_ps(_mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r), _mm512_set1_ps(1));
    return _mm512_scalef_ps(y, n);
}

TILE_VECTORS void packshot_tiles_weigh(
    const float *scores, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t keys, float *maxima, float *sums, float *outputs,
    ptrdiff_t width, uint16_t *weights) {
    const ptrdiff_t steps = (keys + 31) / 32, whole = keys / 16;
    const __mmask16 rest = (__mmask16)((1u << keys % 16) - 1);
    for (ptrdiff_t row = 0; row < rows; row++) {
        const float *line = scores + row * stride;
        __m512 highest = _mm512_set1_ps(maxima[row]);
        for (ptrdiff_t part = 0; part < whole; part++) highest = _mm512_max_ps(highest, _mm512_loadu_ps(line + 16 * part));
        if (rest) highest = _mm512_mask_max_ps(highest, rest, highest, _mm512_loadu_ps(line + 16 * whole));
        const float peak = _mm512_reduce_max_ps(highest);
        const __m512 peaks = _mm512_set1_ps(peak);
        if (peak != maxima[row]) {
            const __m512 shrink = exponential(_mm512_set1_ps(maxima[row] - peak));
            sums[row] *= _mm512_cvtss_f32(shrink);
            for (ptrdiff_t column = 0; column < width; column += 16) {
                float *place = outputs + row * width + column;
                _mm512_storeu_ps(place, _mm512_mul_ps(_mm512_loadu_ps(place), shrink));
            }
            maxima[row] = peak;
        }
        __m512 sum = _mm512_setzero_ps();
        uint16_t *target = weights + (row / 16) * steps * 3 * packshot_tile_elements + (row % 16) * 32;
        for (ptrdiff_t part = 0; part < 2 * steps; part++) {
            const __mmask16 seen = part < whole ? 0xFFFF : part == whole ? rest : 0;
            __m512 weight = _mm512_maskz_mov_ps(seen, exponential(_mm512_sub_ps(_mm512_loadu_ps(line + 16 * part), peaks)));
            sum = _mm512_add_ps(sum, weight);
            uint16_t *place = target + (part / 2) * 3 * packshot_tile_elements + (part % 2) * 16;
            for (int plane = 0; plane < 3; plane++) {
                _mm256_storeu_si256((__m256i *)(place + plane * packshot_tile_elements), take_part(&weight));
            }
        }
        sums[row] += _mm512_reduce_add_ps(sum);
    }
}
#else
void packshot_tiles_pack_values(
    const float *source, ptrdiff_t stride, ptrdiff_t keys, ptrdiff_t columns, uint16_t *target) {
    __builtin_trap();
}
void packshot_tiles_weigh(
    const float *scores, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t keys, float *maxima, float *sums, float *outputs,
    ptrdiff_t width, uint16_t *weights) {
    __builtin_trap();
}
#endif
