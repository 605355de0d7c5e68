// libwebsockets. Imported by HTTPServer only.
#pragma once
#include <libwebsockets.h>
