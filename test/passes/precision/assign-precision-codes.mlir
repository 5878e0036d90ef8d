// RUN: phic-opt %s --phic-assign-precision="precision=int8" --verify-diagnostics | FileCheck %s
// RUN: not phic-opt %s --phic-assign-precision="precision=int4" 2>&1 | FileCheck %s --check-prefix=OTHER

// Codes of the graph are 8 bits as they are, and no other format; what importing has computed is not in the model's file.
// OTHER: error: 1 weights are integers, which this graph scales itself: their format is not to be changed; keep them with --precision-rule 'REGEX=as-is'
// OTHER: note: 5x8, 'i8'
// CHECK: phiq.weight "codes" {{.*}}] : tensor<5x8xi8>
// expected-remark @below {{1 weights stay f32, since they are computed while importing}}
module {
  func.func @model(%x: tensor<2x8xf32>) -> (tensor<2x5xf32>, tensor<2x1xf32>) {
    %w = phiq.weight "codes" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 40, hash = 0x1>] : tensor<5x8xi8>
    %c = phiq.constant dense<1.5> : tensor<1x8xf32>
    %0 = phiq.contract %x, %w : (tensor<2x8xf32>, tensor<5x8xi8>) -> tensor<2x5xf32>
    %1 = phiq.contract %x, %c : (tensor<2x8xf32>, tensor<1x8xf32>) -> tensor<2x1xf32>
    return %0, %1 : tensor<2x5xf32>, tensor<2x1xf32>
  }
}
