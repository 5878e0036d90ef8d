// RUN: phic-opt %s --phic-assign-kv-cache | FileCheck %s --check-prefix=F16
// RUN: phic-opt %s --phic-assign-kv-cache=kv=f32 | FileCheck %s --check-prefix=F32
// RUN: not phic-opt %s --phic-assign-kv-cache=kv=i8 2>&1 | FileCheck %s --check-prefix=I8

// F16: phiq.cache @kv0 {element = f16, head_dim = 16 : i64, heads = 2 : i64}
// F32: phiq.cache @kv0 {element = f32, head_dim = 16 : i64, heads = 2 : i64}
// I8: error: unknown element type 'i8' of the KV cache; use f16 or f32
phiq.cache @kv0 {heads = 2, head_dim = 16, element = f32}
