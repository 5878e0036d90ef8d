//===- MoveOps.td - Elements in other places ---------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Part of GridOps.td. Each element of a result is one of an operand; which one, says Moves.h.
//===----------------------------------------------------------------------===//
#ifndef PHIC_PHIQ_MOVE_OPS
#define PHIC_PHIQ_MOVE_OPS

def Phiq_PermuteOp : Phiq_GridOp<"permute"> {
  let summary = "the axes in another order";
  let description = [{
    Axis i of the result is axis `order[i]` of x: `result[i0, i1, ...] = x[j]`, where `j[order[k]] = ik`.
    - (C1) order has each axis of x once.
    - (C2) the result is of x's element type and of its shape in that order.
  }];
  let arguments = (ins Phiq_Grid:$x, DenseI64ArrayAttr:$order);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
}

def Phiq_SliceOp : Phiq_GridOp<"slice"> {
  let summary = "elements at even distances along each axis";
  let description = [{
    `result[i0, i1, ...] = x[starts[0] + i0 steps[0], starts[1] + i1 steps[1], ...]`; steps may be negative.
    - (C1) starts and steps are one for each axis of x; the result is of x's element type and rank.
    - (C2) every element lies in x.
  }];
  let arguments = (ins Phiq_Grid:$x, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$steps);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
}

def Phiq_ConcatOp : Phiq_GridOp<"concat"> {
  let summary = "tensors one behind the other along an axis";
  let description = [{
    - (C1) there is an operand; all are of the result's element type and of its shape but for `axis`, one of its axes.
    - (C2) their sizes along `axis` add up to the result's.
  }];
  let arguments = (ins Variadic<Phiq_Grid>:$xs, I64Attr:$axis);
  let assemblyFormat = "$xs attr-dict `:` functional-type($xs, $result)";
}

def Phiq_BroadcastOp : Phiq_GridOp<"broadcast"> {
  let summary = "a tensor repeated along axes of size 1";
  let description = [{
    As operands of phiq.map are broadcast: shapes end together, an axis of size 1 or missing counts for all of the
    result's.
    - (C1) x broadcasts to the result's shape, and has its element type.
  }];
  let arguments = (ins Phiq_Grid:$x);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
}

def Phiq_PadOp : Phiq_GridOp<"pad"> {
  let summary = "a tensor with more around it";
  let description = [{
    x lies in the result from `before` on; around it is, by `mode`, the number `value`, the nearest element of x (edge), or x
    mirrored at its first and last elements (reflect) or repeated (wrap) as often as it takes.
    - (C1) before is one for each axis of x, from 0 on; the result is of x's element type and rank, and x fits into it there.
    - (C2) there is a value, of x's element type and of rank 0, if and only if the mode is constant.
    - (C3) but for mode constant, x has an element along each axis that grows.
  }];
  let arguments = (ins Phiq_Grid:$x, Optional<Phiq_Grid>:$value, DenseI64ArrayAttr:$before, Phiq_PadMode:$mode);
  let assemblyFormat = "$mode $x (`,` $value^)? attr-dict `:` functional-type(operands, $result)";
}

/// i32 or i64. A negative index counts from the end; what then lies outside counts as the nearest that does not.
def Phiq_Indices : RankedTensorOf<[I<32>, I<64>]>;

def Phiq_GatherOp : Phiq_GridOp<"gather"> {
  let summary = "the slices of a tensor that indices name";
  let description = [{
    `result[outer..., i..., inner...] = x[outer..., indices[i...], inner...]`, the index along `axis` of x. A negative index
    counts from the end; what then lies outside of x counts as the nearest that does not.
    - (C1) axis is one of x's, along which it has an element unless the result has none.
    - (C2) the result has x's element type, and its shape with that of indices in place of `axis`.
  }];
  let arguments = (ins Phiq_Grid:$x, Phiq_Indices:$indices, I64Attr:$axis);
  let assemblyFormat = "$x `,` $indices attr-dict `:` functional-type(operands, $result)";
}

def Phiq_GatherElementsOp : Phiq_GridOp<"gather_elements"> {
  let summary = "for each place the element that an index names along an axis";
  let description = [{
    `result[i0, ..., ik, ...] = x[i0, ..., indices[i0, ..., ik, ...], ...]`, the index along `axis` = k; indices as those of
    phiq.gather.
    - (C1) x, indices and result are of one rank, x and the result of one element type, and indices of the result's shape.
    - (C2) axis is one of x's; unless the result has no element, x has one along it and is elsewhere no smaller than indices.
  }];
  let arguments = (ins Phiq_Grid:$x, Phiq_Indices:$indices, I64Attr:$axis);
  let assemblyFormat = "$x `,` $indices attr-dict `:` functional-type(operands, $result)";
}

def Phiq_GatherNDOp : Phiq_GridOp<"gather_nd"> {
  let summary = "the slices of a tensor that tuples of indices name";
  let description = [{
    x and indices begin with `batch_dims` axes that are equal; the last axis of indices holds tuples, along the axes of x that follow:

    `result[b..., i..., inner...] = x[b..., indices[b..., i..., 0], indices[b..., i..., 1], ..., inner...]`

    Indices as those of phiq.gather.
    - (C1) batch_dims is from 0 on and less than the rank of indices; x has so many axes, of the same sizes, and as many more
      as tuples have numbers.
    - (C2) the result has x's element type, and as shape that of indices but for its last axis, and x's axes that are left.
    - (C3) unless the result has no element, x has one along each indexed axis.
  }];
  let arguments = (ins Phiq_Grid:$x, Phiq_Indices:$indices, I64Attr:$batch_dims);
  let assemblyFormat = "$x `,` $indices attr-dict `:` functional-type(operands, $result)";
}

def Phiq_ScatterNDOp : Phiq_GridOp<"scatter_nd"> {
  let summary = "a tensor with slices replaced that tuples of indices name";
  let description = [{
    x, in which slice `indices[i..., :]` becomes `updates[i..., inner...]`, one i after the other: where two are the same slice
    the last stays. Tuples and indices as those of phiq.gather_nd, without axes of a batch.
    - (C1) indices have an axis, and x as many as tuples have numbers; x and the result are of one type.
    - (C2) updates have x's element type, and as shape that of indices but for its last axis, and x's axes that are left.
    - (C3) unless updates have no element, x has one along each indexed axis.
  }];
  let arguments = (ins Phiq_Grid:$x, Phiq_Indices:$indices, Phiq_Grid:$updates);
  let assemblyFormat = "$x `,` $indices `,` $updates attr-dict `:` functional-type(operands, $result)";
}

#endif
