#include "CKernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

// The state components that the system saves when it switches threads (Intel SDM, volume 1, 13.3).
static uint64_t saved_state(void) {
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 27)) return 0;
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static int has(unsigned leaf, unsigned part, int reg, uint32_t bits) {
    uint32_t r[4] = {0};
    if (!__get_cpuid_count(leaf, part, &r[0], &r[1], &r[2], &r[3])) return 0;
    return (r[reg] & bits) == bits;
}

int packshot_has_baseline(void) {
    const uint32_t fma_f16c = 1u << 12 | 1u << 29;
    return (saved_state() & 6) == 6 && has(1, 0, 2, fma_f16c) && has(7, 0, 1, 1u << 5);
}

int packshot_has_wide_vectors(void) {
    const uint32_t f_dq_bw_vl = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
    return packshot_has_baseline() && (saved_state() & 0xE6) == 0xE6 && has(7, 0, 1, f_dq_bw_vl);
}

// Linux gives a process the eight kilobytes of tiles only if it asks (Documentation/arch/x86/xstate.rst).
static int ask_for_tiles(void) {
    const long request_permission = 0x1023, tile_data = 18;
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

int packshot_has_tiles(void) {
    const uint32_t bfloat16_and_tile = 1u << 22 | 1u << 24;
    const uint64_t tile_state = 1u << 17 | 1u << 18;
    return packshot_has_wide_vectors() && has(7, 0, 3, bfloat16_and_tile) && has(7, 1, 0, 1u << 5) &&
           (saved_state() & tile_state) == tile_state && ask_for_tiles();
}
#else
int packshot_has_baseline(void) { return 1; }
int packshot_has_wide_vectors(void) { return 0; }
int packshot_has_tiles(void) { return 0; }
#endif
