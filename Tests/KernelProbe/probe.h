// What the programs of this folder share: numbers that look random and are the same in every run.

#pragma once

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "RenormKernels.h"

static uint64_t state = 88172645463325252u;

static uint64_t next(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static ptrdiff_t pick(ptrdiff_t first, ptrdiff_t last) {
    return first + (ptrdiff_t)(next() % (uint64_t)(last - first + 1));
}
