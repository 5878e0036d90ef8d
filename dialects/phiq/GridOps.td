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
    It is packed into the weight segment as it is; with `rows`, which the layout phase sets where only contractions multiply by
    it, as their weights are: [O, ...] are O rows.
  }];
  let arguments = (ins ElementsAttr:$value, UnitAttr:$rows);
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
    | `mul_add` (x * y + z, rounded once) of floats | three | f32 |
    | `neg abs relu`, `sqrt round exp log erf tanh sigmoid sin cos gelu` of floats | one | the same |
    | `equal less less_or_equal`, `is_nan` of a float | of one type | i1 |
    | `and or xor not` | of i1 | i1 |
    | `select` (c ? x : y) | i1, two of one type | theirs |
    | `cast` | one | any: from floats toward zero and saturated to 32 or 64 bits, NaN to 0; integers wrap; i1 is whether it is not 0 |
    | `quantize` (saturate(round_half_even(f32(x / scale)) + zero); a NaN gives the zero point) | f32, f32 scale, zero of the result's type | codes |
    | `dequantize` (f32(scale * f32(q - zero))) | codes or i32, f32 scale, zero of q's type | f32 |

    | `lookup` (table[q - least]) | codes of 8 or 4 bits, a table of f32 or i32 for each code, from the least on, which alone does not broadcast | f32, or integers as the table has them, wrapped |

    `min` and `max` of floats are NaN where one is. A quotient of integers is rounded toward zero; by 0 it is 0.
    - (C1) operands are as many and of such types as the function's row says.
    - (C2) all are of static shape, which broadcast to the result's.
  }];
  let arguments = (ins Phiq_MapFunction:$function, Variadic<Phiq_Grid>:$xs);
  let extraClassDeclaration = [{
    /// The operands that broadcast: all but the table of a lookup.
    ::mlir::OperandRange getTensors() { return getFunction() == MapFunction::Lookup ? getXs().take_front() : getXs(); }
    /// The table of a lookup, null for other functions.
    ::mlir::Value getTable() { return getFunction() == MapFunction::Lookup ? getXs().back() : ::mlir::Value(); }
  }];
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

def Phiq_Factor : RankedTensorOf<[F32, F16, BF16, UI<8>, I<8>, Phiq_BlockType]>;

def Phiq_ContractOp : Phiq_GridOp<"contract", [AttrSizedOperandSegments]> {
  let summary = "rows, or what a window sees at each place, times the rows of a weight: a matmul, or a convolution";
  let description = [{
    Without `kernel` row i is the last axis of x at place i, K elements. With it x is [N, H, W, C], channels last, and a
    row is what a window of `kernel` pixels, `dilations` apart, sees at a place; it moves by `strides` over x with `pads`
    (top, left, bottom, right) around it, which read the zero point of x:

    ```
    row[(n, i, j)][(a, b, c)] = x[n, i strides[0] + a dilations[0] - pads[0], j strides[1] + b dilations[1] - pads[1], c]
    result[row, o]            = sum_k (row[k] - x_zero) (w[o, k] - w_zero[o])
    ```
    Of floats it is exact in real numbers and rounded once; of 8-bit codes it is an integer, which wraps around at 32 bits.
    Zero points are one number or, of w, one for each o; those that are missing are 0. A weight [O, KH, KW, C] is rows as
    well. `batched`, x is [.., M, K] and w [.., O, K]: the rows of each place along the axes before belong together.

    ```mlir
    %y = phiq.contract %x, %w zero %z {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>}
        : (tensor<1x56x56x64xui8>, tensor<64x3x3x64xi8>, tensor<ui8>) -> tensor<1x56x56x64xi32>
    ```
    - (C1) f32 x and a w of floats or of 8-bit codes make f32, 8-bit codes of both i32. A w in blocks, along all K elements of a
      row, has scales of one level and is not batched.
    - (C2) w is [O, ...], and has K elements for each o; the result has x's axes, or those of the windows there are, and O.
      With `batched` there is no window, and w has x's axes but for O.
    - (C3) zero points are of codes: one of x, one or O of w, in the type of theirs.
  }];
  let arguments = (ins Phiq_Grid:$x, Phiq_Factor:$w, Optional<Phiq_Grid>:$x_zero, Optional<Phiq_Grid>:$w_zero,
                       OptionalAttr<DenseI64ArrayAttr>:$kernel, OptionalAttr<DenseI64ArrayAttr>:$strides,
                       OptionalAttr<DenseI64ArrayAttr>:$pads, OptionalAttr<DenseI64ArrayAttr>:$dilations, UnitAttr:$batched);
  let assemblyFormat = [{
    $x `,` $w (`zero` $x_zero^)? (`weight_zero` $w_zero^)? attr-dict `:` functional-type(operands, $result)
  }];
  let extraClassDeclaration = [{
    /// Products of their own; of one of them the elements of a row, rows of w, and rows.
    int64_t getBatch() {
      ::llvm::ArrayRef<int64_t> w = getW().getType().getShape();
      return getBatched() ? ::mlir::ShapedType::getNumElements(w.drop_back(2)) : 1;
    }
    int64_t getK() { return getW().getType().getNumElements() / getBatch() / getColumns(); }
    int64_t getColumns() { return getW().getType().getDimSize(getBatched() ? getW().getType().getRank() - 2 : 0); }
    int64_t getRows() { return getType().getNumElements() / getBatch() / getColumns(); }
    bool isFloat() { return getType().getElementType().isF32(); }
  }];
}

include "dialects/phiq/MoveOps.td"
include "dialects/phiq/AxisOps.td"
include "dialects/phiq/WindowOps.td"
include "dialects/phiq/RecurrentOps.td"

#endif
