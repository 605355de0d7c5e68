// libpng's simplified interface, which needs no setjmp. Imported by Pictures only.
#pragma once
#include <png.h>
