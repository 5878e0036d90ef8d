//===- SystemText.cpp - What Linux says in text files ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "SystemText.h"

#include "Writer.h"

#include <string.h>

namespace phi::os {

bool Lines::next() {
  size_t length = 0;
  for (bool begun = false;; begun = true) {
    if (at == got) {
      at = 0;
      got = file < 0 ? 0 : readSome(file, block, sizeof(block));
      if (got <= 0) {
        got = 0;
        text[length] = 0;
        return begun;
      }
    }
    const char character = block[at++];
    if (character == '\n')
      break;
    text[length] = character;
    length += length + 1 < sizeof(text);
  }
  text[length] = 0;
  return true;
}

//===----------------------------------------------------------------------===//
// Quotas
//===----------------------------------------------------------------------===//

namespace {

/// How a version of control groups names the quota and its period: files of one number, or the first and the last word
/// of one line.
struct QuotaFiles {
  const char *quota, *period;
};
constexpr QuotaFiles kVersion1 = {"/cpu.cfs_quota_us", "/cpu.cfs_period_us"}, kVersion2 = {"/cpu.max", "/cpu.max"};

/// The first or last word of a file, as a number; 0 where it is none.
int64_t numberIn(const char *path, bool isLast) {
  Lines lines(path);
  if (!lines.next())
    return 0;
  char *blank = strchr(lines.text, ' ');
  if (blank)
    *blank = 0;
  int64_t number = 0;
  return parseInteger(blank && isLast ? blank + 1 : lines.text, &number) ? number : 0;
}

/// Of a group below where its version's groups are mounted, and of those around it: inside a container, the group's own
/// name may lead nowhere. INT32_MAX without any.
int32_t leastQuota(const char *root, const char *mount, const char *group, const QuotaFiles &files) {
  char path[kPathBytes + 256];
  Writer(path, kPathBytes) << root << mount << group;
  const size_t mountBytes = strlen(root) + strlen(mount);
  size_t bytes = strlen(path);
  int64_t least = INT32_MAX;
  for (;;) {
    auto number = [&](const char *name, bool isLast) {
      Writer(path + bytes, sizeof(path) - bytes) << name;
      return numberIn(path, isLast);
    };
    const int64_t quota = number(files.quota, /*isLast=*/false), period = number(files.period, /*isLast=*/true);
    const int64_t cores = quota > 0 && period > 0 ? quota / period + (quota % period != 0) : least;
    least = cores < least ? cores : least;
    if (bytes <= mountBytes)
      return int32_t(least);
    do
      --bytes;
    while (bytes > mountBytes && path[bytes] != '/');
  }
}

/// Whether a list such as "cpu,cpuacct" has the controller.
bool hasCpu(const char *list) {
  while (list && (!Text(list).startsWith("cpu") || (list[3] && list[3] != ',')))
    list = (list = strchr(list, ',')) ? list + 1 : nullptr;
  return list;
}

} // namespace

int32_t quotaCores(const char *root) {
  char path[kPathBytes];
  Writer(path, sizeof(path)) << root << "/proc/self/cgroup";
  Lines lines(path);
  int32_t least = INT32_MAX;
  auto see = [&](const char *mount, const char *group, const QuotaFiles &files) {
    const int32_t cores = leastQuota(root, mount, group, files);
    least = cores < least ? cores : least;
  };
  bool isTold = false;
  // A line is "0::/group" of version 2, "4:cpu,cpuacct:/group" of version 1.
  while (lines.next()) {
    char *controllers = strchr(lines.text, ':');
    char *group = controllers ? strchr(++controllers, ':') : nullptr;
    if (!group)
      continue;
    *group++ = 0;
    isTold = true;
    if (!*controllers)
      see("/sys/fs/cgroup", group, kVersion2);
    if (hasCpu(controllers)) {
      see("/sys/fs/cgroup/cpu", group, kVersion1);
      see("/sys/fs/cgroup/cpu,cpuacct", group, kVersion1);
    }
  }
  if (!isTold)
    see("/sys/fs/cgroup", "", kVersion2);
  return least;
}

} // namespace phi::os
