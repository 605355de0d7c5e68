// libgpiod 1.6. Imported by Signals only.
#pragma once
#include <gpiod.h>

static const int scangate_gpio_active_low = GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW;
