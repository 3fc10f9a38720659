#pragma once

#include "RenormJPEG.h"
#include "RenormPNG.h"
#include "RenormPixels.h"
#include "RenormReason.h"
#include "RenormWebP.h"
