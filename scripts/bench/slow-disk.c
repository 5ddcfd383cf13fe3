/* Makes every fsync and fdatasync of a program last longer, by SLOW_DISK_MS: a disk that needs milliseconds. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_a_little(void) {
  const char *ms = getenv("SLOW_DISK_MS");
  if (ms != NULL) usleep((useconds_t)atoi(ms) * 1000);
}

int fsync(int fd) {
  static int (*real)(int);
  if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  wait_a_little();
  return real(fd);
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  wait_a_little();
  return real(fd);
}
