//===- LoaderFront.cpp - Starts the system's loader --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The front of a program that wants the system's libraries. To the kernel it is a static one, so that nothing of it is
// followed before its hash, and it starts where there is no loader. Once the image is known to be whole, this does for
// it what the kernel does for others: it maps the loader that `.interp` names, says so in the auxiliary vector, and begins
// there. The loader makes the image's addresses, and begins the program at phi_begin. Without one, the image is bound to
// what it has of musl (Alone.cpp).
//===----------------------------------------------------------------------===//
#include "runtime/Front.h"

extern "C" {
int __libc_start_main(int (*main)(int, char **), int argc, char **argv, void (*begin)(), void (*end)(),
                      void (*finish)(), void *stackEnd);
#pragma GCC visibility push(hidden)
int phi_main(int argc, char **argv) __asm__("main");
void phi_bind_alone();
void phi_begin();
uint64_t phi_front(uint64_t *stack);
[[noreturn]] void phi_run(uint64_t *stack, void (*finish)());
/// Its own address once something has relocated the image, which is that of the process: no damage makes it so.
__attribute__((used)) extern const volatile void *const volatile phi_self = &phi_self;
#pragma GCC visibility pop
}

namespace {

#if defined(__x86_64__)
constexpr char kLoader[] __attribute__((used, section(".interp"))) = "/lib64/ld-linux-x86-64.so.2";
constexpr uint16_t kMachine = 62;
constexpr long kClose = 3, kMap = 9, kUnmap = 11, kReadAt = 17, kOpenAt = 257;

inline long call(long number, long a, long b, long c, long d, long e, long f) {
  register long fourth __asm__("r10") = d;
  register long fifth __asm__("r8") = e;
  register long sixth __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "+a"(number)
                   : "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                   : "rcx", "r11", "memory");
  return number;
}

// rdx: what is to be called at the end, when a loader begins this.
__asm__(".pushsection .text.phi_start,\"ax\",@progbits\n"
        ".globl phi_start\n.hidden phi_start\n"
        "phi_start:\n"
        "  mov %rdx, %rbx\n"
        "  mov %rsp, %rdi\n"
        "  call phi_front\n"
        "  mov %rbx, %rdx\n"
        "  jmp *%rax\n"
        ".globl phi_begin\n.hidden phi_begin\n"
        "phi_begin:\n"
        "  xor %ebp, %ebp\n"
        "  mov %rsp, %rdi\n"
        "  mov %rdx, %rsi\n"
        "  call phi_run\n"
        ".popsection");
#elif defined(__aarch64__)
constexpr char kLoader[] __attribute__((used, section(".interp"))) = "/lib/ld-linux-aarch64.so.1";
constexpr uint16_t kMachine = 183;
constexpr long kClose = 57, kMap = 222, kUnmap = 215, kReadAt = 67, kOpenAt = 56;

inline long call(long number, long a, long b, long c, long d, long e, long f) {
  register long eighth __asm__("x8") = number;
  register long first __asm__("x0") = a;
  register long second __asm__("x1") = b;
  register long third __asm__("x2") = c;
  register long fourth __asm__("x3") = d;
  register long fifth __asm__("x4") = e;
  register long sixth __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(first)
                   : "r"(eighth), "r"(second), "r"(third), "r"(fourth), "r"(fifth), "r"(sixth)
                   : "memory");
  return first;
}

// x0: what is to be called at the end, when a loader begins this.
__asm__(".pushsection .text.phi_start,\"ax\",@progbits\n"
        ".globl phi_start\n.hidden phi_start\n"
        "phi_start:\n"
        "  mov x19, x0\n"
        "  mov x0, sp\n"
        "  bl phi_front\n"
        "  mov x16, x0\n"
        "  mov x0, x19\n"
        "  br x16\n"
        ".globl phi_begin\n.hidden phi_begin\n"
        "phi_begin:\n"
        "  mov x29, xzr\n"
        "  mov x30, xzr\n"
        "  mov x1, x0\n"
        "  mov x0, sp\n"
        "  bl phi_run\n"
        ".popsection");
#endif

constexpr long kPrivate = 0x02, kFixed = 0x10, kAnonymous = 0x20;

/// Of a 64-bit ELF file.
struct FileHeader {
  uint32_t magic;
  uint8_t wordSize, order, rest[10];
  uint16_t type, machine;
  uint32_t version;
  uint64_t entry, segments, sections;
  uint32_t flags;
  uint16_t bytes, segmentBytes, segmentCount;
};

/// The beginning of a loader's file. All of them have their segments' headers there.
struct FileStart {
  union {
    FileHeader header;
    unsigned char bytes[2048];
  };

  const phi_segment *begin() const { return reinterpret_cast<const phi_segment *>(bytes + header.segments); }
  const phi_segment *end() const { return begin() + header.segmentCount; }
  bool isLoader(long count) const {
    constexpr uint32_t kMagic = 0x464c457f;
    constexpr uint16_t kAnywhere = 3;
    constexpr uint8_t kWordSize = 2;
    return count >= long(sizeof(header)) && header.magic == kMagic && header.wordSize == kWordSize &&
           header.type == kAnywhere && header.machine == kMachine && header.segmentBytes == sizeof(phi_segment) &&
           header.segments <= uint64_t(count) &&
           header.segmentCount * sizeof(phi_segment) <= uint64_t(count) - header.segments;
  }
};

inline bool failed(long result) { return result < 0 && result >= -4095; }

long map(uint64_t address, uint64_t bytes, long protection, long flags, long file, uint64_t offset) {
  return call(kMap, long(address), long(bytes), protection, kPrivate | flags, file, long(offset));
}

/// A segment at its address plus `bias`, with the zeros behind its bytes, of which loaders use those up to the page's end.
bool mapSegment(long file, const phi_segment &segment, uint64_t bias, uint64_t page) {
  const long protection =
      long((segment.flags & 4 ? 1 : 0) | (segment.flags & PHI_SEGMENT_WRITTEN) | (segment.flags & 1 ? 4 : 0));
  const uint64_t begin = bias + segment.address, skew = begin & (page - 1);
  const uint64_t bytesEnd = begin + segment.file_bytes, end = begin + segment.memory_bytes;
  const uint64_t pagesEnd = (bytesEnd + page - 1) & ~(page - 1);
  if (failed(map(begin - skew, segment.file_bytes + skew, protection, kFixed, file, segment.offset - skew)))
    return false;
  for (uint64_t zero = bytesEnd; end > bytesEnd && zero < pagesEnd; ++zero)
    *reinterpret_cast<unsigned char *>(zero) = 0;
  return end <= pagesEnd || !failed(map(pagesEnd, end - pagesEnd, protection, kFixed | kAnonymous, -1, 0));
}

/// All of them, somewhere: how far from their addresses; 0 where that cannot be.
uint64_t mapSegments(long file, const FileStart &start, uint64_t page) {
  uint64_t first = UINT64_MAX, end = 0;
  for (const phi_segment &segment : start)
    if (segment.type == PHI_SEGMENT_LOAD) {
      first = segment.address < first ? segment.address : first;
      end = segment.address + segment.memory_bytes > end ? segment.address + segment.memory_bytes : end;
    }
  first &= ~(page - 1);
  const long room = map(0, end - first, /*protection=*/0, kAnonymous, -1, 0);
  if (failed(room))
    return 0;
  for (const phi_segment &segment : start)
    if (segment.type == PHI_SEGMENT_LOAD && !mapSegment(file, segment, uint64_t(room) - first, page)) {
      call(kUnmap, room, long(end - first), 0, 0);
      return 0;
    }
  return uint64_t(room) - first;
}

/// Where it begins; 0 where there is none.
uint64_t prepareLoader(uint64_t *stack) {
  constexpr long kHere = -100, kCloseOnExec = 02000000;
  constexpr uint64_t kEnd = 0, kSegmentCount = 5, kBase = 7, kEntry = 9;
  const long file = call(kOpenAt, kHere, reinterpret_cast<long>(kLoader), kCloseOnExec, 0);
  if (failed(file))
    return 0;
  FileStart start;
  const long count = call(kReadAt, file, reinterpret_cast<long>(&start), sizeof(start), 0);
  const uint64_t bias = start.isLoader(count) ? mapSegments(file, start, pageBytes(stack)) : 0;
  call(kClose, file, 0, 0, 0);
  for (uint64_t *entry = auxiliaryVector(stack); bias && *entry != kEnd; entry += 2) {
    if (*entry == kSegmentCount)
      ++entry[1]; // with the last, which names the loader and is kept from the kernel
    else if (*entry == kBase)
      entry[1] = bias;
    else if (*entry == kEntry)
      entry[1] = reinterpret_cast<uint64_t>(phi_begin);
  }
  return bias ? bias + start.header.entry : 0;
}

} // namespace

/// Where the process goes on.
uint64_t phi_front(uint64_t *stack) {
  handle(onMissingPage);
  const bool isLoaded = phi_self == &phi_self; // by whoever calls a loader as a command
  handle(nullptr);
  if (!isLoaded) {
    checkImage();
    if (const uint64_t loader = prepareLoader(stack))
      return loader;
    phi_bind_alone();
  }
  return reinterpret_cast<uint64_t>(phi_begin);
}

void phi_run(uint64_t *stack, void (*finish)()) {
  closeConstants(pageBytes(stack));
  __libc_start_main(phi_main, int(*stack), reinterpret_cast<char **>(stack + 1), nullptr, nullptr, finish, stack);
  __builtin_trap(); // which never returns
}
