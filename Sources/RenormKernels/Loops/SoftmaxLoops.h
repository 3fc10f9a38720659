// Softmax and its cross-entropy, a row at a time.

/// Keeps the lanes of a partial vector that hold elements.
INLINE vf keep_first(vf v, bool partial, ptrdiff_t count) {
    if (!partial) return v;
    float lanes[LANES] = {};
    store_first(lanes, v, count);
    return load(lanes);
}

/// Sums over the classes of e^(z − greatest) and of z − greatest.
typedef struct {
    float greatest;
    double exponentials;
    double logits;
} softmax_sums;

INLINE softmax_sums sums_of(ptrdiff_t classes, const float *z, bool wants_logits) {
    softmax_sums sums = {.greatest = (float)reduce_run(renorm_reduction_maximum, renorm_f32, classes, z, NULL)};
    vf exponentials = {}, logits = {};
    ptrdiff_t in_lanes = 0;
    FOR_EACH_VECTOR(classes, {
        const vf centered = load_part(z + i, partial, count) - sums.greatest;
        exponentials += keep_first(exponential(centered), partial, count);
        if (wants_logits) logits += keep_first(centered, partial, count);
        if (++in_lanes == vectors_per_lane) {
            sums.exponentials += sum_of_lanes(exponentials);
            sums.logits += sum_of_lanes(logits);
            exponentials = logits = (vf){};
            in_lanes = 0;
        }
    });
    sums.exponentials += sum_of_lanes(exponentials);
    sums.logits += sum_of_lanes(logits);
    return sums;
}

static void cross_entropy(
    ptrdiff_t examples, ptrdiff_t classes, const float *logits, const int32_t *labels, float smoothing, float *loss
) {
    for (ptrdiff_t n = 0; n < examples; n++) {
        const float *z = logits + n * classes;
        if (labels[n] < 0 || labels[n] >= classes) {
            loss[n] = NAN;
            continue;
        }
        const softmax_sums sums = sums_of(classes, z, smoothing != 0);
        const double own = (double)z[labels[n]] - (double)sums.greatest;
        const double target = (1 - (double)smoothing) * own
            + (smoothing != 0 ? (double)smoothing / (double)classes * sums.logits : 0);
        loss[n] = (float)(log(sums.exponentials) - target);
    }
}

static void cross_entropy_gradient(
    ptrdiff_t examples, ptrdiff_t classes, const float *logits, const int32_t *labels, float smoothing,
    const float *loss_gradient, float *gradient
) {
    for (ptrdiff_t n = 0; n < examples; n++) {
        const float *z = logits + n * classes;
        float *g = gradient + n * classes;
        const softmax_sums sums = sums_of(classes, z, false);
        const float one_by_sum = (float)(1 / sums.exponentials);
        const float everywhere = -smoothing / (float)classes;
        const float factor = loss_gradient[n];
        const bool valid = labels[n] >= 0 && labels[n] < classes;
        // Computed before the loop, which may overwrite the logit; softmax and target cancel, so they meet first.
        const float own = valid ? expf(z[labels[n]] - sums.greatest) * one_by_sum : 0;
        FOR_EACH_VECTOR(classes, {
            const vf share = exponential(load_part(z + i, partial, count) - sums.greatest) * one_by_sum;
            store_part(g + i, valid ? (share + everywhere) * factor : splat(NAN), partial, count);
        });
        if (valid) g[labels[n]] = (own - (1 - smoothing) + everywhere) * factor;
    }
}
