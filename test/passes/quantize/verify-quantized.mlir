// RUN: phic-opt %s --phic-verify-quantized --split-input-file --verify-diagnostics

!q4 = !phiq.block<u4, 32, scale = f32, zero = 8>
func.func @model(%x: tensor<?x32xf32>) -> tensor<?x64xf32> {
  %w = phiq.weight "w" layout = "nbits" [#phiq.range<file = 0, offset = 0, length = 1024, hash = 0x1>, #phiq.range<file = 0, offset = 1024, length = 256, hash = 0x2>]
    : tensor<64x32x!q4>
  %g = phiq.weight "g" layout = "dense_nk" [#phiq.range<file = 0, offset = 2048, length = 128, hash = 0x3>] : tensor<32xf32>
  %0 = phiq.rms_norm %x, %g {epsilon = 1.0e-5 : f32} : tensor<?x32xf32>, tensor<32xf32>
  %1 = phiq.matmul %0, %w : tensor<?x32xf32>, tensor<64x32x!q4> -> tensor<?x64xf32>
  return %1 : tensor<?x64xf32>
}

// -----

!q4 = !phiq.block<u4, 32, scale = f32, zero = 8>
// expected-error@below {{weights that the model reads in ways that phic has no kernel for: 2}}
module {
  func.func @model(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
    %w = phiq.weight "w" layout = "nbits" [#phiq.range<file = 0, offset = 0, length = 1024, hash = 0x1>, #phiq.range<file = 0, offset = 1024, length = 256, hash = 0x2>]
      : tensor<64x32x!q4>
    %v = phiq.weight "v" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = 8192, hash = 0x1>] : tensor<64x32xf32>
    // expected-note@below {{'phiq.dequantize' of weight 'w'}}
    %0 = phiq.dequantize %w : tensor<64x32x!q4> -> tensor<64x32xf32>
    %1 = phiq.transpose %0 : tensor<64x32xf32> -> tensor<32x64xf32>
    %2 = phiq.matmul %x, %1 : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
    // expected-note@below {{'phiq.transpose' of weight 'v', 'tensor<64x32xf32>' stored dense_nk}}
    %3 = phiq.transpose %v : tensor<64x32xf32> -> tensor<32x64xf32>
    return %2 : tensor<?x32xf32>
  }
}

// -----

// expected-error@below {{requires the model as one function @model of one block}}
module {
  func.func private @model(tensor<?x32xf32>) -> tensor<?x8xf32>
}
