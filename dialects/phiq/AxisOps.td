//===- AxisOps.td - Ops along axes of a tensor -------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_PHIQ_AXIS_OPS
#define PHIC_PHIQ_AXIS_OPS

def Phiq_ReduceOp : Phiq_GridOp<"reduce"> {
  let summary = "all elements along some axes as one";
  let description = [{
    ```mlir
    %0 = phiq.reduce mean %x over [2, 3] : tensor<1x8x7x7xf32> -> tensor<1x8xf32>
    ```
    The result has x's axes but for `axes`; an element of it is the sum, mean, product, maximum or minimum of those of x
    at its place, over all places along `axes`. Floats are computed in real numbers and rounded once; sums and products
    of integers wrap around. A maximum or minimum of floats is NaN where one is. Of no elements, the sum is 0, the mean
    NaN, the product 1, the maximum the least number of the type and the minimum its greatest.
    - (C1) axes ascend, and x has them.
    - (C2) the result is of x's element type and other axes.
    - (C3) a mean is of floats.
  }];
  let arguments = (ins Phiq_ReduceKind:$kind, Phiq_Grid:$x, DenseI64ArrayAttr:$axes);
  let assemblyFormat = "$kind $x `over` $axes attr-dict `:` type($x) `->` type($result)";
}

def Phiq_ArgOp : Phiq_GridOp<"arg"> {
  let summary = "where along an axis the greatest or least element is";
  let description = [{
    ```mlir
    %0 = phiq.arg max %x over 1 : tensor<1x21x64xf32> -> tensor<1x64xi64>
    ```
    The result has x's axes but for `axis`; an element of it is the index along `axis` of the first of x's elements there
    that no other is greater than (`min`: less than), with `last` of the last one. A NaN counts as -inf (`min`: inf).
    - (C1) x has the axis, with an element along it.
    - (C2) the result is of i64 and x's other axes.
    - (C3) the kind is max or min.
  }];
  let arguments = (ins Phiq_ReduceKind:$kind, Phiq_Grid:$x, I64Attr:$axis, UnitAttr:$last);
  let assemblyFormat = "$kind $x `over` $axis (`last` $last^)? attr-dict `:` type($x) `->` type($result)";
}

def Phiq_SoftmaxOp : Phiq_GridOp<"softmax"> {
  let summary = "softmax along the last axis";
  let description = [{
    ```
    result[i, j] = exp(x[i, j] - m) / s,  with `log`: x[i, j] - m - log(s);   m = max_k x[i, k], s = sum_k exp(x[i, k] - m)
    ```
    - (C1) x and result are of one shape of f32, of rank 1 or more.
  }];
  let arguments = (ins Phiq_Grid:$x, UnitAttr:$log);
  let assemblyFormat = "(`log` $log^)? $x attr-dict `:` type($x) `->` type($result)";
}

def Phiq_NormalizeOp : Phiq_GridOp<"normalize"> {
  let summary = "layer normalization along the last axis";
  let description = [{
    ```
    result[i, j] = (x[i, j] - m) / sqrt(v + epsilon) * scale[j] + bias[j];   m = mean_k x[i, k], v = mean_k (x[i, k] - m)^2
    ```
    - (C1) x and result are of one shape of f32, of rank 1 or more.
    - (C2) scale and bias are f32 [size of the last axis].
  }];
  let arguments = (ins Phiq_Grid:$x, Phiq_Grid:$scale, Phiq_Grid:$bias, F32Attr:$epsilon);
  let assemblyFormat = "$x `,` $scale `,` $bias attr-dict `:` functional-type(operands, $result)";
}

#endif
