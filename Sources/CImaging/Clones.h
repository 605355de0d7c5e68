// A function for every machine, and the same for those with AVX2; the loader chooses.
#pragma once
#if defined(__x86_64__)
#define CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CLONES
#endif
