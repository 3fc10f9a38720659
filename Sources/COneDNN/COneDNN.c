#include "COneDNN.h"

#include <dlfcn.h>

const char *onednn_find_functions(void *library, onednn_functions *functions) {
#define ONEDNN_FIND(name, result, parameters) \
    functions->name = (result(*) parameters)dlsym(library, "dnnl_" #name); \
    if (!functions->name) return "dnnl_" #name;
    ONEDNN_FUNCTIONS(ONEDNN_FIND)
    ONEDNN_FUNCTIONS_OF_STRUCTURES(ONEDNN_FIND)
#undef ONEDNN_FIND
    return NULL;
}
