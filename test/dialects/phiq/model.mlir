// What a model says beside its graph, round trip.
// RUN: phic-opt %s | phic-opt | FileCheck %s

// CHECK: phiq.model = #phiq.model<name = "llama", vocab = 640, context_max = 512, rope_switch = 0, pruned_head = false, stop_ids = [0, 2], temperature = 5.000000e-01 : f32, top_p = 1.000000e+00 : f32, min_p = 0.000000e+00 : f32, repetition_penalty = 1.000000e+00 : f32, top_k = 50>
module attributes {phiq.model = #phiq.model<name = "llama", vocab = 640, context_max = 512, rope_switch = 0, pruned_head = false, stop_ids = [0, 2], temperature = 0.5 : f32, top_p = 1.0 : f32, min_p = 0.0 : f32, repetition_penalty = 1.0 : f32, top_k = 50>} {}
