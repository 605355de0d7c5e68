// A function for every machine, and the same for those with AVX2; the loader chooses.
#pragma once
// It chooses before the thread sanitizer, which watches that code too, has begun.
#if defined(__x86_64__) && !__has_feature(thread_sanitizer)
#define CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CLONES
#endif
