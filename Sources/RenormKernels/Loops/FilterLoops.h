// The averages of a normalization that tunes its own gains: each group is an observation, one after another, and only
// vectors of `channels` numbers are touched.

/// Which lanes hold elements, when `count` are left.
INLINE vi lanes_below(bool partial, ptrdiff_t count) {
    vi lane;
    for (int32_t i = 0; i < LANES; i++) lane[i] = i;
    return partial ? lane < (vi){} + (int32_t)count : lane >= 0;
}

/// An innovation whose square is finite, in sums over any number of channels: no more than what the average of squares bears.
INLINE vf within_reach(vf e) {
    const vf most = splat(1e15f);
    return choose(e > most, most, choose(e < -most, -most, e));
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
    const vf e = within_reach(
        is_scale ? scale_innovation(o, i, partial, count, valid) : mean_innovation(o, i, partial, count, valid));
    *product = multiply_add(e, load_part(last + i, partial, count), *product);
    *square = multiply_add(e, e, *square);
    store_part(last + i, e, partial, count);
}

/// Moves the averages by a gain along the innovations.
INLINE void correct(
    const renorm_observation *o, bool is_scale, ptrdiff_t i, bool partial, ptrdiff_t count, const float *e, float gain,
    float *average
) {
    const vf step = load_part(e + i, partial, count) * splat(gain), deviation = load_part(o->deviation + i, partial, count);
    const vf moved = !is_scale ? multiply_add(deviation, step, load_part(o->average + i, partial, count))
        : o->arithmetic ? multiply_add(deviation, step, deviation) : deviation * exponential(step);
    store_part(average + i, moved, partial, count);
}

/// How much of the way from the averages after a group to its own moments is left to what the group is normalized by: the gain or, where
/// more of its innovations is beyond noise, that part.
INLINE float further(float gain, float beyond) { return beyond > gain ? (beyond - gain) / (1 - gain) : 0; }

/// What a group is normalized with: r = own / average deviation and d, the distance of the means in average deviations, within their
/// limits, make r · x̂ + d of what is x̂ with the group's own moments. The averages are first moved on by what is `beyond` noise.
INLINE void limit(
    const renorm_moment_filter *filter, const renorm_observation *o, ptrdiff_t i, bool partial, ptrdiff_t count,
    float mean_gain, float scale_gain, float beyond, const renorm_normalizing *to
) {
    const vf own_mean = load_part(o->mean + i, partial, count);
    const vf own = __builtin_elementwise_sqrt(load_part(o->variance + i, partial, count) + splat(o->epsilon));
    vf mean = load_part(o->average + i, partial, count), deviation = load_part(o->deviation + i, partial, count);
    const float mean_step = further(mean_gain, beyond), scale_step = further(scale_gain, beyond);
    if (mean_step > 0) mean = multiply_add(own_mean - mean, splat(mean_step), mean);
    if (scale_step > 0)
        deviation = o->arithmetic ? multiply_add(own - deviation, splat(scale_step), deviation)
            : deviation * exponential(logarithm(own / deviation) * splat(scale_step));
    const vf ratio = own / deviation, shift = (own_mean - mean) / deviation;
    const vf most = splat(filter->largest_ratio), far = splat(filter->largest_shift);
    const vi is_above = ratio > most, is_below = ratio * most < 1, is_far = __builtin_elementwise_abs(shift) > far;
    const vf used = choose(is_above, own / most, choose(is_below, own * most, deviation));
    const vf d = choose(is_far, choose(shift < 0, -far, far), shift);
    const vi is_limited = is_above | is_below;
    store_part(to->mean + i, choose(is_limited | is_far, own_mean - d * used, mean), partial, count);
    store_part(to->deviation + i, used, partial, count);
    store_part(to->mean_part + i, choose(is_far, splat(1), splat(fmaxf(mean_gain, beyond))), partial, count);
    store_part(to->scale_part + i, choose(is_limited, splat(1), splat(fmaxf(scale_gain, beyond))), partial, count);
}

static void limit_group(
    const renorm_moment_filter *filter, const renorm_observation *o, float mean_gain, float scale_gain, float beyond,
    const renorm_normalizing *to
) {
    const ptrdiff_t channels = filter->channels, whole = channels / LANES * LANES, left = channels - whole;
    for (ptrdiff_t i = 0; i < whole; i += LANES) limit(filter, o, i, false, LANES, mean_gain, scale_gain, beyond, to);
    if (left > 0) limit(filter, o, whole, true, left, mean_gain, scale_gain, beyond, to);
}

/// One group: tunes a gain by how its innovations agree with those before, and filters with it. `gain` is [K, S, C]. Gives the part of
/// the innovations that is beyond noise.
static float filter_group(
    const renorm_moment_filter *filter, const renorm_observation *o, bool is_scale, bool is_first, float *last, float *gain,
    float *average
) {
    const ptrdiff_t channels = filter->channels, whole = channels / LANES * LANES, left = channels - whole;
    vf product = {}, square = {};
    for (ptrdiff_t i = 0; i < whole; i += LANES) innovate(o, is_scale, i, false, LANES, last, &product, &square);
    if (left > 0) innovate(o, is_scale, whole, true, left, last, &product, &square);
    const double share = 1 / (double)channels;
    const float own = (float)(sum_of_lanes(square) * share), agreement = (float)(sum_of_lanes(product) * share);
    float credible = 1;
    if (gain[0] == 0) {
        // Nothing is known of the gain: averages that were set by this group follow it, inherited ones hold, and learn from it what is noise.
        gain[0] = is_first ? filter->ceiling : fminf(filter->inherited, filter->ceiling);
        if (!is_first && isfinite(filter->significance)) gain[1] = own;
    } else {
        // Half the mean square of what successive innovations differ by: a lag, in which they agree, is not in it.
        // S and C began at 0, of which the first groups make little: `known` of what they will be.
        const float noise = o->known > 0 ? fmaxf(gain[1] - gain[2], 0.1f * gain[1]) / o->known : 0;
        const float bound = filter->significance * noise;
        if (noise > 0 && own > bound) credible = bound / own;
        gain[1] += filter->memory * (own * credible - gain[1]);
        gain[2] += filter->memory * (agreement * sqrtf(credible) - gain[2]);
        float grown = gain[0] * expf(filter->adaptation * (gain[2] / (gain[1] + 1e-12f) - filter->margin));
        grown = fmaxf(grown, filter->floor);
        // Twice in a row, and alike: the population has moved.
        if (noise > 0 && agreement > bound) grown = fmaxf(grown, agreement / (agreement + noise));
        gain[0] = fminf(grown, filter->ceiling);
    }
    for (ptrdiff_t i = 0; i < whole; i += LANES) correct(o, is_scale, i, false, LANES, last, gain[0], average);
    if (left > 0) correct(o, is_scale, whole, true, left, last, gain[0], average);
    if (credible < 1)
        for (ptrdiff_t i = 0; i < channels; i++) last[i] *= sqrtf(credible);
    return 1 - credible;
}
