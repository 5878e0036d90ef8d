//===- CudaUpload.cpp - Weights to a GPU's memory ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Through two pinned buffers: the processor fills one with what it reads of the file, while the GPU takes the other.
// Memory that is not pinned the driver would copy through one of its own, and wait for each part.
//===----------------------------------------------------------------------===//
#include "runtime/devices/cuda/CudaUpload.h"

#include "runtime/Os.h"
#include "runtime/devices/cuda/CudaMachine.h"

#include <string.h>

namespace phi::cuda {
namespace {

constexpr uint64_t kPieceBytes = uint64_t(8) << 20;
/// Shown while it goes on for longer than this, as often; in seconds.
constexpr double kShown = 0.5;

class Upload {
public:
  Upload(const CudaCode &code, uint64_t bytes, const Notes &notes)
      : driver(code.driver), code(code), bytes(bytes), notes(notes), piece(bytes < kPieceBytes ? bytes : kPieceBytes) {}
  ~Upload();

  Result open();
  Result copy(const uint8_t *from);

private:
  void show(uint64_t done);

  const Driver &driver;
  const CudaCode &code;
  const uint64_t bytes;
  const Notes &notes;
  const uint64_t piece;
  Stream stream = nullptr;
  Event taken[2] = {};
  void *buffers = nullptr;
  double shown = os::now();
};

Upload::~Upload() {
  for (Event event : taken)
    if (event)
      driver.eventDestroy(event);
  if (stream)
    driver.streamDestroy(stream);
  if (buffers)
    driver.memFreeHost(buffers);
}

Result Upload::open() {
  Result result = driver.streamCreate(&stream, kNonBlocking);
  for (int i = 0; i < 2 && result == kSuccess; ++i)
    result = driver.eventCreate(&taken[i], kUntimed);
  return result == kSuccess ? driver.memHostAlloc(&buffers, 2 * piece, kPortable) : result;
}

Result Upload::copy(const uint8_t *from) {
  Result result = kSuccess;
  uint64_t number = 0;
  for (uint64_t done = 0; done < bytes && result == kSuccess; ++number) {
    const uint64_t count = bytes - done < piece ? bytes - done : piece;
    const uint64_t side = number % 2;
    uint8_t *buffer = static_cast<uint8_t *>(buffers) + side * piece;
    if (number >= 2)
      result = driver.eventSynchronize(taken[side]);
    memcpy(buffer, from + done, count);
    if (result == kSuccess)
      result = driver.copyUp(code.weights + done, buffer, count, stream);
    if (result == kSuccess)
      result = driver.eventRecord(taken[side], stream);
    done += count;
    show(done);
  }
  return result == kSuccess ? driver.streamSynchronize(stream) : result;
}

void Upload::show(uint64_t done) {
  const double now = os::now();
  if (now - shown < kShown)
    return;
  shown = now;
  char text[256];
  Writer line(text, sizeof(text));
  writeBytes(done, line << "weights to " << code.name << ": ");
  writeBytes(bytes, line << " of ");
  notes(text, /*isPassing=*/true);
}

} // namespace

Result uploadWeights(const CudaCode &code, const uint8_t *from, uint64_t bytes, const Notes &notes) {
  if (!bytes)
    return kSuccess;
  Upload upload(code, bytes, notes);
  const Result result = upload.open();
  return result == kSuccess ? upload.copy(from) : result;
}

} // namespace phi::cuda
