/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A miniature kernel that runs one static x86-64 Linux program in ring 3 and
 * answers the system calls that such a program needs: memory, files in RAM,
 * output through the parallel port (frames described in host.c). One thread,
 * one process, no signal handlers, no network, no devices, no time slices.
 *
 * It never touches the vector registers (-mgeneral-regs-only), so the
 * program's AVX-512 state needs no saving. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t i64;

struct boot_info {
  u64 memory_end, archive, archive_size, verbose;
};
struct frame {
  u64 r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
  u64 vector, error, rip, cs, rflags, rsp, ss;
};

#define PHYS_BASE 0xffffffff80000000u
#define P2V(p) ((void *)((u64)(p) + PHYS_BASE))
#define V2P(v) ((u64)(v) - PHYS_BASE)
#define PAGE 4096ull
#define UP(x) (((u64)(x) + PAGE - 1) & ~(PAGE - 1))
#define DOWN(x) ((u64)(x) & ~(PAGE - 1))
#define USER_END 0x7ffffffff000ull
#define STACK_SIZE (64ull << 20)

enum {
  EPERM = 1,
  ENOENT = 2,
  EIO = 5,
  EBADF = 9,
  EAGAIN = 11,
  ENOMEM = 12,
  EACCES = 13,
  EEXIST = 17,
  ENOTDIR = 20,
  EISDIR = 21,
  EINVAL = 22,
  EMFILE = 24,
  ENOTTY = 25,
  ESPIPE = 29,
  ENOSYS = 38
};

extern u8 exception_stubs[], kernel_stack_top[], kernel_end[];
extern u64 gdt[];
void syscall_entry(void);
void enter_user(struct frame *) __attribute__((noreturn));

static struct boot_info boot;

/* ---- small things ---------------------------------------------------------- */

void *memcpy(void *to, const void *from, size_t n) {
  void *r = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
  return r;
}
void *memset(void *to, int c, size_t n) {
  void *r = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(c) : "memory");
  return r;
}
static size_t length(const char *s) {
  size_t n = 0;
  while (s[n])
    n++;
  return n;
}
static int same(const char *a, const char *b) {
  while (*a && *a == *b)
    a++, b++;
  return *a == *b;
}
static void outb(u16 port, u8 v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static u64 rdtsc(void) {
  u32 lo, hi;
  __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
  return (u64)hi << 32 | lo;
}
static void wrmsr(u32 n, u64 v) { __asm__ volatile("wrmsr" : : "c"(n), "a"((u32)v), "d"((u32)(v >> 32))); }
static u64 rdmsr(u32 n) {
  u32 lo, hi;
  __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(n));
  return (u64)hi << 32 | lo;
}
static void cpuid(u32 leaf, u32 sub, u32 *r) {
  __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(sub));
}

/* ---- output ------------------------------------------------------------------ */

static void send_bytes(const void *data, u64 n) {
  const u8 *p = data;
  while (n--) {
    outb(0x378, *p++);
    outb(0x37a, 0x0d);
    outb(0x37a, 0x0c);
  }
}
static void send(char type, const void *data, u32 n) {
  if (!n)
    return;
  send_bytes(&type, 1);
  send_bytes(&n, 4);
  send_bytes(data, n);
}

/* %s string, %x hexadecimal u64, %d decimal u64 */
static size_t format(char *out, size_t max, const char *f, va_list args) {
  size_t n = 0;
  for (; *f; f++) {
    char digits[24];
    const char *s = digits;
    size_t len = 1;
    if (*f != '%') {
      digits[0] = *f;
    } else if (*++f == 's') {
      s = va_arg(args, const char *);
      len = length(s);
    } else {
      u64 v = va_arg(args, u64), base = *f == 'x' ? 16 : 10;
      char *p = digits + sizeof digits;
      do
        *--p = "0123456789abcdef"[v % base];
      while (v /= base);
      s = p;
      len = digits + sizeof digits - p;
    }
    for (size_t i = 0; i < len && n < max; i++)
      out[n++] = s[i];
  }
  return n;
}
static void say(char type, const char *f, ...) {
  char text[1024];
  va_list args;
  va_start(args, f);
  size_t n = format(text, sizeof text, f, args);
  va_end(args);
  send(type, text, n);
}

/* ---- files ------------------------------------------------------------------- */

struct file {
  char name[256];
  u32 mode;
  u8 *data;
  u64 size, room;
};
#define FILES 1024
static struct file files[FILES];
static unsigned file_count;

#define FDS 256
static struct fd {
  u8 kind;
  u32 flags;
  struct file *file;
  u64 at;
} fds[FDS];
enum { FREE, FILE_, OUT, ERR, NULL_ };

static u64 free_memory; /* physical; everything from here to memory_end is unused */
static u64 free_list;   /* returned pages, linked through their first word */

static void finish(u32 status);
static void give_up(const char *why) {
  say('e', "run-avx512: %s\n", why);
  finish(125);
}
static u64 take_pages(u64 bytes) {
  u64 at = free_memory;
  free_memory += UP(bytes);
  if (free_memory > boot.memory_end || free_memory < at) {
    say('e', "run-avx512: guest memory exhausted; use --memory\n");
    finish(137);
  }
  return at;
}
static u64 take_page(void) {
  if (free_list) {
    u64 p = free_list;
    free_list = *(u64 *)P2V(p);
    memset(P2V(p), 0, PAGE);
    return p;
  }
  return take_pages(PAGE); /* fresh memory is zero */
}

static void clean_path(const char *path, char *out) {
  size_t n = 0;
  if (path[0] != '/') {
    memcpy(out, "/home", 5);
    n = 5;
  }
  while (*path) {
    while (*path == '/')
      path++;
    size_t len = 0;
    while (path[len] && path[len] != '/')
      len++;
    if (len == 2 && path[0] == '.' && path[1] == '.') {
      while (n && out[--n] != '/')
        ;
    } else if (len && !(len == 1 && path[0] == '.')) {
      if (n + len + 2 > 256)
        break;
      out[n++] = '/';
      memcpy(out + n, path, len);
      n += len;
    }
    path += len;
  }
  if (!n)
    out[n++] = '/';
  out[n] = 0;
}
static struct file *find(const char *path) {
  char clean[256];
  clean_path(path, clean);
  for (unsigned i = 0; i < file_count; i++)
    if (files[i].mode && same(files[i].name, clean))
      return &files[i];
  return NULL;
}
static struct file *make(const char *path, u32 mode, void *data, u64 size) {
  struct file *f = NULL;
  for (unsigned i = 0; i < file_count && !f; i++)
    if (!files[i].mode)
      f = &files[i];
  if (!f && file_count < FILES)
    f = &files[file_count++];
  if (!f)
    return NULL;
  clean_path(path, f->name);
  f->mode = mode;
  f->data = data;
  f->size = f->room = size;
  return f;
}
static i64 file_read(struct file *f, u64 at, void *to, u64 n) {
  if (at >= f->size)
    return 0;
  if (n > f->size - at)
    n = f->size - at;
  memcpy(to, f->data + at, n);
  return n;
}
static void file_resize(struct file *f, u64 size) {
  if (size > f->room) {
    u64 room = UP(size + size / 2);
    u8 *data = P2V(take_pages(room));
    memcpy(data, f->data, f->size);
    f->data = data;
    f->room = room;
  }
  if (size > f->size)
    memset(f->data + f->size, 0, size - f->size);
  f->size = size;
}
static i64 file_write(struct file *f, u64 at, const void *from, u64 n) {
  if (at + n > f->size)
    file_resize(f, at + n);
  memcpy(f->data + at, from, n);
  return n;
}
static u32 hex8(const char *s) {
  u32 v = 0;
  for (int i = 0; i < 8; i++)
    v = v << 4 | (s[i] <= '9' ? s[i] - '0' : (s[i] | 32) - 'a' + 10);
  return v;
}
static void unpack(char *p, char *end) {
  while (p + 110 < end) {
    u32 mode = hex8(p + 14), size = hex8(p + 54), name_size = hex8(p + 94);
    char *name = p + 110, *data = p + ((110 + name_size + 3) & ~3u), full[256] = "/";
    if (same(name, "TRAILER!!!"))
      return;
    if (name_size > 250)
      give_up("a file name is too long");
    memcpy(full + 1, name, name_size);
    struct file *f = make(full, mode, data, size);
    if (!f)
      give_up("too many files");
    p = data + ((size + 3) & ~3u);
  }
}
static char **strings(const char *path, u64 *count) { /* NUL-ended strings in a file */
  static char *pool[4096];
  static u64 used;
  struct file *f = find(path);
  char **list = pool + used;
  *count = 0;
  for (u64 i = 0; f && i < f->size && used < 4095; i += length((char *)f->data + i) + 1) {
    pool[used++] = (char *)f->data + i;
    ++*count;
  }
  pool[used++] = NULL;
  return list;
}

static void finish(u32 status) {
  static int once;
  u64 n;
  if (!once++) {
    char **fetch = strings("/run-avx512/fetch", &n);
    for (u64 i = 0; i < n; i++) {
      struct file *f = find(fetch[i]);
      if (!f) {
        say('e', "run-avx512: the program left no file %s\n", fetch[i]);
        if (!status)
          status = 125;
        continue;
      }
      say('F', "%d", i);
      send('f', f->data, f->size);
    }
  }
  send('x', &status, 4);
  for (;;)
    __asm__ volatile("hlt");
}

/* ---- memory -------------------------------------------------------------------- */

static u64 pml4;                         /* physical */
#define AREAS 4096
static struct area {
  u64 start, end;
  u32 prot;
} areas[AREAS];
static unsigned area_count;
static u64 heap_start, heap_end, mmap_next = 0x7ff000000000ull, mmap_next_low = 0x7f000000;

static u64 *entry(u64 address, int create) {
  u64 *table = P2V(pml4);
  for (int shift = 39; shift > 12; shift -= 9) {
    u64 *e = &table[address >> shift & 511];
    if (!(*e & 1)) {
      if (!create)
        return NULL;
      *e = take_page() | 7;
    }
    table = P2V(*e & 0xffffffffff000ull);
  }
  return &table[address >> 12 & 511];
}
static u64 page_flags(u32 prot) {
  return (prot & 7 ? 5 : 0) | (prot & 2 ? 2 : 0) | (prot & 4 ? 0 : 1ull << 63); /* no access: not present */
}
static void flush(void) { __asm__ volatile("mov %0, %%cr3" : : "r"(pml4) : "memory"); }

static struct area *area_at(u64 address) {
  for (unsigned i = 0; i < area_count; i++)
    if (address >= areas[i].start && address < areas[i].end)
      return &areas[i];
  return NULL;
}
static int area_free(u64 start, u64 end) {
  for (unsigned i = 0; i < area_count; i++)
    if (start < areas[i].end && end > areas[i].start)
      return 0;
  return 1;
}
static void area_add(u64 start, u64 end, u32 prot) {
  for (unsigned i = 0; i < area_count; i++)
    if (areas[i].end == start && areas[i].prot == prot) {
      areas[i].end = end;
      return;
    }
  if (area_count == AREAS)
    give_up("too many memory areas");
  areas[area_count++] = (struct area){start, end, prot};
}
static void area_cut(u64 start, u64 end) {
  for (unsigned i = 0; i < area_count;) {
    struct area a = areas[i];
    if (start >= a.end || end <= a.start) {
      i++;
      continue;
    }
    areas[i] = areas[--area_count];
    if (a.start < start)
      areas[area_count++] = (struct area){a.start, start, a.prot};
    if (a.end > end) {
      if (area_count == AREAS)
        give_up("too many memory areas");
      areas[area_count++] = (struct area){end, a.end, a.prot};
    }
    i = 0;
  }
}
static void unmap(u64 start, u64 end) {
  area_cut(start, end);
  for (u64 a = start; a < end; a += PAGE) {
    u64 *e = entry(a, 0);
    if (!e) {
      a |= 0x1ff000; /* nothing in this 2 MiB */
      continue;
    }
    u64 p = *e & 0xffffffffff000ull;
    if (p) {
      *(u64 *)P2V(p) = free_list;
      free_list = p;
    }
    *e = 0;
  }
  flush();
}
static i64 protect(u64 start, u64 end, u32 prot) {
  for (u64 a = start; a < end;) {
    struct area *r = area_at(a);
    if (!r)
      return -ENOMEM;
    a = r->end;
  }
  area_cut(start, end);
  area_add(start, end, prot);
  for (u64 a = start; a < end; a += PAGE) {
    u64 *e = entry(a, 0);
    if (!e)
      a |= 0x1ff000;
    else if (*e)
      *e = (*e & 0xffffffffff000ull) | page_flags(prot);
  }
  flush();
  return 0;
}
static int page_in(u64 address) {
  struct area *a = area_at(address);
  if (!a || !(a->prot & 7))
    return 0;
  u64 *e = entry(address, 1);
  if (*e)
    return 0; /* present: a true violation */
  *e = take_page() | page_flags(a->prot);
  return 1;
}
/* Copy into the program's memory whatever its protection. */
static void poke(u64 to, const void *from, u64 n) {
  const u8 *p = from;
  while (n) {
    u64 *e = entry(to, 1), in_page = to & (PAGE - 1), part = PAGE - in_page < n ? PAGE - in_page : n;
    struct area *a = area_at(to);
    if (!*e)
      *e = take_page() | page_flags(a ? a->prot : 7);
    memcpy((u8 *)P2V(*e & 0xffffffffff000ull) + in_page, p, part);
    to += part;
    p += part;
    n -= part;
  }
}

/* ---- the end of the program by a signal ------------------------------------------ */

static void killed(struct frame *f, u32 number, const char *name) {
  say('e', "run-avx512: the program was killed by signal %d (%s)\n", (u64)number, name);
  if (f && f->vector < 32) {
    u64 cr2;
    __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
    say('e', "  exception %d error 0x%x rip 0x%x rsp 0x%x", f->vector, f->error, f->rip, f->rsp);
    if (f->vector == 14)
      say('e', " address 0x%x", cr2);
    say('e', "\n  rax 0x%x rbx 0x%x rcx 0x%x rdx 0x%x rsi 0x%x rdi 0x%x\n", f->rax, f->rbx, f->rcx, f->rdx, f->rsi,
        f->rdi);
    say('e', "  rbp 0x%x r8 0x%x r9 0x%x r10 0x%x r11 0x%x r12 0x%x r13 0x%x r14 0x%x r15 0x%x\n", f->rbp, f->r8, f->r9,
        f->r10, f->r11, f->r12, f->r13, f->r14, f->r15);
    u64 *e = f->rip < USER_END ? entry(f->rip, 0) : NULL;
    if (e && *e & 1) {
      say('e', "  code");
      for (u64 a = f->rip; a < f->rip + 16 && (a == f->rip || a & (PAGE - 1)); a++)
        say('e', " %s%x", *(u8 *)a < 16 ? "0" : "", (u64) * (u8 *)a);
      say('e', "\n");
    }
  }
  finish(128 + number);
}

/* ---- system calls ------------------------------------------------------------------ */

struct iovec {
  u64 base, size;
};
static u64 hz = 100000000; /* of the time-stamp counter: one instruction is one tick */

static struct fd *get_fd(u64 n) { return n < FDS && fds[n].kind ? &fds[n] : NULL; }
static i64 new_fd(u64 from, struct fd value) {
  for (u64 i = from; i < FDS; i++)
    if (!fds[i].kind) {
      fds[i] = value;
      return i;
    }
  return -EMFILE;
}
static i64 do_open(const char *path, u64 flags) {
  char clean[256];
  clean_path(path, clean);
  if (same(clean, "/dev/null"))
    return new_fd(0, (struct fd){NULL_, flags, NULL, 0});
  if (same(clean, "/dev/stdout") || same(clean, "/dev/stderr"))
    return new_fd(0, (struct fd){same(clean, "/dev/stdout") ? OUT : ERR, flags, NULL, 0});
  struct file *f = find(path);
  if (f && (flags & 0300) == 0300)
    return -EEXIST;
  if (f && (f->mode & 0170000) == 0040000)
    return -EISDIR;
  if (!f && !(flags & 0100))
    return -ENOENT;
  if (!f && !(f = make(path, 0100644, NULL, 0)))
    return -EMFILE;
  if (flags & 01000)
    f->size = 0;
  return new_fd(0, (struct fd){FILE_, flags, f, 0});
}
static i64 do_write(u64 n, const void *data, u64 size) {
  struct fd *d = get_fd(n);
  if (!d)
    return -EBADF;
  if (d->kind == FILE_) {
    if ((d->flags & 3) == 0)
      return -EBADF;
    if (d->flags & 02000)
      d->at = d->file->size;
    d->at += file_write(d->file, d->at, data, size);
  } else if (d->kind != NULL_) {
    for (u64 at = 0; at < size; at += 1 << 20)
      send(d->kind == OUT ? 'o' : 'e', (const char *)data + at, size - at < 1 << 20 ? size - at : 1 << 20);
  }
  return size;
}
static i64 do_read(u64 n, void *data, u64 size) {
  struct fd *d = get_fd(n);
  if (!d)
    return -EBADF;
  if (d->kind != FILE_)
    return 0;
  i64 r = file_read(d->file, d->at, data, size);
  d->at += r;
  return r;
}
static i64 do_stat(struct file *f, int device, u8 *out) {
  memset(out, 0, 144);
  *(u64 *)(out + 8) = f ? f - files + 1 : 1;
  *(u64 *)(out + 16) = 1;
  *(u32 *)(out + 24) = device ? 0020666 : f->mode;
  *(u64 *)(out + 48) = f ? f->size : 0;
  *(u64 *)(out + 56) = 4096;
  *(u64 *)(out + 64) = f ? (f->size + 511) / 512 : 0;
  return 0;
}
static i64 do_mmap(u64 at, u64 size, u64 prot, u64 flags, u64 fd, u64 offset) {
  if (!size || offset & (PAGE - 1) || size > USER_END)
    return -EINVAL;
  size = UP(size);
  struct fd *d = NULL;
  if (!(flags & 0x20) && (!(d = get_fd(fd)) || d->kind != FILE_))
    return -EBADF;
  if ((flags & 0x100010) && (at & (PAGE - 1) || at + size > USER_END))
    return -EINVAL;
  if ((flags & 0x100000) && !area_free(at, at + size))
    return -EEXIST;
  if (flags & 0x10) {
    unmap(at, at + size);
  } else if (!(flags & 0x100000)) {
    at = DOWN(at);
    if (!at || at + size > USER_END || !area_free(at, at + size)) {
      u64 *next = flags & 0x40 ? &mmap_next_low : &mmap_next; /* MAP_32BIT */
      do {
        if (*next < size + (1 << 20))
          return -ENOMEM;
        at = *next -= size;
      } while (!area_free(at, at + size));
    }
  }
  area_add(at, at + size, prot);
  if (d && offset < d->file->size) {
    u64 n = d->file->size - offset;
    poke(at, d->file->data + offset, n < size ? n : size);
  }
  return at;
}
static i64 do_brk(u64 end) {
  if (end < heap_start || end > heap_start + (1ull << 36))
    return heap_end;
  u64 old = UP(heap_end), new = UP(end);
  if (new > old) {
    if (!area_free(old, new))
      return heap_end;
    area_add(old, new, 3);
  } else if (new < old) {
    unmap(new, old);
  }
  heap_end = end;
  return end;
}
static void do_clock(u64 *out, u64 unit) {
  u64 t = rdtsc();
  out[0] = t / hz;
  out[1] = t % hz * (unit / 1000000) / (hz / 1000000);
}
static i64 do_ids(void) { return 0; }
static void copy_text(char *to, const char *s) { memcpy(to, s, length(s) + 1); }

static i64 system_call(struct frame *f) {
  u64 a = f->rdi, b = f->rsi, c = f->rdx, d = f->r10;
  struct fd *fd;
  struct file *file;
  switch (f->rax) {
  case 0:
    return do_read(a, (void *)b, c);
  case 1:
    return do_write(a, (void *)b, c);
  case 2:
    return do_open((char *)a, b);
  case 257:
    return do_open((char *)b, c);
  case 3:
    if (!(fd = get_fd(a)))
      return -EBADF;
    fd->kind = FREE;
    return 0;
  case 4:
  case 6: /* stat, lstat */
    file = find((char *)a);
    return file ? do_stat(file, 0, (u8 *)b) : -ENOENT;
  case 262: /* newfstatat */
    if (!*(char *)b && d & 0x1000) {
      if (!(fd = get_fd(a)))
        return -EBADF;
      return do_stat(fd->file, fd->kind != FILE_, (u8 *)c);
    }
    file = find((char *)b);
    return file ? do_stat(file, 0, (u8 *)c) : -ENOENT;
  case 5: /* fstat */
    if (!(fd = get_fd(a)))
      return -EBADF;
    return do_stat(fd->file, fd->kind != FILE_, (u8 *)b);
  case 8: /* lseek */
    if (!(fd = get_fd(a)))
      return -EBADF;
    if (fd->kind != FILE_)
      return -ESPIPE;
    if (c > 2 || (i64)(b + (c == 1 ? fd->at : c == 2 ? fd->file->size : 0)) < 0)
      return -EINVAL;
    return fd->at = b + (c == 1 ? fd->at : c == 2 ? fd->file->size : 0);
  case 9:
    return do_mmap(a, b, c, d, f->r8, f->r9);
  case 10:
    return a & (PAGE - 1) ? -EINVAL : protect(a, a + UP(b), c);
  case 11:
    if (a & (PAGE - 1) || a + UP(b) > USER_END)
      return -EINVAL;
    unmap(a, a + UP(b));
    return 0;
  case 12:
    return do_brk(a);
  case 13: /* rt_sigaction: noted nowhere; see the limits in README.md */
    if (c)
      memset((void *)c, 0, 32);
    return 0;
  case 14: /* rt_sigprocmask */
    if (c)
      memset((void *)c, 0, 8);
    return 0;
  case 16:
    return -ENOTTY;
  case 17:
  case 18: /* pread64, pwrite64 */
    if (!(fd = get_fd(a)))
      return -EBADF;
    if (fd->kind != FILE_)
      return -ESPIPE;
    return f->rax == 17 ? file_read(fd->file, d, (void *)b, c) : file_write(fd->file, d, (void *)b, c);
  case 19:
  case 20: { /* readv, writev */
    i64 total = 0;
    for (u64 i = 0; i < c; i++) {
      struct iovec *v = (struct iovec *)b + i;
      i64 r = f->rax == 19 ? do_read(a, (void *)v->base, v->size) : do_write(a, (void *)v->base, v->size);
      if (r < 0)
        return total ? total : r;
      total += r;
      if ((u64)r < v->size)
        break;
    }
    return total;
  }
  case 21:
    return find((char *)a) ? 0 : -ENOENT;
  case 269:
  case 439:
    return find((char *)b) ? 0 : -ENOENT;
  case 24:
  case 26:
  case 28:
  case 27:
  case 74:
  case 75:
    return 0; /* yield, msync, madvise, mincore, fsync */
  case 131:
  case 273:
  case 37:
  case 95:
    return 0;                 /* sigaltstack, robust list, alarm, umask */
  case 32:
    return (fd = get_fd(a)) ? new_fd(0, *fd) : -EBADF;
  case 33:
  case 292: /* dup2, dup3 */
    if (!(fd = get_fd(a)) || b >= FDS)
      return -EBADF;
    fds[b] = *fd;
    return b;
  case 35:
  case 230:
    return 0; /* sleeping takes no time */
  case 39:
  case 186:
  case 218:
    return 1; /* getpid, gettid, set_tid_address */
  case 110:
    return 0;
  case 102:
  case 104:
  case 107:
  case 108:
    return do_ids();
  case 62:
  case 200:
  case 234: { /* kill, tkill, tgkill */
    u64 n = f->rax == 234 ? c : b;
    if (n)
      killed(NULL, n, n == 6 ? "SIGABRT" : "sent by itself");
    return 0;
  }
  case 60:
  case 231:
    finish(a & 255);
    return 0;
  case 63: /* uname */
    memset((void *)a, 0, 390);
    copy_text((char *)a, "Linux");
    copy_text((char *)a + 65, "avx512");
    copy_text((char *)a + 130, "6.1.0");
    copy_text((char *)a + 195, "run-avx512");
    copy_text((char *)a + 260, "x86_64");
    return 0;
  case 72:
    return b == 3                ? (fd = get_fd(a)) ? (i64)fd->flags : -EBADF
           : b == 0 || b == 1030 ? (fd = get_fd(a)) ? new_fd(c, *fd) : -EBADF
                                 : 0; /* fcntl */
  case 77: /* ftruncate */
    if (!(fd = get_fd(a)) || fd->kind != FILE_)
      return -EBADF;
    file_resize(fd->file, b);
    return 0;
  case 79: /* getcwd */
    if (b < 6)
      return -EINVAL;
    copy_text((char *)a, "/home");
    return 6;
  case 80:
    return 0;
  case 83:
  case 258: /* mkdir, mkdirat */
    if (find((char *)(f->rax == 83 ? a : b)))
      return -EEXIST;
    make((char *)(f->rax == 83 ? a : b), 0040755, NULL, 0);
    return 0;
  case 87:
  case 263: /* unlink, unlinkat */
    if (!(file = find((char *)(f->rax == 87 ? a : b))))
      return -ENOENT;
    file->mode = 0;
    return 0;
  case 89:
  case 267: { /* readlink, readlinkat */
    const char *path = (char *)(f->rax == 89 ? a : b);
    char *out = (char *)(f->rax == 89 ? b : c);
    u64 n, max = f->rax == 89 ? c : d;
    if (!same(path, "/proc/self/exe"))
      return find(path) ? -EINVAL : -ENOENT;
    const char *exe = strings("/run-avx512/args", &n)[0];
    n = length(exe) < max ? length(exe) : max;
    memcpy(out, exe, n);
    return n;
  }
  case 96:
    do_clock((u64 *)a, 1000000);
    ((u64 *)a)[1] = rdtsc() % hz / (hz / 1000000);
    return 0;
  case 228:
    do_clock((u64 *)b, 1000000000);
    return 0;
  case 229:
    if (b)
      ((u64 *)b)[0] = 0, ((u64 *)b)[1] = 1000000000 / hz;
    return 0;
  case 201: {
    u64 t = rdtsc() / hz;
    if (a)
      *(u64 *)a = t;
    return t;
  }
  case 97:
  case 302: { /* getrlimit, prlimit64 */
    u64 *out = (u64 *)(f->rax == 97 ? b : d), which = f->rax == 97 ? a : b;
    if (out) {
      out[0] = which == 3 ? 8 << 20 : ~0ull;
      out[1] = ~0ull;
    }
    return 0;
  }
  case 98: /* getrusage */
    memset((void *)b, 0, 144);
    do_clock((u64 *)b, 1000000);
    return 0;
  case 99: /* sysinfo */
    memset((void *)a, 0, 112);
    ((u64 *)a)[4] = boot.memory_end;
    ((u64 *)a)[5] = boot.memory_end - free_memory;
    *(u32 *)(a + 104) = 1;
    return 0;
  case 158: /* arch_prctl */
    if (a == 0x1002) {
      wrmsr(0xc0000100, b);
      return 0;
    }
    if (a == 0x1001) {
      wrmsr(0xc0000101, b);
      return 0;
    }
    if (a == 0x1003 || a == 0x1004) {
      *(u64 *)b = rdmsr(a == 0x1003 ? 0xc0000100 : 0xc0000101);
      return 0;
    }
    return -EINVAL;
  case 202:
    return (b & 127) == 0 ? -EAGAIN : 0; /* futex: one thread */
  case 204: /* sched_getaffinity */
    if (b < 8)
      return -EINVAL;
    *(u64 *)c = 1;
    return 8;
  case 309: /* getcpu */
    if (a)
      *(u32 *)a = 0;
    if (b)
      *(u32 *)b = 0;
    return 0;
  case 318: { /* getrandom: a fixed sequence, so that runs repeat */
    static u64 x = 88172645463325252ull;
    for (u64 i = 0; i < b; i++) {
      x ^= x << 13, x ^= x >> 7, x ^= x << 17;
      ((u8 *)a)[i] = x >> 32;
    }
    return b;
  }
  default:
    say('m', "run-avx512: system call %d is not known here\n", f->rax);
    return -ENOSYS;
  case 25:
    return -ENOMEM; /* mremap: libc falls back to copying */
  case 334:
  case 332:
  case 324:
    return -ENOSYS; /* rseq, statx, membarrier */
  }
}

void trap(struct frame *f) {
  u64 cr2;
  switch (f->vector) {
  case 256:
    f->rax = system_call(f);
    return;
  case 14:
    __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
    if (!(f->error & 1) && cr2 < USER_END && page_in(cr2))
      return;
    killed(f, 11, "SIGSEGV");
    return;
  case 0:
  case 16:
  case 19:
    killed(f, 8, "SIGFPE");
    return;
  case 1:
  case 3:
    killed(f, 5, "SIGTRAP");
    return;
  case 6:
    killed(f, 4, "SIGILL");
    return;
  case 17:
    killed(f, 7, "SIGBUS");
    return;
  default:
    killed(f, 11, "SIGSEGV");
    return;
  }
}

/* ---- /proc/cpuinfo -------------------------------------------------------------------- */

/* Linux' names of the feature bits, comma-separated from bit 0 on. */
static const struct {
  u32 leaf, sub, reg;
  const char *names;
} features[] = {
    {1, 0, 3,
     "fpu,vme,de,pse,tsc,msr,pae,mce,cx8,apic,,sep,mtrr,pge,mca,cmov,pat,pse36,pn,clflush,,dts,acpi,mmx,fxsr,"
     "sse,sse2,ss,ht,tm,ia64,pbe"},
    {0x80000001, 0, 3, ",,,,,,,,,,,syscall,,,,,,,,mp,nx,,mmxext,,,fxsr_opt,pdpe1gb,rdtscp,,lm,3dnowext,3dnow"},
    {1, 0, 2,
     "pni,pclmulqdq,dtes64,monitor,ds_cpl,vmx,smx,est,tm2,ssse3,cid,sdbg,fma,cx16,xtpr,pdcm,,pcid,dca,sse4_1,"
     "sse4_2,x2apic,movbe,popcnt,tsc_deadline_timer,aes,xsave,,avx,f16c,rdrand,hypervisor"},
    {0x80000001, 0, 2,
     "lahf_lm,cmp_legacy,svm,extapic,cr8_legacy,abm,sse4a,misalignsse,3dnowprefetch,osvw,ibs,xop,"
     "skinit,wdt,,lwp,fma4"},
    {7, 0, 1,
     "fsgsbase,tsc_adjust,sgx,bmi1,hle,avx2,,smep,bmi2,erms,invpcid,rtm,cqm,,mpx,rdt_a,avx512f,avx512dq,rdseed,"
     "adx,smap,avx512ifma,,clflushopt,clwb,intel_pt,avx512pf,avx512er,avx512cd,sha_ni,avx512bw,avx512vl"},
    {0xd, 1, 0, "xsaveopt,xsavec,xgetbv1,xsaves"},
    {7, 1, 0, ",,,,avx_vnni,avx512_bf16"},
    {7, 0, 2,
     ",avx512vbmi,umip,pku,ospke,waitpkg,avx512_vbmi2,,gfni,vaes,vpclmulqdq,avx512_vnni,avx512_bitalg,tme,"
     "avx512_vpopcntdq,,la57,,,,,,rdpid,,,cldemote,,movdiri,movdir64b,enqcmd"},
    {7, 0, 3,
     ",,avx512_4vnniw,avx512_4fmaps,fsrm,,,,avx512_vp2intersect,,md_clear,,,,serialize,,,,,,,,amx_bf16,"
     "avx512_fp16,amx_tile,amx_int8"},
};

static size_t put(char *to, size_t at, const char *f, ...) {
  va_list args;
  va_start(args, f);
  size_t n = format(to + at, 8192 - at, f, args);
  va_end(args);
  return at + n;
}

static void make_cpuinfo(void) {
  char *t = P2V(take_pages(8192)), brand[49] = "", vendor[13] = "";
  u32 r[4], max, family, model;
  size_t n = 0;
  cpuid(0, 0, r);
  max = r[0];
  memcpy(vendor, &r[1], 4);
  memcpy(vendor + 4, &r[3], 4);
  memcpy(vendor + 8, &r[2], 4);
  cpuid(1, 0, r);
  family = r[0] >> 8 & 15;
  model = (r[0] >> 4 & 15) | (r[0] >> 12 & 0xf0);
  n = put(t, n, "processor\t: 0\nvendor_id\t: %s\ncpu family\t: %d\nmodel\t\t: %d\n", vendor, (u64)family, (u64)model);
  for (u32 i = 0; i < 3; i++)
    cpuid(0x80000002 + i, 0, (u32 *)(void *)(brand + i * 16));
  n = put(t, n, "model name\t: %s\nstepping\t: %d\ncpu cores\t: 1\ncpuid level\t: %d\nflags\t\t:", brand,
          (u64)(r[0] & 15), (u64)max);
  for (u32 i = 0; i < sizeof features / sizeof *features; i++) {
    if (features[i].leaf < 0x80000000 && features[i].leaf > max)
      continue;
    if (features[i].leaf == 7 && features[i].sub) {
      cpuid(7, 0, r);
      if (r[0] < features[i].sub)
        continue;
    }
    cpuid(features[i].leaf, features[i].sub, r);
    const char *s = features[i].names;
    for (u32 bit = 0; bit < 32 && *s; bit++) {
      char name[32];
      u32 len = 0;
      while (*s && *s != ',')
        name[len++] = *s++;
      if (*s)
        s++;
      name[len] = 0;
      if (len && r[features[i].reg] >> bit & 1)
        n = put(t, n, " %s", name);
    }
  }
  n = put(t, n, "\nbogomips\t: 200.00\naddress sizes\t: 40 bits physical, 48 bits virtual\n\n");
  make("/proc/cpuinfo", 0100444, t, n);
}

/* ---- start ------------------------------------------------------------------------------ */

static struct {
  u64 low, high;
} idt[32];
static u32 tss[26];

static void set_up_cpu(void) {
  u64 base = (u64)tss, cr0, cr4;
  u32 r[4];
  *(u64 *)(void *)&tss[1] = (u64)kernel_stack_top;
  tss[25] = sizeof tss << 16;
  gdt[6] = (sizeof tss - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
  gdt[7] = base >> 32;
  __asm__ volatile("ltr %w0" : : "r"(0x30));
  u64 stub = (u64)exception_stubs;
  for (u32 i = 0; i < 32; i++, stub += 16) {
    idt[i].low =
        (stub & 0xffff) | 8ull << 16 | (i == 3 || i == 4 ? 0xeeull : 0x8eull) << 40 | (stub >> 16 & 0xffff) << 48;
    idt[i].high = stub >> 32;
  }
  struct {
    u16 size;
    u64 at;
  } __attribute__((packed)) idtr = {sizeof idt - 1, (u64)idt};
  __asm__ volatile("lidt %0" : : "m"(idtr));

  wrmsr(0xc0000080, rdmsr(0xc0000080) | 0x801);           /* EFER: syscall, no-execute */
  wrmsr(0xc0000081, 0x1bull << 48 | 0x08ull << 32);       /* STAR */
  wrmsr(0xc0000082, (u64)syscall_entry);                  /* LSTAR */
  wrmsr(0xc0000084, 0x47700);                             /* FMASK */
  __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
  cr0 = (cr0 & ~0x6000000cull) | 0x10022;                 /* WP, NE, MP; no EM, TS, CD, NW */
  __asm__ volatile("mov %0, %%cr0" : : "r"(cr0));
  __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
  cpuid(7, 0, r);
  cr4 |= 0x40600 | (r[1] & 1 ? 0x10000 : 0);              /* OSXSAVE, SSE; FSGSBASE */
  __asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
  cpuid(0xd, 0, r);
  __asm__ volatile("xsetbv" : : "c"(0), "a"(r[0] & 0xe7), "d"(0)); /* x87, SSE, AVX, AVX-512 */
  __asm__ volatile("fninit");
}

static u64 user_stack;
static u64 push(const void *data, u64 n, u64 align) {
  user_stack = (user_stack - n) & ~(align - 1);
  poke(user_stack, data, n);
  return user_stack;
}

void kernel_main(u64 info) {
  boot = *(struct boot_info *)P2V(info);
  set_up_cpu();
  __asm__ volatile("mov %%cr3, %0" : "=r"(pml4));
  ((u64 *)P2V(pml4))[0] = 0;
  flush();
  free_memory = UP(boot.archive + boot.archive_size);
  unpack(P2V(boot.archive), P2V(boot.archive + boot.archive_size));
  make_cpuinfo();
  struct file *in = find("/run-avx512/stdin");
  fds[0] = (struct fd){in ? FILE_ : NULL_, 0, in, 0};
  fds[1] = (struct fd){OUT, 1, NULL, 0};
  fds[2] = (struct fd){ERR, 1, NULL, 0};
  struct file *third = find("/run-avx512/fd3");
  if (third)
    fds[3] = (struct fd){FILE_, 1, third, 0};

  u64 argc, envc;
  char **argv = strings("/run-avx512/args", &argc), **envp = strings("/run-avx512/env", &envc);
  struct file *program = argc ? find(argv[0]) : NULL;
  if (!program || program->size < 64)
    give_up("there is no program");

  u8 *elf = program->data;
  u64 base = *(u16 *)(elf + 16) == 3 ? 0x555555554000ull : 0, phdr = 0, top = 0;
  u16 count = *(u16 *)(elf + 56);
  for (u32 i = 0; i < count; i++) {
    u8 *ph = elf + *(u64 *)(elf + 32) + i * 56;
    u64 offset = *(u64 *)(ph + 8), at = base + *(u64 *)(ph + 16), in_file = *(u64 *)(ph + 32),
        in_memory = *(u64 *)(ph + 40);
    u32 flags = *(u32 *)(ph + 4);
    if (*(u32 *)ph != 1)
      continue;
    if (offset + in_file > program->size || at + in_memory > USER_END)
      give_up("the program is damaged");
    u64 start = DOWN(at), end = UP(at + in_memory);
    while (start < end && !area_free(start, start + PAGE))
      start += PAGE;
    if (start < end)
      area_add(start, end, (flags & 4 ? 1 : 0) | (flags & 2) | (flags & 1 ? 4 : 0));
    poke(at, elf + offset, in_file);
    if (offset <= *(u64 *)(elf + 32) && *(u64 *)(elf + 32) < offset + in_file)
      phdr = at + *(u64 *)(elf + 32) - offset;
    if (end > top)
      top = end;
  }
  heap_start = heap_end = top + (base ? 0x1000000 : PAGE);
  area_add(USER_END - STACK_SIZE, USER_END, 3);

  user_stack = USER_END - 64;
  static u64 vector[4096];
  u64 n = 0, r[2] = {0x243f6a8885a308d3ull, 0x13198a2e03707344ull};
  u32 id[4];
  cpuid(1, 0, id);
  vector[n++] = argc;
  for (u64 i = 0; i < argc; i++)
    vector[n++] = push(argv[i], length(argv[i]) + 1, 1);
  vector[n++] = 0;
  for (u64 i = 0; i < envc; i++)
    vector[n++] = push(envp[i], length(envp[i]) + 1, 1);
  vector[n++] = 0;
  u64 aux[] = {3,  phdr,
               4,  56,
               5,  count,
               6,  PAGE,
               7,  0,
               8,  0,
               9,  base + *(u64 *)(elf + 24),
               11, 0,
               12, 0,
               13, 0,
               14, 0,
               16, id[3],
               17, 100,
               23, 0,
               25, push(r, 16, 16),
               26, 2,
               31, vector[1],
               15, push("x86_64", 7, 1),
               51, 3632,
               0,  0};
  memcpy(vector + n, aux, sizeof aux);
  n += sizeof aux / 8;
  push(vector, n * 8, 16);

  static struct frame f;
  f.rip = base + *(u64 *)(elf + 24);
  f.cs = 0x2b;
  f.ss = 0x23;
  f.rflags = 2;
  f.rsp = user_stack;
  if (boot.verbose)
    say('m', "run-avx512: guest is up\n");
  enter_user(&f);
}
