#include "Loops/Table.h"
#include "Team.h"

typedef struct {
    const renorm_loops *loops;
    ptrdiff_t examples, classes;
    const float *logits;
    const int32_t *labels;
    float smoothing;
    const float *loss_gradient;
    float *result;
} cross_entropy_pass;

/// An exponential costs about as much as moving 16 bytes.
static double cost(ptrdiff_t examples, ptrdiff_t classes) { return 24.0 * (double)examples * (double)classes; }

static void loss_body(void *context, int32_t thread, int32_t threads) {
    const cross_entropy_pass *pass = context;
    const renorm_share mine = renorm_share_of(pass->examples, thread, threads);
    pass->loops->cross_entropy(
        mine.end - mine.first, pass->classes, pass->logits + mine.first * pass->classes, pass->labels + mine.first,
        pass->smoothing, pass->result + mine.first);
}

static void gradient_body(void *context, int32_t thread, int32_t threads) {
    const cross_entropy_pass *pass = context;
    const renorm_share mine = renorm_share_of(pass->examples, thread, threads);
    pass->loops->cross_entropy_gradient(
        mine.end - mine.first, pass->classes, pass->logits + mine.first * pass->classes,
        pass->labels + mine.first, pass->smoothing, pass->loss_gradient + mine.first,
        pass->result + mine.first * pass->classes);
}

void renorm_cross_entropy(
    renorm_team *team, ptrdiff_t examples, ptrdiff_t classes, const float *logits, const int32_t *labels,
    float smoothing, float *loss
) {
    cross_entropy_pass pass = {renorm_loops_for(team), examples, classes, logits, labels, smoothing, NULL, loss};
    renorm_team_run_for(team, cost(examples, classes), loss_body, &pass);
}

void renorm_cross_entropy_gradient(
    renorm_team *team, ptrdiff_t examples, ptrdiff_t classes, const float *logits, const int32_t *labels,
    float smoothing, const float *loss_gradient, float *gradient
) {
    cross_entropy_pass pass = {renorm_loops_for(team), examples, classes, logits, labels, smoothing, loss_gradient, gradient};
    renorm_team_run_for(team, cost(examples, classes), gradient_body, &pass);
}
