/*
 * Preloaded into a program under test: writes a line to $GLEAN_WATCH for every file it opens for writing or makes,
 * every name it looks up and every address it connects to. Children inherit it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void line(const char *kind, const char *text) {
  const char *log = getenv("GLEAN_WATCH");
  if (log == NULL) return;
  char out[2 * PATH_MAX];
  int size = snprintf(out, sizeof out, "%s\t%s\n", kind, text);
  long fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return;
  syscall(SYS_write, fd, out, size);
  syscall(SYS_close, fd);
}

static void written(int folder, const char *path) {
  char base[PATH_MAX] = "", full[2 * PATH_MAX], link[64];
  if (path == NULL) return;
  if (path[0] != '/') {
    if (folder == AT_FDCWD) {
      if (getcwd(base, sizeof base) == NULL) return;
    } else {
      snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
      ssize_t n = readlink(link, base, sizeof base - 1);
      if (n < 0) return;
      base[n] = 0;
    }
  }
  snprintf(full, sizeof full, "%s%s%s", base, base[0] ? "/" : "", path);
  line("write", full);
}

/* What would make a file counts even if it fails; to open a file for writing that is not there does nothing. */
#define WRITES(flags, fd) (((flags) & (O_CREAT | O_TRUNC)) || (((flags) & O_ACCMODE) != O_RDONLY && (fd) >= 0))
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define MODE(flags)                                   \
  mode_t mode = 0;                                    \
  if ((flags) & (O_CREAT | __O_TMPFILE)) {            \
    va_list rest;                                     \
    va_start(rest, flags);                            \
    mode = va_arg(rest, mode_t);                      \
    va_end(rest);                                     \
  }

int open(const char *path, int flags, ...) {
  MODE(flags)
  int fd = NEXT(open)(path, flags, mode);
  if (WRITES(flags, fd)) written(AT_FDCWD, path);
  return fd;
}
int open64(const char *path, int flags, ...) {
  MODE(flags)
  int fd = NEXT(open64)(path, flags, mode);
  if (WRITES(flags, fd)) written(AT_FDCWD, path);
  return fd;
}
int openat(int folder, const char *path, int flags, ...) {
  MODE(flags)
  int fd = NEXT(openat)(folder, path, flags, mode);
  if (WRITES(flags, fd)) written(folder, path);
  return fd;
}
int openat64(int folder, const char *path, int flags, ...) {
  MODE(flags)
  int fd = NEXT(openat64)(folder, path, flags, mode);
  if (WRITES(flags, fd)) written(folder, path);
  return fd;
}
int creat(const char *path, mode_t mode) {
  written(AT_FDCWD, path);
  return NEXT(creat)(path, mode);
}
FILE *fopen(const char *path, const char *mode) {
  if (strpbrk(mode, "wa+") != NULL) written(AT_FDCWD, path);
  return NEXT(fopen)(path, mode);
}
FILE *fopen64(const char *path, const char *mode) {
  if (strpbrk(mode, "wa+") != NULL) written(AT_FDCWD, path);
  return NEXT(fopen64)(path, mode);
}
int mkdir(const char *path, mode_t mode) {
  /* Node makes every parent of a folder, and most are there: only what is made counts. */
  int result = NEXT(mkdir)(path, mode);
  if (result == 0) written(AT_FDCWD, path);
  return result;
}
int rename(const char *from, const char *to) {
  written(AT_FDCWD, to);
  return NEXT(rename)(from, to);
}
int symlink(const char *target, const char *path) {
  written(AT_FDCWD, path);
  return NEXT(symlink)(target, path);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
  if (node != NULL) line("lookup", node);
  return NEXT(getaddrinfo)(node, service, hints, result);
}
struct hostent *gethostbyname(const char *name) {
  line("lookup", name);
  return NEXT(gethostbyname)(name);
}

static void reached(const struct sockaddr *address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address == NULL) return;
  if (address->sa_family == AF_INET) inet_ntop(AF_INET, &((struct sockaddr_in *)address)->sin_addr, text, sizeof text);
  if (address->sa_family == AF_INET6) inet_ntop(AF_INET6, &((struct sockaddr_in6 *)address)->sin6_addr, text, sizeof text);
  if (text[0] != 0) line("connect", text);
}
int connect(int fd, const struct sockaddr *address, socklen_t size) {
  reached(address);
  return NEXT(connect)(fd, address, size);
}
ssize_t sendto(int fd, const void *data, size_t n, int flags, const struct sockaddr *address, socklen_t size) {
  reached(address);
  return NEXT(sendto)(fd, data, n, flags, address, size);
}
