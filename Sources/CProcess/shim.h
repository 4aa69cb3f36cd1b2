#ifndef PACKSHOT_CPROCESS_SHIM_H
#define PACKSHOT_CPROCESS_SHIM_H
#include <sys/prctl.h>

/// Makes this process the parent of those of its descendants whose own parent has ended. 0, or -1 with errno.
static inline int packshot_adopt_orphans(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

#endif
