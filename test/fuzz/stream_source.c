// stream_source.c - Streams a file. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     stream_source --stream-stages FD FILE
//
// Stands for a program in stream_fuzz: writes FILE to FD.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int main(int count, char **words) {
  char bytes[4096];
  int from = count == 4 ? open(words[3], O_RDONLY) : -1, to = count == 4 ? atoi(words[2]) : -1;
  for (ssize_t got; (got = read(from, bytes, sizeof(bytes))) > 0;)
    if (write(to, bytes, (size_t)got) != got)
      return 1;
  return 0;
}
