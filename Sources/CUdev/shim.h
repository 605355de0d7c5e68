// libudev: which devices are attached, and which come and go. Imported by Udev only.
#pragma once
#include <libudev.h>
