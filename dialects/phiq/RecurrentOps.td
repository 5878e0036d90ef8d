//===- RecurrentOps.td - Ops that go through a sequence ----*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Part of GridOps.td.
//===----------------------------------------------------------------------===//
#ifndef PHIC_PHIQ_RECURRENT_OPS
#define PHIC_PHIQ_RECURRENT_OPS

def Phiq_LstmOp : Phiq_GridOp<"lstm", [AttrSizedOperandSegments]> {
  let summary = "the steps of a long short-term memory";
  let description = [{
    `gates` [T, B, 4H] is what the inputs of all steps and the biases say, gates in the order i, o, f, c; `recurrence` is R
    [4H, H]; `hidden` and `cell` [B, H] are the state before the first step. From step to step, with s the sigmoid and clip(x)
    = min(max(x, -c), c) of the attribute `clip` = c, or x without it:

    ```
    g = gates[t] + h' R^T                   h', c': the state before
    i = s(clip(gi + pi c'))                 pi, po, pf: peepholes [3H], 0 without
    f = s(clip(gf + pf c'))                 with input_forget: 1 - i
    c = f c' + i tanh(clip(gc))
    o = s(clip(go + po c))
    h = o tanh(clip(c))
    result[t, 0], result[t, 1] = h, c
    ```
    With `reverse` the last step is the first. Where R is codes with `scales` [4H] and the attribute `zero`, h' is quantized to
    u8 as DynamicQuantizeLinear does it, all of [B, H] by one scale a, and `h' R^T` is a scales sum (q - its zero) (R - zero).

    Real numbers are rounded to f32 where a state is stored.
    - (C1) shapes are those above, T and B and H at least 1; gates, state, peepholes, scales and result are of f32.
    - (C2) there are scales if and only if R is of 8-bit codes, else R is of f32.
    - (C3) clip is positive.
  }];
  let arguments = (ins Phiq_Grid:$gates, Phiq_Grid:$recurrence, Phiq_Grid:$hidden, Phiq_Grid:$cell,
                       Optional<Phiq_Grid>:$peepholes, Optional<Phiq_Grid>:$scales,
                       DefaultValuedAttr<I64Attr, "0">:$zero, OptionalAttr<F32Attr>:$clip, UnitAttr:$input_forget,
                       UnitAttr:$reverse);
  let assemblyFormat = [{
    $gates `,` $recurrence `,` $hidden `,` $cell (`peepholes` $peepholes^)? (`scales` $scales^)? attr-dict `:`
    functional-type(operands, $result)
  }];
}

#endif
