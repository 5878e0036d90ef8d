//===- Warp.cpp - 32 lanes, their registers and places in the code -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Grid.h"
#include <algorithm>

namespace ptx {
namespace {

/// The value of a special register in a lane.
uint64_t specialValue(const std::string &name, const Cta &cta, unsigned warp, unsigned lane) {
  const Launch &launch = cta.grid.launch;
  uint32_t thread = warp * 32 + lane;
  uint32_t tid[3] = {thread % launch.block[0], thread / launch.block[0] % launch.block[1],
                     thread / (launch.block[0] * launch.block[1])};
  auto axis = [&] { return name.back() - 'x'; };
  if (name.compare(0, 5, "%tid.") == 0)
    return tid[axis()];
  if (name.compare(0, 6, "%ntid.") == 0)
    return launch.block[axis()];
  if (name.compare(0, 7, "%ctaid.") == 0)
    return cta.id[axis()];
  if (name.compare(0, 8, "%nctaid.") == 0)
    return launch.grid[axis()];
  const std::pair<const char *, uint64_t> others[] = {
      {"%laneid", lane},
      {"%warpid", warp},
      {"%nwarpid", (launch.block[0] * launch.block[1] * launch.block[2] + 31) / 32},
      {"%smid", cta.number % launch.multiprocessors},
      {"%nsmid", launch.multiprocessors},
      {"%gridid", launch.id},
      {"%lanemask_eq", 1u << lane},
      {"%lanemask_lt", (1u << lane) - 1},
      {"%lanemask_le", (2u << lane) - 1},
      {"%lanemask_ge", ~((1u << lane) - 1)},
      {"%lanemask_gt", ~((2u << lane) - 1)},
      {"%dynamic_smem_size", launch.dynamicShared},
      {"%total_smem_size", launch.dynamicShared + launch.kernel->sharedBytes}};
  for (auto [known, value] : others)
    if (name == known)
      return value;
  return 0;
}

} // namespace

void Warp::begin(Cta &its, const Kernel &code, unsigned number, uint32_t lanes) {
  cta = &its;
  kernel = &code;
  index = number;
  started = live = active = lanes;
  file = code.image;
  defined.assign(code.registers, 0);
  defined[0] = everyLane;
  for (const auto &[name, slot] : code.specials)
    for (unsigned lane = 0; lane < 32; ++lane) {
      uint64_t value = specialValue(name, its, number, lane);
      memcpy(file.data() + slot.at + lane * slot.bytes, &value, slot.bytes);
    }
  local.assign(32 * size_t(code.localBytes), 0xC5);
  localState.assign(local.size(), 0);
  for (const Variable &variable : code.locals)
    for (unsigned lane = 0; lane < 32; ++lane)
      std::fill_n(localState.begin() + lane * size_t(code.localBytes) + variable.address, variable.bytes, 1);
}

uint32_t Warp::run(uint32_t budget) {
  const Instruction *code = kernel->code.data();
  uint32_t done = 0;
  while (done < budget && !isWaiting && live) {
    if (pc >= meet)
      regroup();
    const Instruction &instruction = code[pc];
    at = pc++;
    ++done;
    mask = active;
    if (instruction.guarded) {
      require(instruction.guard);
      mask &= instruction.unless ? ~bits(instruction.guard) : bits(instruction.guard);
      if (!mask)
        continue;
    }
    instruction.run(*this, instruction);
  }
  executed += done;
  return done;
}

/// Those that are at one place are one group; the one that is furthest behind, and can, goes on.
void Warp::regroup() {
  if (active)
    groups.push_back({pc, active, false});
  std::sort(groups.begin(), groups.end(), [](const Group &a, const Group &b) { return a.pc < b.pc; });
  for (size_t i = 0; i + 1 < groups.size();)
    if (groups[i].pc == groups[i + 1].pc) {
      groups[i].lanes |= groups[i + 1].lanes;
      groups[i].isBlocked = false;
      groups.erase(groups.begin() + i + 1);
    } else {
      ++i;
    }
  auto next = std::find_if(groups.begin(), groups.end(), [](const Group &group) { return !group.isBlocked; });
  if (next == groups.end()) {
    at = groups.front().pc;
    fault(Fault::launchFailed, __builtin_ctz(groups.front().lanes), "waits for lanes that never come here");
  }
  pc = next->pc;
  active = next->lanes;
  next = groups.erase(next);
  meet = next == groups.end() ? everyLane : next->pc;
}

void Warp::branch(uint32_t target) {
  if (mask == active && groups.empty()) {
    pc = target;
    return;
  }
  if (mask == active) {
    pc = target;
  } else {
    park(target, mask);
  }
  regroup();
}

void Warp::leave() {
  live &= ~mask;
  active &= ~mask;
  if (!active && live)
    regroup();
}

bool Warp::gather(uint32_t members) {
  if (uint32_t gone = members & ~live)
    fault(Fault::launchFailed, __builtin_ctz(gone), "names a lane that has ended");
  if (uint32_t strangers = mask & ~members)
    fault(Fault::launchFailed, __builtin_ctz(strangers), "a lane takes part that the mask does not name");
  if (uint32_t idle = members & active & ~mask)
    fault(Fault::launchFailed, __builtin_ctz(idle), "names a lane whose predicate is false");
  if (members == mask)
    return true;
  if (members & ~active) {
    groups.push_back({at, active, true});
    active = 0;
    regroup();
  }
  return false;
}

void Warp::undefined(uint32_t missing) const {
  fault(Fault::launchFailed, __builtin_ctz(missing), "reads a register that nothing was written to");
}

void Warp::fault(Fault::Code code, unsigned lane, const std::string &what) const {
  const Instruction &instruction = kernel->code[at];
  throw Fault(code, "kernel " + kernel->name + ", line " + std::to_string(instruction.line) + ", " + kernel->texts[at] +
                        ", " + cta->where() + ", lane " + std::to_string(lane) + " of warp " + std::to_string(index) +
                        ": " + what);
}

} // namespace ptx
