// libseccomp: system call filters. Imported by Sandbox only.
#pragma once
#include <seccomp.h>
