//===- WeightPacker.cpp - The weight segment, streamed ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Threads take the segment's runs in order. Each packs its run into memory of its own and writes it when all before it
// are written, so that the bytes do not depend on how many threads there are, and no more runs are in memory than those.
//===----------------------------------------------------------------------===//
#include "compiler/weights/WeightPacker.h"
#include "compiler/weights/WeightReader.h"
#include "dialects/phiq/Phiq.h"
#include "dialects/phiq/RopeTable.h"
#include "dialects/plan/Plan.h"
#include "targets/cpu/layout/PackedLayout.h"
#include "llvm/Support/Parallel.h"
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

using namespace mlir;

namespace phic {
namespace {

/// Rows of a run: enough panels that transposed layouts read whole cache lines.
constexpr int64_t kRowsAtOnce = 8 * PackedLayout::kColumns;

struct Packed {
  Operation *op;
  PackedLayout layout;
  uint64_t offset, bytes;
};

std::vector<Packed> packedInOrder(ModuleOp module) {
  std::vector<Packed> all;
  module.walk([&](Operation *op) {
    auto attribute = op->getAttrOfType<plan::PackedAttr>(plan::PlanDialect::kPacked);
    if (!attribute)
      return;
    std::optional<PackedLayout> layout = PackedLayout::parse(attribute.getLayout().str());
    assert(layout && "written by assign-packed-layouts");
    all.push_back({op, *layout, attribute.getOffset(), attribute.getBytes()});
  });
  llvm::sort(all, [](const Packed &a, const Packed &b) { return a.offset < b.offset; });
  return all;
}

/// A few rows of a weight or table, a whole number of panels but for its last.
struct Run {
  const Packed *packed = nullptr;
  std::shared_ptr<const WeightReader> reader; ///< null: a table
  uint64_t turn = 0; ///< how many are before it
  int64_t begin = 0, count = 0;

  bool isTable() const { return !isa<phiq::WeightOp>(packed->op); }
  int64_t columns() const { return cast<ShapedType>(packed->op->getResult(0).getType()).getShape().back(); }
  uint64_t offset() const { return packed->offset + uint64_t(packed->layout.bytes(begin, columns())); }
};

/// What one thread packs with.
class Packer {
public:
  llvm::ArrayRef<uint8_t> pack(const Run &run) {
    if (run.isTable())
      return packTable(run);
    packRows(*run.reader, run.packed->layout, run.begin, run.count);
    run.reader->release(run.begin, run.count);
    return buffer;
  }

private:
  llvm::ArrayRef<uint8_t> packTable(const Run &run) {
    values.resize(run.count * run.columns());
    ropeTableRows(cast<phiq::RopeTableOp>(run.packed->op), run.begin, run.count, values.data());
    return {reinterpret_cast<const uint8_t *>(values.data()), values.size() * sizeof(float)};
  }

  /// Packs rows [n, n + count) into `buffer`.
  void packRows(const WeightReader &reader, const PackedLayout &layout, int64_t n, int64_t count) {
    int64_t K = reader.columns();
    bool dense = layout.kind == PackedLayout::Kind::Dense;
    int64_t panel = dense ? 1 : PackedLayout::kColumns;
    buffer.resize(layout.bytes(count, K));
    int64_t panelBytes = int64_t(buffer.size()) / ((count + panel - 1) / panel);
    if (layout.kind == PackedLayout::Kind::BlockPanel)
      reader.readRows(n, count, rows);
    else
      values.resize(count * K), reader.dequantizeRows(n, count, values.data());
    for (int64_t i = 0; i < count; i += panel) {
      int64_t have = std::min(panel, count - i);
      uint8_t *out = buffer.data() + i / panel * panelBytes;
      if (layout.kind == PackedLayout::Kind::BlockPanel)
        layout.packPanel(rows + i, have, K, out);
      else
        layout.packPanel(values.data() + i * K, have, K, out);
    }
  }

  std::vector<uint8_t> buffer;
  std::vector<float> values;
  BlockRow rows[kRowsAtOnce];
};

/// The whole segment: hands out its runs, and takes them back in the same order.
class Segment {
public:
  Segment(std::vector<Packed> all, WeightStore &store, WeightSink &sink, llvm::function_ref<void(uint64_t)> progress)
      : all(std::move(all)), store(store), sink(sink), progress(progress) {}

  /// On any number of threads at once: packs until nothing is left, or something has failed.
  void work() {
    Packer packer;
    while (std::optional<Run> run = take())
      write(*run, packer.pack(*run));
  }
  /// After all of them.
  llvm::Error takeFailure() { return std::move(failure); }

private:
  std::optional<Run> take();
  llvm::Error beginWeight();
  void write(const Run &run, llvm::ArrayRef<uint8_t> bytes);

  const std::vector<Packed> all;
  WeightStore &store;
  WeightSink &sink;
  llvm::function_ref<void(uint64_t)> progress;

  std::mutex mutex; ///< of all below
  std::condition_variable written;
  size_t current = 0; ///< of `all`
  std::shared_ptr<const WeightReader> reader;
  int64_t rows = 0, nextRow = 0;
  uint64_t taken = 0, turn = 0;
  bool failed = false;
  llvm::Error failure = llvm::Error::success();
};

/// The rows of `all[current]`.
llvm::Error Segment::beginWeight() {
  auto weight = dyn_cast<phiq::WeightOp>(all[current].op);
  if (!weight) {
    rows = cast<ShapedType>(all[current].op->getResult(0).getType()).getDimSize(0);
    return llvm::Error::success();
  }
  auto created = WeightReader::create(weight, store);
  if (!created)
    return created.takeError();
  reader = std::move(*created);
  rows = reader->rows();
  return llvm::Error::success();
}

std::optional<Run> Segment::take() {
  std::lock_guard lock(mutex);
  if (failed || current == all.size())
    return std::nullopt;
  if (nextRow == 0)
    if (llvm::Error error = beginWeight()) {
      failed = true;
      failure = std::move(error);
      written.notify_all();
      return std::nullopt;
    }
  Run run{&all[current], reader, taken++, nextRow, std::min(kRowsAtOnce, rows - nextRow)};
  nextRow += run.count;
  if (nextRow == rows) {
    ++current;
    nextRow = 0;
    reader = nullptr;
  }
  return run;
}

void Segment::write(const Run &run, llvm::ArrayRef<uint8_t> bytes) {
  std::unique_lock lock(mutex);
  written.wait(lock, [&] { return failed || turn == run.turn; });
  if (failed)
    return;
  lock.unlock(); // nobody else has this turn
  assert(sink.position() <= run.offset() && "packed weights overlap");
  assert(run.offset() + bytes.size() <= run.packed->offset + run.packed->bytes &&
         "assign-packed-layouts and PackedLayout agree on sizes");
  llvm::Error error = sink.padTo(run.offset());
  if (!error)
    error = sink.write(bytes);
  if (!error)
    progress(sink.position());
  lock.lock();
  ++turn;
  if (error) {
    failed = true;
    failure = llvm::joinErrors(std::move(failure), std::move(error));
  }
  written.notify_all();
}

} // namespace

llvm::Error packWeights(ModuleOp module, WeightStore &store, WeightSink &sink,
                        llvm::function_ref<void(uint64_t)> progress) {
  Segment segment(packedInOrder(module), store, sink, progress);
  llvm::parallelFor(0, llvm::parallel::strategy.compute_thread_count(), [&](size_t) { segment.work(); });
  if (llvm::Error error = segment.takeFailure())
    return error;
  auto memory = module->getAttrOfType<plan::MemoryAttr>(plan::PlanDialect::kMemory);
  return sink.padTo(memory.getWeightsBytes());
}

} // namespace phic
