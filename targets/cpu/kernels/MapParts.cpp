//===- MapParts.cpp - Long chains of maps in parts -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/kernels/MapParts.h"
#include "mlir/IR/OpDefinition.h"

using namespace mlir;

namespace phic {

using phiq::MapFunction;

SmallVector<ArrayRef<phiq::MapOp>> divideMaps(Operation *main, ArrayRef<phiq::MapOp> maps) {
  constexpr unsigned kEnough = 16,
                     kLong = 8; // operations of a part; of a quantization with what follows it, or a lookup
  auto isReadFrom = [&](size_t next, Operation *source) {
    return llvm::any_of(source->getUsers(),
                        [&](Operation *user) { return llvm::is_contained(maps.drop_front(next), user); });
  };
  auto isReturned = [](Operation *source) {
    return llvm::any_of(source->getUsers(), [](Operation *user) { return user->hasTrait<OpTrait::IsTerminator>(); });
  };
  auto canDivideAt = [&](size_t next) {
    auto stays = [&](Operation *source) { return !isReadFrom(next, source) && !isReturned(source); };
    phiq::MapOp last = maps[next - 1];
    return elementTypeOf(last.getResult()).isF32() && !isReturned(last) && (!main || stays(main)) &&
           llvm::all_of(maps.take_front(next - 1), stays);
  };
  SmallVector<ArrayRef<phiq::MapOp>> parts;
  size_t begin = 0;
  unsigned work = 0;
  for (size_t next = 1; next < maps.size(); ++next) {
    phiq::MapOp last = maps[next - 1];
    const bool isLong = last.getFunction() == MapFunction::Quantize || last.getTable();
    work += isLong ? kLong : 1;
    if (work < kEnough || !canDivideAt(next))
      continue;
    parts.push_back(maps.slice(begin, next - begin));
    begin = next;
    work = 0;
  }
  parts.push_back(maps.drop_front(begin));
  return parts;
}

} // namespace phic
