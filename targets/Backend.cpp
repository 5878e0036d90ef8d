//===- Backend.cpp - What a family of machines brings ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/Backend.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace phic {

char PluginCodeError::ID;

void registerBackendDialects(DialectRegistry &registry) {
  for (const Backend *backend : allBackends())
    backend->registerDialects(registry);
}

const Backend *backendByName(StringRef family) {
  auto found = llvm::find_if(allBackends(), [&](const Backend *backend) { return backend->family() == family; });
  return found == allBackends().end() ? nullptr : *found;
}

const Backend &backendOf(const Target &target) {
  const Backend *backend = backendByName(target.family);
  assert(backend && "a level's family is a row of Backends.def");
  return *backend;
}

const Backend &backendOf(ModuleOp module) {
  auto family = module->getAttrOfType<StringAttr>(plan::PlanDialect::kFamily);
  const Backend *backend = family ? backendByName(family.getValue()) : nullptr;
  return backend ? *backend : hostBackend();
}

const Target *levelByName(const Backend &backend, StringRef name) {
  for (const Target *level : backend.levels())
    if (StringRef(level->name) == name)
      return level;
  return nullptr;
}

SmallVector<const Target *> levelsOf(const Backend &backend, ArrayRef<const Target *> levels) {
  return llvm::filter_to_vector(levels, [&](const Target *level) { return &backendOf(*level) == &backend; });
}

FailureOr<SmallVector<const Backend *>> backendsNamed(StringRef families, ModuleOp module) {
  SmallVector<const Backend *> backends;
  for (StringRef family : llvm::split(families, ',')) {
    backends.push_back(backendByName(family));
    if (!backends.back())
      return module.emitError("there is no backend '")
             << family << "'; those there are: "
             << llvm::join(llvm::map_range(allBackends(), [](const Backend *known) { return known->family(); }), ", ");
  }
  return backends;
}

} // namespace phic
