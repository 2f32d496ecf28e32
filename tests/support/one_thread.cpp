// SPDX-License-Identifier: GPL-2.0-or-later
//
// For test programs of one thread, which ThreadSanitizer is not asked to look at (cmake/berth.cmake, berth_threaded): this
// pthread_create(3) stands before the C library's, and no thread begins unseen.
#include <pthread.h>

#include <cstdio>
#include <cstdlib>

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the C library's own names
extern "C" int pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) {
  std::fputs("this program begins a thread: it belongs into berth_threaded of cmake/berth.cmake\n", stderr);
  std::abort();
}
