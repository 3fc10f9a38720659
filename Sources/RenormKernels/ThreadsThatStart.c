#include <pthread.h>
#include <stdlib.h>

#include "RenormKernels.h"

typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t opened;
    int is_open;
} gate;

static void *wait_at(void *argument) {
    gate *gate = argument;
    pthread_mutex_lock(&gate->mutex);
    while (!gate->is_open) pthread_cond_wait(&gate->opened, &gate->mutex);
    pthread_mutex_unlock(&gate->mutex);
    return NULL;
}

int32_t renorm_threads_that_start(int32_t threads) {
    if (threads <= 1) return 1;
    pthread_t *others = calloc((size_t)threads - 1, sizeof(pthread_t));
    if (!others) return 1;
    gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    int32_t started = 0;
    while (started < threads - 1 && pthread_create(&others[started], NULL, wait_at, &gate) == 0) started++;
    pthread_mutex_lock(&gate.mutex);
    gate.is_open = 1;
    pthread_cond_broadcast(&gate.opened);
    pthread_mutex_unlock(&gate.mutex);
    for (int32_t i = 0; i < started; i++) pthread_join(others[i], NULL);
    free(others);
    return started + 1;
}
