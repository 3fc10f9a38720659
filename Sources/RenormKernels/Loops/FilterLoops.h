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

/// What a group is normalized with: r = own / average deviation and d, the distance of the means in average deviations, within their
/// limits, make r · x̂ + d of what is x̂ with the group's own moments.
INLINE void limit(
    const renorm_moment_filter *filter, const renorm_observation *o, ptrdiff_t i, bool partial, ptrdiff_t count,
    float mean_gain, float scale_gain, const renorm_normalizing *to
) {
    const vf own_mean = load_part(o->mean + i, partial, count), mean = load_part(o->average + i, partial, count);
    const vf own = __builtin_elementwise_sqrt(load_part(o->variance + i, partial, count) + splat(o->epsilon));
    const vf deviation = load_part(o->deviation + i, partial, count);
    const vf ratio = own / deviation, shift = (own_mean - mean) / deviation;
    const vf most = splat(filter->largest_ratio), far = splat(filter->largest_shift);
    const vi is_above = ratio > most, is_below = ratio * most < 1, is_far = __builtin_elementwise_abs(shift) > far;
    const vf used = choose(is_above, own / most, choose(is_below, own * most, deviation));
    const vf d = choose(is_far, choose(shift < 0, -far, far), shift);
    const vi is_limited = is_above | is_below;
    store_part(to->mean + i, choose(is_limited | is_far, own_mean - d * used, mean), partial, count);
    store_part(to->deviation + i, used, partial, count);
    store_part(to->mean_part + i, choose(is_far, splat(1), splat(mean_gain)), partial, count);
    store_part(to->scale_part + i, choose(is_limited, splat(1), splat(scale_gain)), partial, count);
}

static void limit_group(
    const renorm_moment_filter *filter, const renorm_observation *o, float mean_gain, float scale_gain, const renorm_normalizing *to
) {
    const ptrdiff_t channels = filter->channels, whole = channels / LANES * LANES, left = channels - whole;
    for (ptrdiff_t i = 0; i < whole; i += LANES) limit(filter, o, i, false, LANES, mean_gain, scale_gain, to);
    if (left > 0) limit(filter, o, whole, true, left, mean_gain, scale_gain, to);
}

/// One group: tunes a gain by how its innovations agree with those before, and filters with it. `gain` is [K, S, C].
static void filter_group(
    const renorm_moment_filter *filter, const renorm_observation *o, bool is_scale, bool is_first, float *last, float *gain,
    float *average
) {
    const ptrdiff_t channels = filter->channels, whole = channels / LANES * LANES, left = channels - whole;
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
    for (ptrdiff_t i = 0; i < whole; i += LANES) correct(o, is_scale, i, false, LANES, last, gain[0], average);
    if (left > 0) correct(o, is_scale, whole, true, left, last, gain[0], average);
}
