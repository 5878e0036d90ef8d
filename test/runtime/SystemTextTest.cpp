//===- SystemTextTest.cpp - Quotas of control groups -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/SystemText.h"
#include "gtest/gtest.h"
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace phi;

namespace {

class Quotas : public testing::Test {
protected:
  ~Quotas() override { std::filesystem::remove_all(root); }

  void file(const std::string &path, const std::string &text) {
    std::filesystem::create_directories(std::filesystem::path(root + path).parent_path());
    std::ofstream(root + path) << text;
  }
  void groups(const std::string &text) { file("/proc/self/cgroup", text); }
  int32_t cores() { return os::quotaCores(root.c_str()); }

  std::string root = testing::TempDir() + "quotas-" + std::to_string(getpid());
};

TEST_F(Quotas, NoneWithoutFiles) { EXPECT_EQ(cores(), INT32_MAX); }

TEST_F(Quotas, OfTheRootWhereNothingNamesAGroup) {
  file("/sys/fs/cgroup/cpu.max", "150000 100000\n");
  EXPECT_EQ(cores(), 2);
}

TEST_F(Quotas, Version2LeastOfAllGroupsAround) {
  groups("0::/user.slice/app.scope\n");
  file("/sys/fs/cgroup/user.slice/app.scope/cpu.max", "max 100000\n");
  EXPECT_EQ(cores(), INT32_MAX);
  file("/sys/fs/cgroup/user.slice/cpu.max", "300000 100000\n");
  EXPECT_EQ(cores(), 3);
  file("/sys/fs/cgroup/user.slice/app.scope/cpu.max", "50000 100000\n");
  EXPECT_EQ(cores(), 1);
  file("/sys/fs/cgroup/user.slice/app.scope/cpu.max", "900000 100000\n");
  EXPECT_EQ(cores(), 3);
}

TEST_F(Quotas, Version1OfItsOwnGroupAndMount) {
  groups("12:cpuset:/other\n4:cpu,cpuacct:/docker/1234\n0::/\n");
  for (const std::string folder : {"/sys/fs/cgroup/cpu/docker/1234", "/sys/fs/cgroup/cpu,cpuacct/docker"}) {
    file(folder + "/cpu.cfs_quota_us", "200000\n");
    file(folder + "/cpu.cfs_period_us", "100000\n");
    EXPECT_EQ(cores(), 2) << folder;
    file(folder + "/cpu.cfs_quota_us", "-1\n");
    EXPECT_EQ(cores(), INT32_MAX) << folder;
  }
}

TEST_F(Quotas, AContainerSeesItsGroupAtTheMount) {
  groups("4:cpu:/docker/1234\n");
  file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
  file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cores(), 1);
}

TEST_F(Quotas, NonsenseIsNoQuota) {
  groups("\n:\n0:\n0::/" + std::string(10000, 'a') + "\n1:cpu:/b\n0::/../..\n" + std::string(3, '\0') + "no end");
  for (const char *text : {"", "max", "-5 100000", "100000 0", "99999999999999999999 1", "1 x", "x 1"}) {
    file("/sys/fs/cgroup/cpu.max", text);
    file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", text);
    EXPECT_EQ(cores(), INT32_MAX) << text;
  }
}

TEST(Lines, LongOnesAreCut) {
  const std::string path = testing::TempDir() + "lines-" + std::to_string(getpid());
  std::ofstream(path) << std::string(20000, 'x') << "\n\nlast";
  os::Lines lines(path.c_str());
  ASSERT_TRUE(lines.next());
  EXPECT_EQ(std::string(lines.text), std::string(sizeof(lines.text) - 1, 'x'));
  ASSERT_TRUE(lines.next());
  EXPECT_STREQ(lines.text, "");
  ASSERT_TRUE(lines.next());
  EXPECT_STREQ(lines.text, "last");
  EXPECT_FALSE(lines.next() || lines.next());
  std::filesystem::remove(path);
}

} // namespace
