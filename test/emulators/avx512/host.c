/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Host side of run-avx512.
 *
 *   host check PROGRAM               is it something that can run?
 *   host cpio SPEC                   write an archive (cpio, newc) to stdout; SPEC
 *                                    is a file of lines "MODE<tab>GUESTPATH[<tab>FILE]"
 *   host image KERNEL MEM_MB OUT ARCHIVE
 *                                    the guest's memory at start
 *   host watch FIFO SECONDS OUTDIR CMD...
 *                                    run Bochs, copy what the guest sends
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define IMAGE_BASE 0x100000u
#define BOOT_INFO 0x101000u
#define PAGE_TABLES 0x103000u
#define KERNEL_BASE 0x110000u       /* also in kernel.ld */
#define KERNEL_BSS 0x200000u
#define ARCHIVE_BASE 0x400000u

static pid_t emulator;

static void die(const char *format, ...) {
  va_list args;
  if (emulator > 0)
    kill(emulator, SIGKILL);
  va_start(args, format);
  fputs("run-avx512: ", stderr);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  exit(125);
}

static uint32_t get32(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p, 4);
  return v;
}
static uint64_t get64(const uint8_t *p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return v;
}
static void put32(uint8_t *p, uint32_t v) { memcpy(p, &v, 4); }
static void put64(uint8_t *p, uint64_t v) { memcpy(p, &v, 8); }

static uint8_t *load(const char *path, size_t *size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat st;
  if (fd < 0 || fstat(fd, &st))
    die("%s: %s", path, strerror(errno));
  uint8_t *data = malloc(st.st_size + 1);
  if (!data)
    die("out of memory");
  size_t n = 0;
  while (n < (size_t)st.st_size) {
    ssize_t r = read(fd, data + n, st.st_size - n);
    if (r <= 0)
      die("%s: cannot read", path);
    n += r;
  }
  close(fd);
  *size = n;
  return data;
}

static void store(int fd, const void *data, size_t size) {
  const char *p = data;
  while (size) {
    ssize_t r = write(fd, p, size);
    if (r < 0 && errno == EINTR)
      continue;
    if (r < 0)
      die("write: %s", strerror(errno));
    p += r;
    size -= r;
  }
}

/* ---- image ---------------------------------------------------------------- */

/* Memory from IMAGE_BASE on: header for the boot ROM, boot information and page
 * tables for the kernel, the kernel, and the archive of files. */
static int make_image(const char *kernel, unsigned mem_mb, const char *out_path, const char *archive) {
  size_t ksize, asize;
  uint8_t *k = load(kernel, &ksize), *a = load(archive, &asize);
  uint64_t memory_end = (uint64_t)mem_mb << 20;
  if (ksize > ARCHIVE_BASE - KERNEL_BASE - KERNEL_BSS)
    die("%s: too large", kernel);
  if (ARCHIVE_BASE + asize + (16u << 20) > memory_end)
    die("the files do not fit into %u MB of guest memory; use --memory", mem_mb);
  uint8_t *low = calloc(1, ARCHIVE_BASE - IMAGE_BASE);
  put32(low, 0x35585641);
  put32(low + 4, memory_end);
  put64(low + 8, PAGE_TABLES);
  put64(low + 16, KERNEL_BASE);
  put64(low + 24, BOOT_INFO);

  uint8_t *info = low + BOOT_INFO - IMAGE_BASE; /* struct boot_info of kernel.c */
  put64(info, memory_end);
  put64(info + 8, ARCHIVE_BASE);
  put64(info + 16, asize);
  put64(info + 24, getenv("AVX512_EMULATOR_VERBOSE") != NULL);

    /* 1 GiB pages: 4 GiB one to one for the ROM; 2 GiB at the top for the kernel */
  uint8_t *pt = low + PAGE_TABLES - IMAGE_BASE;
  put64(pt, (PAGE_TABLES + 0x1000) | 3);
  put64(pt + 511 * 8, (PAGE_TABLES + 0x2000) | 3);
  for (uint64_t i = 0; i < 4; i++)
    put64(pt + 0x1000 + i * 8, i << 30 | 0x83);
  for (uint64_t i = 0; i < 2; i++)
    put64(pt + 0x2000 + (510 + i) * 8, i << 30 | 0x83);
  memcpy(low + KERNEL_BASE - IMAGE_BASE, k, ksize);

  int fd = open(out_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0)
    die("%s: %s", out_path, strerror(errno));
  store(fd, low, ARCHIVE_BASE - IMAGE_BASE);
  store(fd, a, asize);
  return 0;
}

/* ---- check: is it a static x86-64 program? ------------------------------------ */

static int check(const char *path) {
  size_t size;
  uint8_t *e = load(path, &size);
  if (size < 64 || memcmp(e, "\177ELF\2\1", 6) || e[18] != 62 || e[19])
    die("%s: not an x86-64 ELF program", path);
  if (e[16] != 2 && e[16] != 3)
    die("%s: not an executable (link it; object files cannot run)", path);
  uint64_t phoff = get64(e + 32);
  unsigned count = e[56] | e[57] << 8;
  if (e[54] != 56 || phoff > size || (uint64_t)count * 56 > size - phoff)
    die("%s: damaged ELF file", path);
  for (unsigned i = 0; i < count; i++)
    if (get32(e + phoff + i * 56) == 3)
      die("%s: dynamically linked; link it with -static", path);
  return 0;
}

/* ---- cpio ----------------------------------------------------------------- */

static void cpio_entry(const char *name, unsigned mode, const void *data, size_t size) {
  static unsigned inode = 1;
  size_t length = strlen(name) + 1;
  printf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", inode++, mode, 0, 0, 1, 0, (unsigned)size, 0, 0,
         0, 0, (unsigned)length, 0);
  fwrite(name, 1, length, stdout);
  for (size_t n = 110 + length; n & 3; n++)
    putchar(0);
  if (size)
    fwrite(data, 1, size, stdout);
  for (size_t n = size; n & 3; n++)
    putchar(0);
}

static int make_cpio(const char *spec) {
  FILE *f = fopen(spec, "r");
  if (!f)
    die("%s: %s", spec, strerror(errno));
  char *line = NULL;
  size_t capacity = 0;
  ssize_t n;
  while ((n = getline(&line, &capacity, f)) > 0) {
    if (line[n - 1] == '\n')
      line[n - 1] = 0;
    char *mode = strtok(line, "\t"), *guest = strtok(NULL, "\t"), *file = strtok(NULL, "\t");
    if (!guest)
      die("%s: bad line", spec);
    unsigned m = strtoul(mode, NULL, 8);
    if (file) {
      size_t size;
      uint8_t *data = load(file, &size);
      cpio_entry(guest, m, data, size);
      free(data);
    } else {
      cpio_entry(guest, m, NULL, 0);
    }
  }
  cpio_entry("TRAILER!!!", 0, NULL, 0);
  return fflush(stdout) ? 125 : 0;
}

/* ---- watch ---------------------------------------------------------------- */

static volatile sig_atomic_t stop_signal;
static void on_signal(int s) { stop_signal = s; }

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

/* Frames from the guest: type byte, little-endian length, bytes.
 *   o e  stdout, stderr     x  exit status     m  message of the guest's init
 *   F    number of the next file sent back, f its bytes */
static int watch(int argc, char **argv) {
  const char *fifo = argv[0];
  double seconds = atof(argv[1]), start = now();
  const char *out_dir = argv[2];
  int verbose = getenv("AVX512_EMULATOR_VERBOSE") != NULL;
  (void)argc;

  prctl(PR_SET_PDEATHSIG, SIGTERM);
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  signal(SIGHUP, on_signal);
  signal(SIGPIPE, SIG_IGN);
  int in = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (in < 0)
    die("%s: %s", fifo, strerror(errno));
  int keep = open(fifo, O_WRONLY | O_CLOEXEC);    /* no end-of-file before Bochs opens it */
  (void)keep;
  pid_t pid = fork();
  if (pid < 0)
    die("fork: %s", strerror(errno));
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    setpgid(0, 0);
    execvp(argv[3], argv + 3);
    _exit(127);
  }
  emulator = pid;

  uint8_t head[5], buffer[65536];
  size_t have = 0, left = 0;
  char type = 0, name[16];
  size_t name_length = 0;
  uint8_t status[4];
  size_t status_length = 0;
  FILE *file = NULL;
  int exit_code = -1, exited = 0, wait_status = 0, timed_out = 0, problem = 0;
  for (;;) {
    struct pollfd p = {in, POLLIN, 0};
    poll(&p, 1, exited ? 0 : 20);
    ssize_t n = read(in, buffer, sizeof buffer);
    for (ssize_t i = 0; i < n;) {
      if (left == 0) {
        head[have++] = buffer[i++];
        if (have < 5)
          continue;
        have = 0;
        type = head[0];
        left = get32(head + 1);
        if (!strchr("oexmFf", type) || left > (1u << 30)) {
          problem = 1;
          n = 0;
          break;
        }
        if (type == 'F')
          name_length = 0;
        continue;
      }
      size_t take = (size_t)(n - i) < left ? (size_t)(n - i) : left;
      const uint8_t *data = buffer + i;
      i += take;
      left -= take;
      switch (type) {
      case 'o':
        store(1, data, take);
        break;
      case 'e':
        store(2, data, take);
        break;
      case 'm':
        if (verbose || exit_code == 125)
          store(2, data, take);
        break;
      case 'x':
        for (size_t j = 0; j < take && status_length < 4; j++)
          status[status_length++] = data[j];
        if (status_length == 4)
          exit_code = get32(status);
        break;
      case 'F':
        for (size_t j = 0; j < take && name_length < sizeof name - 1; j++)
          name[name_length++] = data[j];
        if (left == 0) {
          char path[4096];
          snprintf(path, sizeof path, "%s/%.*s", out_dir, (int)name_length, name);
          if (file)
            fclose(file);
          file = fopen(path, "wb");
          if (!file)
            die("%s: %s", path, strerror(errno));
        }
        break;
      case 'f':
        if (file)
          fwrite(data, 1, take, file);
        break;
      }
    }
    if (problem)
      break;
    if (n > 0)
      continue;
    if (exited)
      break;
    if (exit_code >= 0 || waitpid(pid, &wait_status, WNOHANG) == pid) {
      if (exit_code < 0)
        exited = 1;
      else
        break;
      continue;
    }
    if (stop_signal || (seconds > 0 && now() - start > seconds)) {
      timed_out = !stop_signal;
      break;
    }
  }
  if (!exited) {
    kill(pid, SIGKILL);
    waitpid(pid, &wait_status, 0);
  }
  if (file)
    fclose(file);
  if (verbose)
    fprintf(stderr, "run-avx512: emulator ran %.2f s\n", now() - start);
  if (exit_code >= 0)
    return exit_code;
  if (timed_out) {
    fprintf(stderr, "run-avx512: no end after %g s; stopped\n", seconds);
    return 124;
  }
  if (stop_signal)
    return 128 + stop_signal;
  if (problem) {
    fprintf(stderr, "run-avx512: the guest sent an unknown frame\n");
    return 125;
  }
  fprintf(stderr, "run-avx512: Bochs ended (status 0x%x) before the program did\n", wait_status);
  return 125;
}

int main(int argc, char **argv) {
  if (argc == 3 && !strcmp(argv[1], "check"))
    return check(argv[2]);
  if (argc == 6 && !strcmp(argv[1], "image"))
    return make_image(argv[2], atoi(argv[3]), argv[4], argv[5]);
  if (argc == 3 && !strcmp(argv[1], "cpio"))
    return make_cpio(argv[2]);
  if (argc >= 6 && !strcmp(argv[1], "watch"))
    return watch(argc - 2, argv + 2);
  die("bad arguments to the host helper");
}
