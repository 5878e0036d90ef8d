//===- GridOps.td - Ops on tensors of any rank -------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_PHIQ_GRID_OPS
#define PHIC_PHIQ_GRID_OPS

include "dialects/phiq/Dialect.td"
include "dialects/phiq/GridEnums.td"
include "dialects/phiq/Interfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

/// Integers that stand for reals by a scale and a zero point; those of 4 bits lie in a byte each.
def Phiq_Code : AnyTypeOf<[UI<8>, I<8>, UI<4>, I<4>]>;
/// Elements of grids; i1 is a truth value, in a byte. Signless integers are signed ones.
def Phiq_Number : AnyTypeOf<[F32, I<1>, UI<8>, I<8>, UI<4>, I<4>, I<32>, I<64>]>;
def Phiq_Grid : RankedTensorOf<[Phiq_Number]>;

class Phiq_GridOp<string mnemonic, list<Trait> traits = []>
    : Phiq_Op<mnemonic, [Pure, Phiq_GridOpInterface, DeclareOpInterfaceMethods<Phiq_MeaningInterface>] # traits> {
  let results = (outs Phiq_Grid:$result);
  let hasVerifier = 1;
}

def Phiq_ConstantOp : Phiq_Op<"constant", [Pure, AllTypesMatch<["value", "result"]>]> {
  let summary = "numbers that the model's files do not hold as they are: computed when importing, or few";
  let description = [{
    ```mlir
    %0 = phiq.constant dense<[1.0, 0.5]> : tensor<2xf32>
    ```
    It is packed into the weight segment as it is.
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Phiq_Grid:$result);
  let assemblyFormat = "attr-dict $value";
}

def Phiq_MapOp : Phiq_GridOp<"map"> {
  let summary = "a function of the elements of its operands, each by itself";
  let description = [{
    `result[i] = function(xs[0][i], xs[1][i], ...)`, operands broadcast to the result's shape as ONNX and NumPy do it: shapes
    end together, an axis of size 1 or missing counts for all of the result's.

    Functions of floats compute in real numbers and round once, to f32; those of integers wrap around. Which operands a
    function has, and of which types, says the table in MapFunctions.cpp:

    | functions | operands | result |
    |---|---|---|
    | `add sub mul div min max`, `prelu` (x < 0 ? x * y : x), `pow` | two of one type | the same |
    | `neg abs relu`, `sqrt round exp log erf tanh sigmoid sin cos gelu` of floats | one | the same |
    | `equal less less_or_equal`, `is_nan` of a float | of one type | i1 |
    | `and or xor not` | of i1 | i1 |
    | `select` (c ? x : y) | i1, two of one type | theirs |
    | `cast` | one | any: from floats toward zero and saturated to 32 or 64 bits, NaN to 0; integers wrap; i1 is whether it is not 0 |
    | `quantize` (saturate(round_half_even(f32(x / scale)) + zero); a NaN gives the zero point) | f32, f32 scale, zero of the result's type | codes |
    | `dequantize` (f32(scale * f32(q - zero))) | codes or i32, f32 scale, zero of q's type | f32 |

    `min` and `max` of floats are NaN where one is. A quotient of integers is rounded toward zero; by 0 it is 0.
    - (C1) operands are as many and of such types as the function's row says.
    - (C2) all are of static shape, which broadcast to the result's.
  }];
  let arguments = (ins Phiq_MapFunction:$function, Variadic<Phiq_Grid>:$xs);
  let assemblyFormat = "$function $xs attr-dict `:` functional-type($xs, $result)";
}

def Phiq_ReshapeOp : Phiq_GridOp<"reshape"> {
  let summary = "the same elements in another shape";
  let description = [{
    Element i of the result, counted with the last axis innermost, is element i of x.
    - (C1) x and result have static shapes of as many elements, and one element type.
  }];
  let arguments = (ins Phiq_Grid:$x);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
}

include "dialects/phiq/MoveOps.td"
include "dialects/phiq/AxisOps.td"
include "dialects/phiq/WindowOps.td"
include "dialects/phiq/RecurrentOps.td"

#endif
