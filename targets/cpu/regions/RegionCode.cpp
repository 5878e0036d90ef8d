//===- RegionCode.cpp - A region as a function on pointers -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Halide's function takes buffers. The wrapper builds them on its stack, and after
// inlining they are gone:
//
//     define void @region(ptr %x, ptr %y) {           define void @region(ptr %x, ptr %y) {
//       %b = alloca %halide_buffer_t ...                %v = load <8 x float>, ptr %x ...
//       store ptr %x, ptr %b.host ...          ->       ...
//       call i32 @region_buffers(ptr %b, ...)
//
// Halide's type-based alias metadata says that different buffers are different memory. That is not true of the
// stages we inline into, where one row is the output of a region and the input of the next: it is removed.
//===----------------------------------------------------------------------===//
#include "targets/cpu/regions/RegionCode.h"
#include "targets/cpu/regions/Halide.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Transforms/IPO/AlwaysInliner.h"
#include "llvm/Transforms/IPO/GlobalDCE.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/SROA.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"
#include "llvm/Transforms/Utils/Local.h"

using namespace llvm;

namespace phic {
namespace {

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Instruction *productUsedOnce(Value *value) {
  auto *product = dyn_cast<BinaryOperator>(value);
  return product && product->getOpcode() == Instruction::FMul && product->hasOneUse() ? product : nullptr;
}

/// a * b + c, a * b - c and c - a * b become fma: which ones is decided here, before inlining, so that a row's
/// arithmetic does not depend on the stage around it.
void fuseProducts(Function &function) {
  SmallVector<BinaryOperator *> sums;
  for (Instruction &instruction : instructions(function))
    if (instruction.getOpcode() == Instruction::FAdd || instruction.getOpcode() == Instruction::FSub)
      sums.push_back(cast<BinaryOperator>(&instruction));
  for (BinaryOperator *sum : sums) {
    bool isLeft = productUsedOnce(sum->getOperand(0));
    Instruction *product = productUsedOnce(sum->getOperand(isLeft ? 0 : 1));
    if (!product)
      continue;
    IRBuilder<> builder(sum);
    Value *a = product->getOperand(0), *b = product->getOperand(1), *c = sum->getOperand(isLeft ? 1 : 0);
    if (sum->getOpcode() == Instruction::FSub)
      (isLeft ? c : a) = builder.CreateFNeg(isLeft ? c : a);
    sum->replaceAllUsesWith(builder.CreateIntrinsic(Intrinsic::fma, {sum->getType()}, {a, b, c}));
    sum->eraseFromParent();
    product->eraseFromParent();
  }
}

/// `value` rounded half to even, as Halide writes it.
Value *operandOfRound(Value *value) {
  auto *call = dyn_cast<IntrinsicInst>(value);
  if (!call)
    return nullptr;
  switch (call->getIntrinsicID()) {
  case Intrinsic::x86_avx_round_ps_256:
  case Intrinsic::x86_sse41_round_ps:
    return cast<ConstantInt>(call->getArgOperand(1))->isZero() ? call->getArgOperand(0) : nullptr;
  case Intrinsic::roundeven:
  case Intrinsic::rint:
  case Intrinsic::nearbyint:
    return call->getArgOperand(0);
  default:
    return nullptr;
  }
}

/// Rounding, then truncating to an integer, is one conversion: programs never leave the default rounding mode.
void fuseRoundings(Function &function) {
  for (Instruction &instruction : make_early_inc_range(instructions(function))) {
    auto *truncation = dyn_cast<FPToSIInst>(&instruction);
    Value *exact = truncation ? operandOfRound(truncation->getOperand(0)) : nullptr;
    if (!exact)
      continue;
    IRBuilder<> builder(truncation);
    Value *rounded = builder.CreateIntrinsic(Intrinsic::lrint, {truncation->getType(), exact->getType()}, {exact});
    Value *round = truncation->getOperand(0);
    truncation->replaceAllUsesWith(rounded);
    truncation->eraseFromParent();
    RecursivelyDeleteTriviallyDeadInstructions(round);
  }
}

//===----------------------------------------------------------------------===//
// Form
//===----------------------------------------------------------------------===//

/// Names, metadata and attributes that say how Halide compiled are no part of a region.
void strip(Function &function) {
  function.setAttributes({});
  for (Argument &argument : function.args())
    argument.setName("");
  for (BasicBlock &block : function) {
    block.setName("");
    for (Instruction &instruction : block) {
      instruction.setName("");
      SmallVector<std::pair<unsigned, MDNode *>> metadata;
      instruction.getAllMetadata(metadata);
      for (auto [kind, node] : metadata)
        instruction.setMetadata(kind, nullptr);
      if (isa<FPMathOperator>(instruction))
        instruction.setFastMathFlags(FastMathFlags());
    }
  }
}

/// struct halide_buffer_t and its dimensions (HalideRuntime.h).
struct BufferTypes {
  explicit BufferTypes(LLVMContext &context)
      : dimension(StructType::get(Type::getInt32Ty(context), Type::getInt32Ty(context), Type::getInt32Ty(context),
                                  Type::getInt32Ty(context))),
        buffer(StructType::get(Type::getInt64Ty(context), PointerType::getUnqual(context),
                               PointerType::getUnqual(context), Type::getInt64Ty(context), Type::getInt32Ty(context),
                               Type::getInt32Ty(context), PointerType::getUnqual(context),
                               PointerType::getUnqual(context))) {}
  enum Field { Host = 2, Type_ = 4, Rank = 5, Dimensions = 6 };
  StructType *dimension, *buffer;
};

Value *makeBuffer(IRBuilder<> &builder, const HalideBuffer &view, Value *pointer) {
  BufferTypes types(builder.getContext());
  unsigned rank = unsigned(view.dimensions.size());
  Value *buffer = builder.CreateAlloca(types.buffer);
  Value *dimensions = builder.CreateAlloca(types.dimension, builder.getInt32(rank));
  builder.CreateStore(Constant::getNullValue(types.buffer), buffer);
  auto setField = [&](unsigned field, Value *value) {
    builder.CreateStore(value, builder.CreateStructGEP(types.buffer, buffer, field));
  };
  setField(BufferTypes::Host, builder.CreateConstGEP1_64(builder.getInt8Ty(), pointer, uint64_t(view.byteOffset)));
  setField(BufferTypes::Type_, builder.getInt32(view.typeCode | uint32_t(view.bits) << 8 | 1u << 16));
  setField(BufferTypes::Rank, builder.getInt32(rank));
  setField(BufferTypes::Dimensions, dimensions);
  for (unsigned i = 0; i < rank; ++i) {
    const HalideBuffer::Dimension &d = view.dimensions[i];
    Constant *value = ConstantStruct::get(types.dimension, {builder.getInt32(0), builder.getInt32(uint32_t(d.extent)),
                                                            builder.getInt32(uint32_t(d.stride)), builder.getInt32(0)});
    builder.CreateStore(value, builder.CreateConstGEP1_32(types.dimension, dimensions, i));
  }
  return buffer;
}

Function *makeWrapper(Function &buffersFunction, const RowRegion &region, StringRef symbol,
                      ArrayRef<HalideBuffer> views) {
  LLVMContext &context = buffersFunction.getContext();
  SmallVector<Type *> pointers(region.argumentCount(), PointerType::getUnqual(context));
  auto *type = FunctionType::get(Type::getVoidTy(context), pointers, /*isVarArg=*/false);
  Function *wrapper = Function::Create(type, GlobalValue::ExternalLinkage, symbol, buffersFunction.getParent());
  IRBuilder<> builder(BasicBlock::Create(context, "", wrapper));
  SmallVector<Value *> buffers;
  for (const HalideBuffer &view : views)
    buffers.push_back(makeBuffer(builder, view, wrapper->getArg(view.argument)));
  builder.CreateCall(&buffersFunction, buffers);
  builder.CreateRetVoid();
  return wrapper;
}

/// Inlines into the wrapper and removes the buffers. Nothing that reorders arithmetic runs here.
void simplify(Module &module) {
  PassBuilder builder;
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager components;
  ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  FunctionPassManager clean;
  clean.addPass(SROAPass(SROAOptions::ModifyCFG));
  clean.addPass(EarlyCSEPass(/*UseMemorySSA=*/true));
  clean.addPass(InstCombinePass());
  clean.addPass(SimplifyCFGPass());
  ModulePassManager passes;
  passes.addPass(AlwaysInlinerPass());
  passes.addPass(createModuleToFunctionPassAdaptor(std::move(clean)));
  passes.addPass(GlobalDCEPass());
  passes.run(module, modules);
}

Error failure(StringRef symbol, const Twine &why, const RegionRow *row = nullptr) {
  if (row)
    return make_error<PluginCodeError>(symbol + ", built by '" + row->name + "' of a plugin: " + why);
  return createStringError(symbol + ": " + why);
}

/// What a schedule may need of Halide's runtime: programs have none.
std::string undefinedFunctions(const Module &module) {
  std::string names;
  for (const Function &function : module)
    if (function.isDeclaration() && !function.isIntrinsic())
      names += (names.empty() ? "" : ", ") + function.getName().str();
  return names;
}

} // namespace

Expected<std::unique_ptr<Module>> compileRegion(const RowRegion &region, StringRef symbol, const CpuTarget &target,
                                                LLVMContext &context, const RegionRow *row) {
  std::string onBuffers = symbol.str() + "_buffers", error;
  std::optional<HalideCode> code = compileWithHalide(region, onBuffers, target, row, &error);
  if (!code)
    return failure(symbol, error, row);
  auto module = parseBitcodeFile(MemoryBufferRef(code->bitcode, "region"), context);
  if (!module)
    return module.takeError();
  (*module)->setModuleIdentifier("region");
  (*module)->setSourceFileName("region");
  while (!(*module)->named_metadata_empty())
    (*module)->eraseNamedMetadata(&*(*module)->named_metadata_begin());
  Function *function = (*module)->getFunction(onBuffers);
  if (!function || function->arg_size() != code->buffers.size())
    return failure(symbol, "Halide made another function than was asked for");
  strip(*function);
  fuseProducts(*function);
  fuseRoundings(*function);
  function->setLinkage(GlobalValue::InternalLinkage);
  function->addFnAttr(Attribute::AlwaysInline);
  Function *wrapper = makeWrapper(*function, region, symbol, code->buffers);
  simplify(**module);
  if (std::string names = undefinedFunctions(**module); !names.empty())
    return failure(symbol,
                   "its code calls " + names +
                       ", which programs do not have: keep it on one thread, and what it stores on the stack",
                   row);
  wrapper->addFnAttr(Attribute::AlwaysInline);
  assert(!verifyModule(**module, &errs()));
  return std::move(*module);
}

} // namespace phic
