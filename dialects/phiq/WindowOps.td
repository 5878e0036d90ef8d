//===- WindowOps.td - Ops on windows of a tensor -----------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All have their channels last: x is [N, S0, ..., C] with one to three axes S, over which windows move.
//===----------------------------------------------------------------------===//
#ifndef PHIC_PHIQ_WINDOW_OPS
#define PHIC_PHIQ_WINDOW_OPS

def Phiq_PoolOp : Phiq_GridOp<"pool"> {
  let summary = "the greatest element, or the mean, of each window";
  let description = [{
    ```mlir
    %0 = phiq.pool max %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>,
                           dilations = array<i64: 1, 1>} : tensor<1x6x6x8xf32> -> tensor<1x3x3x8xf32>
    ```
    A window has `kernel` places, `dilations` apart; window i of an axis begins at `i * strides - pads`, pads those before
    x, one an axis, and then those behind. Over the places t of the window that lie in x, for each channel by itself:

    ```
    result[n, i..., c] = max x[n, i * strides + t * dilations - pads, c]   or the mean
    ```
    Of floats, a NaN does not count to max, and the maximum of nothing else is -inf. The mean is of the elements in x; with
    `count_pads` their sum is divided by how many of the window's places lie in x or in its pads.
    - (C1) x and result are of rank 3 to 5, of one element type, N and C; kernel, strides and dilations are positive, one a
      spatial axis, pads twice as many from 0 on.
    - (C2) every window has an element of x.
    - (C3) the kind is max or mean, a mean is of f32.
  }];
  let arguments = (ins Phiq_ReduceKind:$kind, Phiq_Grid:$x, DenseI64ArrayAttr:$kernel, DenseI64ArrayAttr:$strides,
                       DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations, UnitAttr:$count_pads);
  let assemblyFormat = "$kind $x attr-dict `:` type($x) `->` type($result)";
}

def Phiq_DepthwiseOp : Phiq_GridOp<"depthwise", [AttrSizedOperandSegments]> {
  let summary = "a convolution of each channel by itself";
  let description = [{
    w is [K0, ..., C], a weight for each place of the window and channel; windows are those of phiq.pool:

    ```
    result[n, i..., c] = sum_t (x[n, i * strides + t * dilations - pads, c] - x_zero) * (w[t, c] - w_zero[c])
    ```
    over the t that lie in x. Without zero points they are 0. Floats are summed in real numbers and rounded once; integers
    wrap around.
    - (C1) x, result and strides, pads and dilations are as those of phiq.pool, with w's shape as kernel and C.
    - (C2) x, w and result are f32, without zero points; or x and w are of 8 bits and the result i32. x_zero is of x's type
      and of rank 0, w_zero of w's and of rank 0 or [C].
  }];
  let arguments = (ins Phiq_Grid:$x, Phiq_Grid:$w, Optional<Phiq_Grid>:$x_zero, Optional<Phiq_Grid>:$w_zero,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations);
  let assemblyFormat = [{
    $x `,` $w (`x_zero` $x_zero^ `:` type($x_zero))? (`w_zero` $w_zero^ `:` type($w_zero))? attr-dict `:`
    type($x) `,` type($w) `->` type($result)
  }];
}

def Phiq_ConvTransposeOp : Phiq_GridOp<"conv_transpose"> {
  let summary = "a convolution turned around: each element of x adds a window to the result";
  let description = [{
    w is [K0, ..., C, M / groups]; channel m of the result is of group `g = m / (M / groups)`:

    ```
    result[n, o..., m] = sum_(i, t, c) x[n, i..., c] * w[t, c, m - g * (M / groups)]
    ```
    over the places i of x and t of the window with `i * strides + t * dilations - pads = o`, and the c of group g:
    [g * C / groups, (g + 1) * C / groups). It is summed in real numbers and rounded once.
    - (C1) x and result are f32 of rank 3 to 5 and have one N; strides and dilations are positive, one a spatial axis, pads
      as many from 0 on.
    - (C2) w is f32, has x's rank, C and a positive K for each spatial axis; groups divides C, and times w's last size is
      the result's M.
  }];
  let arguments = (ins Phiq_Grid:$x, Phiq_Grid:$w, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                       DenseI64ArrayAttr:$dilations, I64Attr:$groups);
  let assemblyFormat = "$x `,` $w attr-dict `:` type($x) `,` type($w) `->` type($result)";
}

def Phiq_ResampleOp : Phiq_GridOp<"resample"> {
  let summary = "along an axis, sums of elements with weights";
  let description = [{
    ```
    result[..., o, ...] = sum_t weights[o, t] * x[..., indices[o, t], ...],  o and the index along `axis`
    ```
    summed in real numbers and rounded once. An index that lies outside of x counts as the nearest that does not.
    - (C1) x is f32 and has an element along the axis; the result differs from it there only.
    - (C2) indices are i32 and weights f32 [size of the result's axis, T], T positive.
  }];
  let arguments = (ins Phiq_Grid:$x, Phiq_Grid:$indices, Phiq_Grid:$weights, I64Attr:$axis);
  let assemblyFormat = "$x `,` $indices `,` $weights attr-dict `:` functional-type(operands, $result)";
}

#endif
