//===- WeightPacker.cpp - The weight segment, streamed ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Threads take the segment's runs in order. Each packs its run into memory of its own and writes it when all before it
// are written, so that the bytes do not depend on how many threads there are, and no more runs are in memory than those.
//===----------------------------------------------------------------------===//
#include "compiler/weights/WeightPacker.h"
#include "compiler/weights/Finite.h"
#include "compiler/weights/WeightReader.h"
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/RopeTable.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Plan.h"
#include "llvm/Support/Parallel.h"
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

using namespace mlir;

namespace phic {
namespace {

/// Rows of a run, at least: enough that transposed layouts read whole cache lines.
constexpr int64_t kRowsAtOnce = 64;

struct Packed {
  Operation *op;
  plan::WeightLayout layout;
  uint64_t offset, bytes;
};

std::vector<Packed> packedInOrder(ModuleOp module) {
  std::vector<Packed> all;
  module.walk([&](Operation *op) {
    auto attribute = op->getAttrOfType<plan::PackedAttr>(plan::PlanDialect::kPacked);
    if (!attribute)
      return;
    all.push_back({op, attribute.getLayout(), attribute.getOffset(), attribute.getBytes()});
  });
  llvm::sort(all, [](const Packed &a, const Packed &b) { return a.offset < b.offset; });
  return all;
}

/// A few rows of a weight or table, as many as its layout packs together but for its last.
struct Run {
  const Packed *packed = nullptr;
  std::shared_ptr<const WeightReader> reader; ///< null: a table, or a constant
  uint64_t turn = 0; ///< how many are before it
  int64_t begin = 0, count = 0;

  int64_t columns() const { return rowsAndColumns(packed->op).second; }
  uint64_t offset() const { return packed->offset + uint64_t(packed->layout.bytes(begin, columns())); }
};

/// What one thread packs with.
class Packer {
public:
  explicit Packer(NonFinite nonFinite) : nonFinite(nonFinite) {}

  llvm::Expected<llvm::ArrayRef<uint8_t>> pack(const Run &run) {
    if (auto table = dyn_cast<phiq::RopeTableOp>(run.packed->op))
      return packTable(run, table);
    if (auto constant = dyn_cast<phiq::ConstantOp>(run.packed->op))
      return packConstant(run, constant);
    const int64_t bad = packRows(*run.reader, run.packed->layout, run.begin, run.count);
    run.reader->release(run.begin, run.count);
    if (bad >= 0 && nonFinite == NonFinite::Refuse)
      return llvm::createStringError("weight '" + cast<phiq::WeightOp>(run.packed->op).getName() + "', row " +
                                     llvm::Twine(run.begin + bad) +
                                     ": a value is not finite; --allow-nonfinite compiles it all the same");
    return buffer;
  }

private:
  llvm::ArrayRef<uint8_t> packTable(const Run &run, phiq::RopeTableOp table) {
    values.resize(run.count * run.columns());
    ropeTableRows(table, run.begin, run.count, values.data());
    return {reinterpret_cast<const uint8_t *>(values.data()), values.size() * sizeof(float)};
  }

  llvm::ArrayRef<uint8_t> packConstant(const Run &run, phiq::ConstantOp constant) {
    if (!constant.getRows())
      return buffer = bytesOf(constant.getValue());
    const int64_t K = run.columns();
    values.resize(run.count * K);
    floatsOf(constant.getValue(), run.begin * K, values);
    buffer.resize(run.packed->layout.bytes(run.count, K));
    run.packed->layout.packFloats(values, K, buffer.data());
    return buffer;
  }

  /// Packs rows [n, n + count) into `buffer`; the first of them with a value that is not finite, or -1.
  int64_t packRows(const WeightReader &reader, plan::WeightLayout layout, int64_t n, int64_t count) {
    const int64_t K = reader.columns();
    buffer.resize(layout.bytes(count, K));
    if (layout.holdsCodes()) {
      rows.resize(std::max(rows.size(), size_t(count))); // a row's vectors are used again
      reader.readRows(n, count, rows.data());
      const auto read = llvm::ArrayRef(rows).take_front(count);
      layout.packCodes(read, K, buffer.data());
      return findNonFinite(read, *reader.format());
    }
    values.resize(count * K);
    reader.dequantizeRows(n, count, values.data());
    layout.packFloats(values, K, buffer.data());
    return findNonFinite(values, K);
  }

  const NonFinite nonFinite;
  std::vector<uint8_t> buffer;
  std::vector<float> values;
  std::vector<BlockRow> rows;
};

/// The whole segment: hands out its runs, and takes them back in the same order.
class Segment {
public:
  Segment(std::vector<Packed> all, WeightStore &store, WeightSink &sink, uint64_t base,
          llvm::function_ref<void(uint64_t)> progress, NonFinite nonFinite)
      : all(std::move(all)), store(store), sink(sink), base(base), progress(progress), nonFinite(nonFinite) {}

  /// On any number of threads at once: packs until nothing is left, or something has failed.
  void work() {
    Packer packer(nonFinite);
    while (std::optional<Run> run = take())
      write(*run, packer.pack(*run));
  }
  /// After all of them.
  llvm::Error takeFailure() { return std::move(failure); }

private:
  std::optional<Run> take();
  llvm::Error beginWeight();
  void write(const Run &run, llvm::Expected<llvm::ArrayRef<uint8_t>> packed);

  const std::vector<Packed> all;
  WeightStore &store;
  WeightSink &sink;
  const uint64_t base; ///< of the sink's bytes: where the copy begins
  llvm::function_ref<void(uint64_t)> progress;
  const NonFinite nonFinite;

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
    rows = rowsAndColumns(all[current].op).first;
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
  const auto most = int64_t(llvm::alignTo(kRowsAtOnce, uint64_t(all[current].layout.rowsTogether())));
  Run run{&all[current], reader, taken++, nextRow, std::min(most, rows - nextRow)};
  nextRow += run.count;
  if (nextRow == rows) {
    ++current;
    nextRow = 0;
    reader = nullptr;
  }
  return run;
}

/// Failures are told in this order too, so that the first bad row is named on any number of threads.
void Segment::write(const Run &run, llvm::Expected<llvm::ArrayRef<uint8_t>> packed) {
  std::unique_lock lock(mutex);
  written.wait(lock, [&] { return failed || turn == run.turn; });
  if (failed)
    return llvm::consumeError(packed.takeError());
  lock.unlock(); // nobody else has this turn
  assert(sink.position() <= base + run.offset() && "packed weights overlap");
  assert((!packed || run.offset() + packed->size() <= run.packed->offset + run.packed->bytes) &&
         "assign-packed-layouts and the layout agree on sizes");
  llvm::Error error = packed ? sink.padTo(base + run.offset()) : packed.takeError();
  if (!error)
    error = sink.write(*packed);
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

llvm::Error packWeights(ModuleOp module, WeightStore &store, WeightSink &sink, uint64_t base,
                        llvm::function_ref<void(uint64_t)> progress, NonFinite nonFinite) {
  Segment segment(packedInOrder(module), store, sink, base, progress, nonFinite);
  llvm::parallelFor(0, llvm::parallel::strategy.compute_thread_count(), [&](size_t) { segment.work(); });
  if (llvm::Error error = segment.takeFailure())
    return error;
  auto memory = module->getAttrOfType<plan::MemoryAttr>(plan::PlanDialect::kMemory);
  return sink.padTo(base + memory.getWeightsBytes());
}

} // namespace phic
