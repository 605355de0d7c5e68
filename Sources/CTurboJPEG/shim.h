// TurboJPEG, libjpeg-turbo's own interface. Imported by Pictures only.
#pragma once
#include <turbojpeg.h>
