//===- HeaderFile.cpp - A library's C header -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/HeaderFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

namespace phic {
namespace {

class Header {
public:
  Header(const ModelData &model, llvm::StringRef name) : model(model), name(name), upper("PHI_" + name.upper()) {}

  std::string text(llvm::StringRef interface) {
    // Not PHI_NAME_H, which may be that of a header above.
    line("{0}\n#ifndef PHI_QUERY_{1}_H\n#define PHI_QUERY_{1}_H", interface, name.upper());
    if (model.hasSteps())
      tokenConstants();
    else
      bindingConstants();
    constant("WEIGHTS_BYTES", model.weightsBytes);
    const PlanData &plan = model.plans[model.variants.front().plan]; // as the runtime's facts say it
    if (model.hasSteps())
      constant("KV_BYTES_PER_TOKEN", plan.stateBytesPerToken);
    constant("ARENA_BYTES", plan.arenaBytes);
    constant("SCRATCH_BYTES", llvm::alignTo(plan.scratchBytes, 64)); // as phi_plan has it
    line("#ifdef __cplusplus\nextern \"C\"\n#endif");
    line("const {0} *phi_query_{1}(uint32_t version); /* NULL: it has no such version */",
         model.hasSteps() ? "phi_api" : "phi_graph_api", name);
    if (!model.hasSteps())
      typedFunction();
    line("#endif /* PHI_QUERY_{0}_H */", name.upper());
    return std::move(out);
  }

private:
  template <typename... Ts> void line(const char *format, Ts &&...values) {
    out += llvm::formatv(format, std::forward<Ts>(values)...).str() + "\n";
  }
  void constant(llvm::StringRef what, uint64_t value) {
    line("#define {0}_{1} {2}{3}", upper, what, value, value > UINT32_MAX ? "ull" : "u");
  }

  void tokenConstants() {
    constant("VOCAB", model.vocab);
    constant("CONTEXT_MAX", model.contextMax);
    constant("CONTEXT_DEFAULT", model.contextDefault);
  }

  llvm::ArrayRef<BindingData> bindings() const { return model.entries.front().bindings; }

  /// in_x, out_y, state_h: what a C identifier cannot hold is '_'; a number keeps equal ones apart.
  std::string identifier(const BindingData &binding) {
    constexpr const char *kPrefixes[] = {"in_", "out_", "state_"};
    std::string text = kPrefixes[binding.kind];
    for (char c : binding.name)
      text += llvm::isAlnum(c) ? c : '_';
    auto isSame = [&](const BindingData &other) { return &other != &binding && other.kind == binding.kind; };
    for (const BindingData &other : bindings())
      if (isSame(other) && llvm::equal(other.name, binding.name, [](char a, char b) {
            return a == b || (!llvm::isAlnum(a) && !llvm::isAlnum(b));
          }))
        return text + "_" + std::to_string(binding.slot);
    return text;
  }

  void bindingConstants() {
    for (const BindingData &binding : bindings()) {
      uint64_t elements = 1;
      for (int64_t size : binding.shape)
        elements *= uint64_t(size);
      constant(llvm::StringRef(identifier(binding)).upper() + "_ELEMENTS", elements);
    }
  }

  /// What an array holds, in a comment.
  static std::string shape(const BindingData &binding) {
    return "[" + llvm::join(llvm::map_range(binding.shape, [](int64_t size) { return std::to_string(size); }), ", ") +
           "]";
  }

  /// The table's `run`, with the graph's own types.
  void typedFunction() {
    constexpr const char *kTypes[] = {"float", "uint16_t", "int8_t", "uint8_t", "int32_t", "int64_t", "uint8_t"};
    std::string parameters, inputs, results;
    for (const BindingData &binding : bindings()) {
      if (binding.kind == PHI_STATE)
        continue;
      const bool isInput = binding.kind == PHI_INPUT;
      parameters += llvm::formatv(", {0}{1} *{2} /* {3} */", isInput ? "const " : "", kTypes[binding.element],
                                  identifier(binding), shape(binding))
                        .str();
      (isInput ? inputs : results) += (isInput ? inputs : results).empty() ? "" : ", ";
      (isInput ? inputs : results) += identifier(binding);
    }
    line("static inline phi_status phi_{0}_run(phi_graph *graph{1}, phi_error *error) {{", name, parameters);
    line("  const void *inputs[] = {{{0}};\n  void *results[] = {{{1}};", inputs, results);
    line("  return phi_query_{0}(PHI_GRAPH_VERSION)->run(graph, inputs, results, error);\n}", name);
  }

  const ModelData &model;
  llvm::StringRef name;
  std::string upper, out;
};

} // namespace

std::string headerText(const ModelData &model, llvm::StringRef name, llvm::StringRef interface) {
  return Header(model, name).text(interface);
}

} // namespace phic
