//===- GraphImporter.h - Walks an ONNX graph into phiq ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     attention_mask, input_ids, past_key_values.0.key ... -> nodes -> logits, present.0.key ...
//  becomes
//     phiq.cache @kv0 ...   func.func @model(%ids: tensor<?xi32>) -> tensor<?xVxf32>
//
// That is a decoder: a graph that takes tokens step by step, as genai_config.json beside it or caches in it say. Any other
// is what its inputs and outputs say (GraphBindings.cpp), an encoder of tokens too. Only nodes that an output needs are imported. Everything that cannot be is collected
// and reported as one error with a note a node.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_ONNX_GRAPHIMPORTER_H
#define PHIC_COMPILER_IMPORT_ONNX_GRAPHIMPORTER_H

#include "compiler/import/Importer.h"
#include "compiler/import/onnx/GenaiConfig.h"
#include "compiler/import/onnx/Reader.h"
#include "compiler/import/onnx/Values.h"
#include "compiler/import/onnx/Weights.h"
#include "dialects/plan/Entry.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <deque>

namespace phic::onnx {

class InputFlags;
class NodeImport;

/// Whether a graph is fed tokens step by step: its configuration names an input of tokens, or it has caches.
bool takesSteps(const Graph &graph, const GenaiConfig &config);

class GraphImporter {
public:
  GraphImporter(mlir::MLIRContext &context, const Model &model, const GenaiConfig &config,
                const ImportOptions &options);
  /// The verified module, or null after an error on the context.
  mlir::OwningOpRef<mlir::ModuleOp> run();
  /// Whether the graph is fed tokens step by step.
  bool isDecoder() const { return decoder; }

  // For importer functions.
  const Model &model;
  /// A new KV cache, as many as there are attention layers.
  llvm::StringRef addCache(int64_t heads, int64_t headDim, mlir::Location loc);
  /// No program needs more than `rows` rows of a table indexed by position.
  void limitContext(int64_t rows) { contextMax = std::min(contextMax, rows); }
  int64_t contextLimit() const { return tableRows; }
  /// A rope table switches when a sequence becomes longer; all must agree.
  llvm::LogicalResult setRopeSwitch(int64_t threshold);
  /// The node that makes the logits, before which rows are picked.
  bool isHead(const Node &node) const { return &node == head; }
  void setPrunedHead() { pruned = true; }
  /// False when another node has the cache already.
  bool claimPast(llvm::StringRef input) { return pasts.insert(input).second; }
  const Imported *lookup(llvm::StringRef name) const;
  /// What a branch gives: its nodes, which see the names outside, are imported here; theirs are forgotten afterwards.
  std::vector<Imported> importBranch(const Graph &branch);
  /// A tensor that no file holds, for as long as nodes are imported.
  const Tensor &keep(Tensor tensor) { return kept.emplace_back(std::move(tensor)); }

private:
  friend class NodeImport;
  void importDecoder();
  void importNodes(const Graph &graph);
  // GraphBindings.cpp
  void importGraph();
  void checkNames();
  void bindGraphInput(const ValueInfo &info, const InputFlags &flags);
  mlir::Value graphOutput(const ValueInfo &info);
  void checkDeclared(const ValueInfo &info, mlir::RankedTensorType type);
  void checkStates(const InputFlags &flags, mlir::ArrayRef<mlir::Value> results);
  void eraseUnused();
  void nameBindings(const InputFlags &flags);

  void bindInputs();
  void bindInput(const ValueInfo &info);
  bool bindSequence(const ValueInfo &info, mlir::Type element, std::optional<int64_t> columns);
  void markLive(std::vector<std::string> outputs);
  void findHead();
  void importNode(const Node &node);
  void importResults(NodeImport &import, llvm::LogicalResult outcome);
  mlir::Value finish();
  void setFiles();
  void setAttributes(int64_t vocab);
  void checkPresents();
  void refuse(mlir::Location loc, const llvm::Twine &message);
  void emitRefusals();

  const GenaiConfig &config;
  const ImportOptions &options;
  const bool decoder;
  mlir::OpBuilder builder;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
  Weights weights;
  std::deque<Tensor> kept;
  llvm::StringMap<Imported> values;
  llvm::StringMap<const Node *> producers;
  llvm::StringSet<> live, pasts;
  std::string sequenceInput; ///< of a decoder: what its one argument is
  const Node *head = nullptr;
  int64_t contextMax, tableRows;
  std::optional<int64_t> ropeSwitch;
  std::vector<std::pair<plan::BindingKind, std::string>> arguments; ///< of a graph
  bool pruned = false;
  unsigned caches = 0;
  std::vector<std::pair<mlir::Location, std::string>> refusals;
};

} // namespace phic::onnx

#endif // PHIC_COMPILER_IMPORT_ONNX_GRAPHIMPORTER_H
