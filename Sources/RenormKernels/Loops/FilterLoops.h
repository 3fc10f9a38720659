// The averages of a normalization that tunes its own gains: each group is an observation, one after another, and only
// vectors of `channels` numbers are touched.

/// Which lanes hold elements, when `count` are left.
INLINE vi lanes_below(bool partial, ptrdiff_t count) {
    vi lane;
    for (int32_t i = 0; i < LANES; i++) lane[i] = i;
    return partial ? lane < (vi){} + (int32_t)count : lane >= 0;
}

/// In units of the deviation: how far the group's mean is from the average.
INLINE vf mean_innovation(const renorm_observation *o, ptrdiff_t i, bool partial, ptrdiff_t count, vi valid) {
    const vf gap = load_part(o->mean + i, partial, count) - load_part(o->average + i, partial, count);
    return choose(valid, gap / load_part(o->deviation + i, partial, count), (vf){});
}

/// The logarithm of the group's deviation over the average, or (arithmetic) their ratio less 1.
INLINE vf scale_innovation(const renorm_observation *o, ptrdiff_t i, bool partial, ptrdiff_t count, vi valid) {
    const vf deviation = load_part(o->deviation + i, partial, count);
    vf variance = load_part(o->variance + i, partial, count) + splat(o->epsilon);
    if (o->posterior_mean) {
        const vf gap = load_part(o->mean + i, partial, count) - load_part(o->posterior_mean + i, partial, count);
        variance = multiply_add(gap, gap, variance);
    }
    if (o->arithmetic) return choose(valid, __builtin_elementwise_sqrt(variance) / deviation - 1, (vf){});
    return choose(valid, logarithm(variance / (deviation * deviation)) * splat(0.5f), (vf){});
}

/// Replaces the last innovations by this group's, and says how they agree.
INLINE void innovate(
    const renorm_observation *o, bool is_scale, ptrdiff_t i, bool partial, ptrdiff_t count, float *last, vf *product, vf *square
) {
    const vi valid = lanes_below(partial, count);
    const vf e = is_scale ? scale_innovation(o, i, partial, count, valid) : mean_innovation(o, i, partial, count, valid);
    *product = multiply_add(e, load_part(last + i, partial, count), *product);
    *square = multiply_add(e, e, *square);
    store_part(last + i, e, partial, count);
}

/// How much of the group's own moment its normalization needs at least, to stay within a limit (for deviations exp(`limit`)).
INLINE vf part_needed(const renorm_observation *o, bool is_scale, vf innovation, float limit) {
    const vf size = __builtin_elementwise_abs(innovation);
    if (!is_scale || !o->arithmetic) return 1 - splat(limit) / size;
    const vf ratio = innovation + 1, largest = splat(expf(limit));
    return choose(innovation < 0, 1 - ratio * largest, ratio / largest - 1) / size;
}

/// What an average becomes when its innovation is weighted with `gain`.
INLINE vf moved(const renorm_observation *o, bool is_scale, ptrdiff_t i, bool partial, ptrdiff_t count, vf innovation, vf gain) {
    const vf step = innovation * gain, deviation = load_part(o->deviation + i, partial, count);
    if (!is_scale) return multiply_add(deviation, step, load_part(o->average + i, partial, count));
    return o->arithmetic ? multiply_add(deviation, step, deviation) : deviation * exponential(step);
}

/// Moves the averages by the gain along the innovations, and what the group is normalized with as far as the limit asks.
INLINE void correct(
    const renorm_observation *o, bool is_scale, ptrdiff_t i, bool partial, ptrdiff_t count, const float *e, float gain,
    float limit, float *average, float *posterior, float *gains
) {
    const vf innovation = load_part(e + i, partial, count);
    const vf needed = part_needed(o, is_scale, innovation, limit);
    const vf used = choose(needed > splat(gain), needed, splat(gain));
    store_part(gains + i, used, partial, count);
    store_part(posterior + i, moved(o, is_scale, i, partial, count, innovation, used), partial, count);
    store_part(average + i, moved(o, is_scale, i, partial, count, innovation, splat(gain)), partial, count);
}

/// One group: tunes a gain by how its innovations agree with those before, and filters with it. `gain` is [K, S, C].
static void filter_group(
    const renorm_moment_filter *filter, const renorm_observation *o, bool is_scale, bool is_first, float *last, float *gain,
    float *average, float *posterior, float *gains
) {
    const ptrdiff_t channels = filter->channels, whole = channels / LANES * LANES, left = channels - whole;
    const float limit = is_scale ? logf(filter->largest_ratio) : filter->largest_shift;
    vf product = {}, square = {};
    for (ptrdiff_t i = 0; i < whole; i += LANES) innovate(o, is_scale, i, false, LANES, last, &product, &square);
    if (left > 0) innovate(o, is_scale, whole, true, left, last, &product, &square);
    if (gain[0] == 0) {
        // Nothing is known of the gain: averages that were set by this group follow it, inherited ones hold.
        gain[0] = is_first ? filter->ceiling : fminf(filter->inherited, filter->ceiling);
    } else {
        const double share = 1 / (double)channels;
        gain[1] += filter->memory * ((float)(sum_of_lanes(square) * share) - gain[1]);
        gain[2] += filter->memory * ((float)(sum_of_lanes(product) * share) - gain[2]);
        const float grown = gain[0] * expf(filter->adaptation * (gain[2] / (gain[1] + 1e-12f) - filter->margin));
        gain[0] = fminf(fmaxf(grown, filter->floor), filter->ceiling);
    }
    for (ptrdiff_t i = 0; i < whole; i += LANES) {
        correct(o, is_scale, i, false, LANES, last, gain[0], limit, average, posterior, gains);
    }
    if (left > 0) correct(o, is_scale, whole, true, left, last, gain[0], limit, average, posterior, gains);
}
