#include "Loops/Table.h"
#include "Normalization.h"
#include "Team.h"

#include <math.h>
#include <string.h>

// The calling thread does all of it: there is too little work to share.

void renorm_filter_moments(
    renorm_team *team, renorm_moment_filter filter, const float *moments, const float *mean, const float *deviation,
    const float *innovations, const float *gains, const float *count, float *result
) {
    const renorm_loops *loops = renorm_loops_for(team);
    const ptrdiff_t groups = filter.groups, channels = filter.channels, all = groups * channels;
    float *last = result + 4 * all, *averages = last + 2 * channels, *state = averages + 2 * channels;
    memcpy(last, innovations, (size_t)(2 * channels) * sizeof(float));
    memcpy(state, gains, 6 * sizeof(float));
    const bool is_new = *count == 0;
    if (is_new) {
        // The first group is the averages: its innovations are 0, whatever gain they are weighted with.
        memcpy(averages, moments, (size_t)channels * sizeof(float));
        for (ptrdiff_t c = 0; c < channels; c++) averages[channels + c] = sqrtf(moments[all + c] + filter.epsilon);
    } else {
        memcpy(averages, mean, (size_t)channels * sizeof(float));
        memcpy(averages + channels, deviation, (size_t)channels * sizeof(float));
    }
    const double width = fmax(1, filter.widening * *count);
    filter.largest_ratio = (float)(filter.largest_ratio * width);
    filter.largest_shift = (float)(filter.largest_shift * width);
    for (ptrdiff_t group = 0; group < groups; group++) {
        const ptrdiff_t at = group * channels;
        const bool is_first = is_new && group == 0;
        renorm_observation observation = {
            .mean = moments + at,
            .variance = moments + all + at,
            .average = averages,
            .deviation = averages + channels,
            .epsilon = filter.epsilon,
            // The group that sets new averages says nothing of noise.
            .known = (float)(1 - pow(1 - (double)filter.memory, fmax(0, *count * (double)groups + (double)group - 1))),
            .arithmetic = filter.arithmetic != 0,
        };
        float beyond = loops->filter_group(&filter, &observation, false, is_first, last, state, averages);
        if (filter.total) observation.posterior_mean = averages;
        // Weights that jump move means and deviations, so what either shows is held against both.
        beyond = fmaxf(
            beyond, loops->filter_group(&filter, &observation, true, is_first, last + channels, state + 3, averages + channels));
        const renorm_normalizing to = {
            .mean = result + at,
            .deviation = result + all + at,
            .mean_part = result + 2 * all + at,
            .scale_part = result + 3 * all + at,
        };
        loops->limit_group(&filter, &observation, state[0], state[3], beyond, &to);
    }
}
