// RUN: phic-opt %s --phic-propagate-logit-rows | FileCheck %s

// Selection after the LM head and its bias moves above the final norm.
// CHECK-LABEL: @above_norm
// CHECK-SAME: (%[[H:.*]]: tensor<?x32xf32>,
func.func @above_norm(%h: tensor<?x32xf32>, %g: tensor<32xf32>, %w: tensor<64x32xf32>, %b: tensor<64xf32>) -> tensor<?x64xf32> {
  // CHECK-NEXT: %[[ROWS:.*]] = phiq.logit_rows %[[H]] {pruned}
  // CHECK-NEXT: %[[NORM:.*]] = phiq.rms_norm %[[ROWS]]
  // CHECK-NEXT: %[[MATMUL:.*]] = phiq.matmul %[[NORM]]
  // CHECK-NEXT: %[[BIAS:.*]] = phiq.bias %[[MATMUL]]
  // CHECK-NEXT: return %[[BIAS]]
  %0 = phiq.rms_norm %h, %g {epsilon = 1.0e-5 : f32} : tensor<?x32xf32>, tensor<32xf32>
  %1 = phiq.matmul %0, %w : tensor<?x32xf32>, tensor<64x32xf32> -> tensor<?x64xf32>
  %2 = phiq.bias %1, %b : tensor<?x64xf32>, tensor<64xf32>
  %3 = phiq.logit_rows %2 {pruned} : tensor<?x64xf32>
  return %3 : tensor<?x64xf32>
}

// CHECK-LABEL: @below_residual_sum
func.func @below_residual_sum(%x: tensor<?x32xf32>, %y: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // CHECK: %[[SUM:.*]] = arith.addf
  // CHECK: phiq.logit_rows %[[SUM]]
  %0 = arith.addf %x, %y : tensor<?x32xf32>
  %1 = phiq.logit_rows %0 : tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}

// CHECK-LABEL: @rows_read_elsewhere
func.func @rows_read_elsewhere(%x: tensor<?x32xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  // CHECK: %[[SILU:.*]] = phiq.silu
  // CHECK: phiq.logit_rows %[[SILU]]
  %0 = phiq.silu %x : tensor<?x32xf32>
  %1 = phiq.logit_rows %0 : tensor<?x32xf32>
  return %0, %1 : tensor<?x32xf32>, tensor<?x32xf32>
}
