#include <cblas.h>

/// Asks for a cache line that will be read at once. Any address will do.
static inline __attribute__((always_inline)) void packshot_prefetch(const void *address) {
    __builtin_prefetch(address);
}

/// Asks for a cache line that will be read later: into the second-level cache.
static inline __attribute__((always_inline)) void packshot_prefetch_far(const void *address) {
    __builtin_prefetch(address, 0, 2);
}
