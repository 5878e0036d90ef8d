//===- CudaGraph.cpp - A graph's stages on the emulator --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// As `phic verify` does it with a program, which is not needed here.
//===----------------------------------------------------------------------===//
#include "test/targets/cuda/CudaGraph.h"
#include "compiler/Compiler.h"
#include "compiler/Pipeline.h"
#include "compiler/request/BuildRequest.h"
#include "compiler/verify/GraphInputs.h"
#include "compiler/verify/StageBuffers.h"
#include "compiler/verify/Weights.h"
#include "compiler/weights/WeightPacker.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Entry.h"
#include "mlir/Pass/PassManager.h"
#include "phi/format.h"
#include "targets/cuda/CudaLevel.h"
#include "targets/cuda/Ptx.h"
#include "test/graphs/Arrays.h"
#include "test/targets/cuda/CudaStages.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;

namespace phic {
namespace {

class SegmentSink final : public WeightSink {
public:
  Error write(ArrayRef<uint8_t> more) override {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return Error::success();
  }
  Error padTo(uint64_t to) override {
    bytes.resize(to);
    return Error::success();
  }
  uint64_t position() const override { return bytes.size(); }

  std::vector<uint8_t> bytes;
};

Expected<std::vector<uint8_t>> packedWeights(ModuleOp module, StringRef directory) {
  std::vector<std::string> files;
  if (auto names = module->getAttrOfType<ArrayAttr>(phiq::PhiqDialect::kFiles))
    for (auto name : names.getAsRange<StringAttr>())
      files.push_back(name.str());
  auto store = WeightStore::open(directory, files);
  if (!store)
    return store.takeError();
  SegmentSink sink;
  if (Error failure = packWeights(module, **store, sink, /*base=*/0, [](uint64_t) {}, NonFinite::Keep))
    return std::move(failure);
  return std::move(sink.bytes);
}

class GraphRun {
public:
  GraphRun(ModuleOp module, const std::string &ptx, const std::vector<uint8_t> &segment, PackedWeights &weights)
      : module(module), model(modelFunction(module)), code(module, ptx), interpreter(module, weights, /*bounds=*/true),
        slots(plan::slotCount(model)), memory(plan::slotCount(model)) {
    device.upload(segment);
    auto sizes = module->getAttrOfType<plan::MemoryAttr>(plan::PlanDialect::kMemory);
    arena.resize(sizes.getArenaBytes());
    deviceArena.upload(arena);
    phi_frame step = {};
    step.rows = 1;
    frame.upload(bytesOf(ArrayRef<phi_frame>(step)));
  }

  Error run() {
    if (Error failure = bind())
      return failure;
    for (plan::StageOp stage : code.stages) {
      code.launch(stage, plan::entryNames(model).front(), *plan::fixedRowsOf(stage), frame.at(0),
                  [&](const StageArgument &argument) { return addressOf(argument); });
      deviceArena.download(arena);
      if (Error failure = check(stage))
        return failure;
    }
    return Error::success();
  }

private:
  /// Inputs of numbers, states and results of zeros.
  Error bind() {
    for (unsigned i = 0; i < model.getNumArguments(); ++i)
      memory[plan::slotOfArgument(model.getArgument(i))].resize(bytesOfType(model.getArgumentTypes()[i]));
    for (unsigned i = 0; i < model.getNumResults(); ++i)
      memory[plan::slotOfResult(model, i)].resize(bytesOfType(model.getResultTypes()[i]));
    Expected<GraphInputs> inputs = GraphInputs::create(plan::bindingsOf(model), /*runs=*/1);
    if (!inputs)
      return inputs.takeError();
    // Pairs of a flag and a file, one an input.
    size_t next = 1;
    for (const plan::Binding &binding : plan::bindingsOf(model)) {
      if (binding.kind != plan::BindingKind::Input)
        continue;
      Expected<test::Array> array = test::readArray(StringRef(inputs->arguments()[next]).rsplit('=').second.str());
      if (!array)
        return array.takeError();
      memory[binding.slot].assign(array->bytes.begin(), array->bytes.end());
      next += 2;
    }
    for (auto [bytes, slot] : llvm::zip(memory, slots))
      slot.upload(bytes);
    return Error::success();
  }

  static size_t bytesOfType(Type type) {
    auto shaped = cast<ShapedType>(type);
    const int64_t rows = shaped.getRank() == 0 ? 1 : shaped.getDimSize(0);
    return size_t(rows) * plan::denseRowBytes(type);
  }

  CUdeviceptr addressOf(const StageArgument &argument) {
    switch (argument.space) {
    case StageArgument::Space::Weights:
      return device.at(argument.offset);
    case StageArgument::Space::Arena:
      return deviceArena.at(argument.offset);
    case StageArgument::Space::Binding:
      return slots[argument.slot].at(0);
    case StageArgument::Space::Context:
      break;
    }
    llvm_unreachable("a graph has no KV cache");
  }

  Expected<Datum> datumOf(Value input) {
    Operation *source = input.getDefiningOp();
    if (!source)
      return datumFromBytes(cast<RankedTensorType>(input.getType()), backendOf(module),
                            memory[plan::slotOfArgument(cast<BlockArgument>(input))]);
    Datum datum;
    if (isa<plan::StageOp>(source))
      datum.rows = values[input];
    else
      datum.weight = source;
    return datum;
  }

  Error check(plan::StageOp stage) {
    std::vector<Datum> inputs;
    for (Value input : stage.getInputs()) {
      Expected<Datum> datum = datumOf(input);
      if (!datum)
        return datum.takeError();
      inputs.push_back(std::move(*datum));
    }
    FailureOr<std::vector<Rows>> expected = interpreter.runStage(stage, inputs, session);
    if (failed(expected))
      return createStringError("stage '" + stage.getName() + "' cannot be interpreted");
    for (unsigned i = 0; i < stage.getNumResults(); ++i)
      if (Error failure = checkResult(stage, i, (*expected)[i]))
        return failure;
    return Error::success();
  }

  Error checkResult(plan::StageOp stage, unsigned i, const Rows &expected) {
    auto type = cast<RankedTensorType>(stage.getResult(i).getType());
    auto buffer = cast<plan::BufferAttr>((*stage.getBuffers())[i]);
    const int64_t rows = type.getRank() == 0 ? 1 : type.getDimSize(0);
    std::vector<uint8_t> *from = &arena;
    uint64_t offset = buffer.getOffset();
    if (buffer.getSpace() == plan::Space::Binding) {
      from = &memory[offset];
      slots[offset].download(*from);
      offset = 0;
    }
    auto got = rowsFromBytes(type, backendOf(module), ArrayRef(*from).slice(offset, rows * buffer.getRowBytes()), rows,
                             int64_t(buffer.getRowBytes()));
    if (!got)
      return got.takeError();
    const Divergence worst = compareRows(*got, expected);
    if (!(worst.ratio <= 1)) // of a NaN neither
      return createStringError(llvm::formatv("stage '{0}', result {1}, row {2}, column {3}: got {4}, not {5} +- {6}",
                                             stage.getName(), i, worst.row, worst.column, worst.got, worst.expected,
                                             worst.bound)
                                   .str());
    values[stage.getResult(i)] = std::move(got->rows);
    return Error::success();
  }

  ModuleOp module;
  func::FuncOp model;
  CudaStages code;
  Interpreter interpreter;
  SessionState session;
  DeviceBytes device, deviceArena, frame;
  std::vector<DeviceBytes> slots;
  std::vector<std::vector<uint8_t>> memory; ///< of the slots, on the host
  std::vector<uint8_t> arena;
  llvm::DenseMap<Value, Rows> values;
};

/// A module that has been through the phases that all machines share.
Error checkModule(ModuleOp shared, const Options &options) {
  const CudaLevel &level = cudaLevels().front();
  OwningOpRef<ModuleOp> module = shared.clone();
  PassManager passes(module->getContext());
  for (Phase phase : {Phase::Layout, Phase::Kernels, Phase::Target})
    addPhase(passes, phase, options, &level);
  if (failed(passes.run(*module)))
    return createStringError("it cannot be compiled");
  Expected<std::string> ptx = emitPtx(*module, level);
  if (!ptx)
    return ptx.takeError();
  auto segment = packedWeights(*module, llvm::sys::path::parent_path(options.model));
  if (!segment)
    return segment.takeError();
  auto weights = PackedWeights::open(*module, *segment);
  if (!weights)
    return weights.takeError();
  return GraphRun(*module, *ptx, *segment, **weights).run();
}

} // namespace

Error checkOnEmulator(const Options &options) {
  Expected<BuildRequest> request = resolveCheck(options);
  if (!request)
    return request.takeError();
  Error result = createStringError("there is no module");
  PhaseObserver observer;
  observer.last = kLastSharedPhase;
  observer.after = [&](Phase phase, ArrayRef<ModuleOp> modules) {
    if (phase != kLastSharedPhase)
      return;
    llvm::consumeError(std::move(result));
    result = checkModule(modules.front(), options);
  };
  if (observe(*request, observer) == kExitSuccess)
    return result;
  llvm::consumeError(std::move(result));
  for (const Finding &finding : observer.findings)
    if (finding.severity == DiagnosticSeverity::Error)
      return createStringError(finding.message);
  return createStringError("it is refused");
}

} // namespace phic
