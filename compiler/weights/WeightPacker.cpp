//===- WeightPacker.cpp - The weight segment, streamed ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/weights/WeightPacker.h"
#include "compiler/weights/WeightReader.h"
#include "dialects/phiq/Phiq.h"
#include "dialects/phiq/RopeTable.h"
#include "dialects/plan/Plan.h"
#include "targets/PackedLayout.h"

using namespace mlir;

namespace phic {
namespace {

/// Rows read at once: enough panels that transposed layouts read whole cache lines.
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

/// Packs one weight: reads rows, packs panels, writes, releases what was read.
class Packer {
public:
  Packer(WeightStore &store, WeightSink &sink) : store(store), sink(sink) {}

  llvm::Error pack(const Packed &packed) {
    assert(sink.position() <= packed.offset && "packed weights overlap");
    if (llvm::Error error = sink.padTo(packed.offset))
      return error;
    llvm::Error error = isa<phiq::WeightOp>(packed.op) ? packWeight(packed) : packTable(packed);
    assert((error || sink.position() == packed.offset + packed.bytes) &&
           "assign-packed-layouts and PackedLayout agree on sizes");
    return error;
  }

private:
  llvm::Error packTable(const Packed &packed) {
    auto table = cast<phiq::RopeTableOp>(packed.op);
    auto type = cast<ShapedType>(table.getType());
    for (int64_t p = 0; p < type.getDimSize(0); p += kRowsAtOnce) {
      int64_t count = std::min(kRowsAtOnce, type.getDimSize(0) - p);
      values.resize(count * type.getDimSize(1));
      ropeTableRows(table, p, count, values.data());
      if (llvm::Error error = sink.write({reinterpret_cast<const uint8_t *>(values.data()), values.size() * sizeof(float)}))
        return error;
    }
    return llvm::Error::success();
  }

  llvm::Error packWeight(const Packed &packed) {
    auto reader = WeightReader::create(cast<phiq::WeightOp>(packed.op), store);
    if (!reader)
      return reader.takeError();
    for (int64_t n = 0; n < (*reader)->rows(); n += kRowsAtOnce) {
      int64_t count = std::min(kRowsAtOnce, (*reader)->rows() - n);
      packRows(**reader, packed.layout, n, count);
      if (llvm::Error error = sink.write(buffer))
        return error;
      (*reader)->release(n, count);
    }
    return llvm::Error::success();
  }

  /// Packs rows [n, n + count), a whole number of panels but for the weight's last, into `buffer`.
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

  WeightStore &store;
  WeightSink &sink;
  std::vector<uint8_t> buffer;
  std::vector<float> values;
  BlockRow rows[kRowsAtOnce];
};

} // namespace

llvm::Error packWeights(ModuleOp module, WeightStore &store, WeightSink &sink,
                        llvm::function_ref<void(uint64_t)> progress) {
  Packer packer(store, sink);
  for (const Packed &packed : packedInOrder(module)) {
    if (llvm::Error error = packer.pack(packed))
      return error;
    progress(sink.position());
  }
  auto memory = module->getAttrOfType<plan::MemoryAttr>(plan::PlanDialect::kMemory);
  return sink.padTo(memory.getWeightsBytes());
}

} // namespace phic
