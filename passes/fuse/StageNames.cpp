//===- StageNames.cpp - What users call a stage ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `layers.3.attn.qkv`: the layer comes from the ops' locations (nodes of a graph,
// tensors of a GGUF file), the rest from what the stage does and what it reads;
// so names are alike for every kind of model.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Entry.h"
#include "passes/fuse/StageGroups.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace phic {
namespace {

/// The first number between dots and slashes: 3 of `/model/layers.3/attn/qkv_proj/MatMul` and of `blk.3.attn_q`.
std::optional<unsigned> layerIn(StringRef name) {
  while (!name.empty()) {
    auto end = name.find_first_of("./");
    unsigned layer;
    if (!name.substr(0, end).getAsInteger(10, layer))
      return layer;
    name = end == StringRef::npos ? StringRef() : name.substr(end + 1);
  }
  return std::nullopt;
}

std::optional<unsigned> layerIn(Location location) {
  if (auto name = dyn_cast<NameLoc>(location))
    return layerIn(name.getName().getValue());
  if (auto fused = dyn_cast<FusedLoc>(location))
    for (Location part : fused.getLocations())
      if (std::optional<unsigned> layer = layerIn(part))
        return layer;
  return std::nullopt;
}

template <typename OpT> Operation *first(const StageGroup &group) {
  auto found = llvm::find_if(group.ops, [](Operation *op) { return isa<OpT>(op); });
  return found == group.ops.end() ? nullptr : *found;
}

/// The op whose location speaks for the group: never a residual sum, which belongs to the next norm in some graphs.
Operation *mainOp(const StageGroup &group) {
  for (Operation *op : group.ops)
    if (isNorm(op) || isCore(op))
      return op;
  return group.ops.front();
}

/// Whether the group is the source of what a cache holds or what is looked up in it.
bool feedsAttention(const StageGroup &group) {
  if (first<phiq::CacheAppendOp>(group))
    return true;
  for (Operation *op : group.ops)
    for (Operation *user : op->getUsers())
      if (isa<phiq::AttendOp>(user))
        return true;
  return false;
}

StringRef matmulPart(const StageGroups &all, const StageGroup &group) {
  if (group.logitRows)
    return "lm_head";
  if (feedsAttention(group))
    return "attn.qkv";
  const StageGroup *source = all.producer(first<phiq::MatmulOp>(group)->getOperand(0));
  if (source && source->kind == StageKind::Attend)
    return "attn.out";
  return source && source->kind == StageKind::Matmul ? "mlp.down" : "mlp.up";
}

StringRef rowsPart(const StageGroups &all, const StageGroup &group) {
  if (first<phiq::EmbedOp>(group))
    return "embed";
  if (group.logitRows)
    return "norm";
  if (!isNorm(mainOp(group)))
    return "rows";
  for (Operation *op : group.ops)
    for (Operation *user : op->getUsers())
      if (auto found = all.groupOf.find(user); found != all.groupOf.end() && feedsAttention(all.groups[found->second]))
        return "attn.norm";
  return "mlp.norm";
}

/// What the graph calls the op.
std::string nodeName(Operation *op) {
  auto name = dyn_cast<NameLoc>(op->getLoc());
  return name ? name.getName().str() : op->getName().stripDialect().str();
}

} // namespace

std::string stageName(const StageGroups &all, const StageGroup &group) {
  if (!plan::hasSteps(group.ops.front()->getParentOfType<func::FuncOp>()))
    return nodeName(mainOp(group));
  StringRef part = group.kind == StageKind::Attend   ? "attn.attend"
                   : group.kind == StageKind::Matmul ? matmulPart(all, group)
                                                     : rowsPart(all, group);
  std::optional<unsigned> layer = layerIn(mainOp(group)->getLoc());
  // Some exporters number the final norm as one more layer.
  if (!layer || group.logitRows || part == "embed")
    return part.str();
  return ("layers." + Twine(*layer) + "." + part).str();
}

} // namespace phic
