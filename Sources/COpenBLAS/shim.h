#include <cblas.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/// Widens eight rows of bfloat16, `stride` bytes apart, to float32 and writes them as columns: element `i` of row `r` to
/// `target[16 * i + r]`. In C because Swift's widening of vectors is a call, or scalar. `count` is a multiple of 8.
static inline void packshot_pack_bfloat16(const void *source, ptrdiff_t stride, ptrdiff_t count, float *target) {
    for (ptrdiff_t first = 0; first < count; first += 8) {
        packshot_word8 r[8], s[8], t[8];
        for (int i = 0; i < 8; i++) {
            packshot_half8 half;
            memcpy(&half, (const char *)source + i * stride + 2 * first, sizeof half);
            r[i] = __builtin_convertvector(half, packshot_word8) << 16;
        }
        for (int i = 0; i < 8; i += 2) {
            s[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
            s[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
        }
        for (int i = 0; i < 8; i += 4) {
            for (int j = 0; j < 2; j++) {
                t[i + 2 * j] = __builtin_shufflevector(s[i + j], s[i + 2 + j], 0, 1, 8, 9, 4, 5, 12, 13);
                t[i + 2 * j + 1] = __builtin_shufflevector(s[i + j], s[i + 2 + j], 2, 3, 10, 11, 6, 7, 14, 15);
            }
        }
        for (int i = 0; i < 4; i++) {
            packshot_word8 low = __builtin_shufflevector(t[i], t[4 + i], 0, 1, 2, 3, 8, 9, 10, 11);
            packshot_word8 high = __builtin_shufflevector(t[i], t[4 + i], 4, 5, 6, 7, 12, 13, 14, 15);
            memcpy(target + 16 * (first + i), &low, sizeof low);
            memcpy(target + 16 * (first + 4 + i), &high, sizeof high);
        }
    }
}
