//===- EmitRowStage.cpp - Work on single rows ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tile is a row: where there is an embedding, the token's row of the table is
// dequantized first; everything else is one region.
//===----------------------------------------------------------------------===//
#include "targets/KernelName.h"
#include "targets/cpu/kernels/EmbedCore.h"
#include "targets/cpu/kernels/StageEmitter.h"

using namespace mlir;

namespace phic {
namespace {

class RowStage {
public:
  RowStage(KernelLibrary &library, const StageFacts &facts, const CpuTarget &target)
      : library(library), facts(facts), target(target), group(facts.groups.front()),
        embed(facts.first<phiq::EmbedOp>()) {}

  FailureOr<StageKernel> run() {
    if (facts.groups.size() != 1)
      return facts.stage->emitOpError("works on rows of different lengths");
    const bool inScratch = embed && !group.isPlain();
    StageKernel kernel{{1, 1}, inScratch ? floatRowBytes(group.columns) : 0, {}};
    kernel.symbol = defineStageKernel(library, facts, "", name(), [&](StageEmitter &e) {
      e.overTiles(kernel.tiles, [&](Value, Value row, Value) { emitRow(e, row); });
    });
    if (embed)
      kernel.fallback = embedFallback(facts.inputs[table()].layout);
    return kernel;
  }

private:
  KernelLibrary &library;
  const StageFacts &facts;
  const CpuTarget &target;
  const ColumnGroup &group;
  phiq::EmbedOp embed;

  std::string name() {
    int64_t block = 0;
    for (const Sink &sink : group.sinks)
      block = std::max(block, blockOf(sink.value));
    KernelName name{.op = "rows",
                    .lhs = "f32",
                    .out = block ? "s8b" + std::to_string(block) : "f32",
                    .epilogue = epilogueName(group),
                    .shape = "n" + std::to_string(group.columns),
                    .isa = target.isa};
    if (embed) {
      name.op = "embed";
      name.lhs = "i32";
      name.rhs = facts.inputs[table()].layout.name();
    }
    return name.str();
  }

  unsigned table() { return cast<BlockArgument>(embed.getTable()).getArgNumber(); }

  void emitRow(StageEmitter &e, Value row) {
    KernelBuilder &b = e.b;
    if (embed) {
      Value out = group.isPlain() ? e.resultRow(group.sinks[0].index, row) : e.scratch;
      unsigned ids = cast<BlockArgument>(embed.getIds()).getArgNumber();
      Value id = arith::ExtSIOp::create(b, b.getI64Type(), b.load(b.getI32Type(), b.offset(e.ids(ids), b.mul(row, 4))));
      emitEmbedRow(b, facts.inputs[table()].layout, group.columns, e.weight(table()), id, out);
    }
    if (!group.isPlain())
      e.applyRegion(group, group.columns, b.i64(1), b.i64(0), row, b.i64(1), {e.scratch}, 0);
  }
};

} // namespace

FailureOr<StageKernel> emitRowStage(KernelLibrary &library, const StageFacts &facts, const CpuTarget &target) {
  return RowStage(library, facts, target).run();
}

} // namespace phic
