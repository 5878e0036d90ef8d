// RUN: phic-opt %s --phic-fold-spellings | FileCheck %s

// CHECK-LABEL: @silu
// CHECK-SAME: (%[[X:.*]]: tensor<?x32xf32>, %[[UP:.*]]: tensor<?x32xf32>)
func.func @silu(%x: tensor<?x32xf32>, %up: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // CHECK-NOT: phiq.sigmoid
  // CHECK: %[[SILU:.*]] = phiq.silu %[[X]]
  // CHECK: arith.mulf %[[SILU]], %[[UP]]
  %0 = phiq.sigmoid %x : tensor<?x32xf32>
  %1 = arith.mulf %0, %x : tensor<?x32xf32>
  %2 = arith.mulf %1, %up : tensor<?x32xf32>
  return %2 : tensor<?x32xf32>
}

// CHECK-LABEL: @gate_by_another_sigmoid
func.func @gate_by_another_sigmoid(%x: tensor<?x32xf32>, %y: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // CHECK-NOT: phiq.silu
  // CHECK: phiq.sigmoid
  // CHECK: arith.mulf
  %0 = phiq.sigmoid %x : tensor<?x32xf32>
  %1 = arith.mulf %y, %0 : tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}

// CHECK-LABEL: @transpose_pair
func.func @transpose_pair(%x: tensor<?x32xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[W:.*]] = phiq.weight
  // CHECK-NOT: phiq.transpose
  // CHECK: phiq.matmul %{{.*}}, %[[W]]
  %w = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 1024, hash = 0x1>] : tensor<8x32xf32>
  %0 = phiq.transpose %w : tensor<8x32xf32> -> tensor<32x8xf32>
  %1 = phiq.transpose %0 : tensor<32x8xf32> -> tensor<8x32xf32>
  %2 = phiq.matmul %x, %1 : tensor<?x32xf32>, tensor<8x32xf32> -> tensor<?x8xf32>
  return %2 : tensor<?x8xf32>
}

// CHECK-LABEL: @logit_rows_pair
// CHECK-SAME: (%[[X:.*]]: tensor<?x32xf32>)
func.func @logit_rows_pair(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // CHECK: %[[ROWS:.*]] = phiq.logit_rows %[[X]] {pruned}
  // CHECK-NEXT: return %[[ROWS]]
  %0 = phiq.logit_rows %x {pruned} : tensor<?x32xf32>
  %1 = phiq.logit_rows %0 : tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}
