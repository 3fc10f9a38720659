#include "CopyPlan.h"

static ptrdiff_t size_of(ptrdiff_t stride) { return stride < 0 ? -stride : stride; }

/// Insertion sort: ranks are at most 6.
static void sort_by_destination(renorm_copy_axis *axes, int32_t rank) {
    for (int32_t i = 1; i < rank; i++) {
        const renorm_copy_axis axis = axes[i];
        int32_t at = i;
        for (; at > 0 && size_of(axes[at - 1].destination_stride) < size_of(axis.destination_stride); at--) {
            axes[at] = axes[at - 1];
        }
        axes[at] = axis;
    }
}

/// Joins each axis to the next where walking through both is walking through one; returns the new rank.
static int32_t join_neighbours(renorm_copy_axis *axes, int32_t rank) {
    int32_t joined = 0;
    for (int32_t i = 1; i < rank; i++) {
        renorm_copy_axis *last = &axes[joined];
        const renorm_copy_axis next = axes[i];
        if (last->source_stride == next.source_stride * next.size
            && last->destination_stride == next.destination_stride * next.size) {
            *last = (renorm_copy_axis){last->size * next.size, next.source_stride, next.destination_stride};
        } else {
            axes[++joined] = next;
        }
    }
    return joined + 1;
}

ptrdiff_t renorm_copy_plan_make(
    renorm_copy_plan *plan, bool words, int32_t rank, const ptrdiff_t *sizes, const ptrdiff_t *source_strides,
    const ptrdiff_t *destination_strides
) {
    renorm_copy_axis axes[renorm_copy_maximum_rank];
    int32_t kept = 0;
    ptrdiff_t count = 1;
    for (int32_t i = 0; i < rank; i++) {
        count *= sizes[i];
        if (sizes[i] != 1) axes[kept++] = (renorm_copy_axis){sizes[i], source_strides[i], destination_strides[i]};
    }
    if (count == 0) return 0;
    if (kept == 0) axes[kept++] = (renorm_copy_axis){1, 1, 1};
    sort_by_destination(axes, kept);
    kept = join_neighbours(axes, kept);

    plan->line = axes[--kept];
    plan->transposes = false;
    if (words && plan->line.destination_stride == 1 && plan->line.source_stride != 1 && plan->line.source_stride != 0) {
        for (int32_t i = 0; i < kept && !plan->transposes; i++) {
            if (axes[i].source_stride != 1) continue;
            plan->transposes = true;
            plan->across = axes[i];
            for (int32_t k = i + 1; k < kept; k++) axes[k - 1] = axes[k];
            kept--;
        }
    }
    if (!plan->transposes) plan->across = (renorm_copy_axis){1, 0, 0};
    plan->outer_rank = kept;
    plan->outer_count = 1;
    for (int32_t i = 0; i < kept; i++) {
        plan->outer[i] = axes[i];
        plan->outer_count *= axes[i].size;
    }
    return count;
}
