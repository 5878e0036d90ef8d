//===- GridModel.h - A model of one op on tensors --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For tests of what ops on grids mean: a model whose result is one op's, interpreted with bounds.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_DIALECTS_PHIQ_GRIDMODEL_H
#define PHIC_TEST_DIALECTS_PHIQ_GRIDMODEL_H

#include "dialects/phiq/Grid.h"
#include "test/dialects/phiq/OneOpModel.h"
#include "gmock/gmock.h"
#include <cmath>

namespace phic::test {

inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN(),
                       kInfinity = std::numeric_limits<float>::infinity();

class GridModel : public OneOpModel {
protected:
  /// `op` without phiq. and its result's type; %a of `type` and %i of `second`, if that is not empty, its inputs; `constants`
  /// before it.
  Rows run(const std::string &type, const std::string &op, const std::string &result, Rows a, Rows i = {},
           const std::string &second = "", const std::string &constants = "") {
    std::vector<Rows> inputs = {std::move(a)};
    if (!second.empty())
      inputs.push_back(std::move(i));
    return interpret("%a: " + type + (second.empty() ? "" : ", %i: " + second),
                     constants + "\n%r = phiq." + op + " -> " + result, result, std::move(inputs));
  }
};

} // namespace phic::test

#endif // PHIC_TEST_DIALECTS_PHIQ_GRIDMODEL_H
