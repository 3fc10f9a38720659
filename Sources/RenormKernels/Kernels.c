#include "RenormKernels.h"
