// Jansson's parser. Imported by JSON only.
#pragma once
#include <jansson.h>
