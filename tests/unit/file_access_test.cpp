// SPDX-License-Identifier: GPL-2.0-or-later
//
// berthd.conf read and written in folders that are not root's. The stranger is user nobody; the kernel is the judge.
#include "daemon/config/file_access.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

namespace berth {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr uid_t kStranger = 65534;
constexpr gid_t kGroup = 65533;

class FileAccess : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/berth-file-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    top_ = folder;
    fs::create_directory(top_ + "/etc");
    fs::create_directory(top_ + "/root");
    path_ = top_ + "/etc/berthd.conf";
    victim_ = top_ + "/root/shadow";
    put(victim_, "secret");
    chmod(victim_.c_str(), 0600);
  }
  void TearDown() override { fs::remove_all(top_); }

  // The folder is the stranger's from now on, and so is what he puts there.
  void give_away() { ASSERT_EQ(chown((top_ + "/etc").c_str(), kStranger, kGroup), 0); }
  void plant_link(const std::string& target, const std::string& name) {
    fs::create_symlink(target, name);
    ASSERT_EQ(lchown(name.c_str(), kStranger, kGroup), 0);
  }
  static void put(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
  static std::string text_of(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  static struct stat about(const std::string& path) {
    struct stat out{};
    EXPECT_EQ(lstat(path.c_str(), &out), 0) << path;
    return out;
  }
  std::set<std::string> names() const {
    std::set<std::string> out;
    for (const auto& each : fs::directory_iterator(top_ + "/etc")) out.insert(each.path().filename());
    return out;
  }
  void victim_is_untouched() const {
    EXPECT_EQ(text_of(victim_), "secret");
    EXPECT_EQ(about(victim_).st_uid, geteuid());
    EXPECT_EQ(about(victim_).st_mode & 07777, 0600u);
    EXPECT_EQ(fs::hard_link_count(victim_), 1u);
  }

  std::string top_, path_, victim_;
};

// Only root can give files away.
class FileAccessOfRoot : public FileAccess {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP();
    FileAccess::SetUp();
  }
};

TEST_F(FileAccess, WritesReadsAndKeepsGroupAndMode) {
  ASSERT_TRUE(save_file(path_, "one\n"));
  EXPECT_EQ(about(path_).st_mode & 07777, 0640u) << "where there was none";
  chmod(path_.c_str(), 0604);
  ASSERT_TRUE(save_file(path_, "two\n"));
  EXPECT_EQ(about(path_).st_mode & 07777, 0604u);
  EXPECT_EQ(*read_file(path_, ReadFrom::File), "two\n");
  EXPECT_EQ(names(), (std::set<std::string>{"berthd.conf"}));
  chmod(path_.c_str(), 0);
  ASSERT_TRUE(save_file(path_, "three\n")) << "one that may not be read";
  EXPECT_EQ(about(path_).st_mode & 07777, 0u);
}

TEST_F(FileAccess, ARelativePathIsOneToo) {
  const fs::path before = fs::current_path();
  fs::current_path(top_ + "/root");
  EXPECT_TRUE(save_file("../etc/./../etc//berthd.conf", "one"));
  EXPECT_EQ(*read_file("../etc/berthd.conf", ReadFrom::File), "one");
  fs::current_path(before);
  EXPECT_EQ(text_of(path_), "one");
}

TEST_F(FileAccessOfRoot, InRootsFolderTheOwnerIsTakenOver) {
  put(path_, "old");
  ASSERT_EQ(chown(path_.c_str(), kStranger, kGroup), 0);
  chmod(path_.c_str(), 06660);
  ASSERT_TRUE(save_file(path_, "new"));
  EXPECT_EQ(about(path_).st_uid, kStranger) << "root has given it to him";
  EXPECT_EQ(about(path_).st_gid, kGroup);
  EXPECT_EQ(about(path_).st_mode & 07777, 0660u) << "no setuid, no setgid";
}

TEST_F(FileAccessOfRoot, InAStrangersFolderTheFileBecomesRoots) {
  give_away();
  put(path_, "old");
  ASSERT_EQ(chown(path_.c_str(), kStranger, kGroup), 0);
  chmod(path_.c_str(), 07646);
  ASSERT_TRUE(save_file(path_, "new"));
  EXPECT_EQ(text_of(path_), "new");
  EXPECT_EQ(about(path_).st_uid, 0u);
  EXPECT_EQ(about(path_).st_gid, kGroup);
  EXPECT_EQ(about(path_).st_mode & 07777, 0644u);
}

TEST_F(FileAccessOfRoot, AFolderInWhichOthersMayWriteIsAStrangersToo) {
  for (const mode_t mode : {0770u, 0707u, 01777u}) {
    chmod((top_ + "/etc").c_str(), mode);
    fs::remove(path_);
    put(path_, "old");
    ASSERT_EQ(chown(path_.c_str(), kStranger, kGroup), 0);
    ASSERT_TRUE(save_file(path_, "new"));
    EXPECT_EQ(about(path_).st_uid, 0u) << mode;
    fs::remove(path_);
    plant_link("../root/shadow", path_);
    EXPECT_FALSE(save_file(path_, "new")) << mode;
  }
  victim_is_untouched();
}

// Every name that a stranger can foresee leads to root's file. Where the stranger is, and to what the link leads, is tried
// in all ways: absolute, relative, over a folder of his, to nothing.
TEST_F(FileAccessOfRoot, NoLinkOfAStrangersIsFollowed) {
  give_away();
  const std::string etc = top_ + "/etc/";
  plant_link(victim_, etc + "berthd.conf.new");
  ASSERT_TRUE(save_file(path_, "mine"));
  fs::create_directory(etc + "mine");
  ASSERT_EQ(chown((etc + "mine").c_str(), kStranger, kGroup), 0);
  const std::string absent = top_ + "/root/absent";
  for (const auto& [name, target, path] :
       {std::tuple<std::string, std::string, std::string>{"berthd.conf", victim_, "berthd.conf"},
        {"berthd.conf", "../root/shadow", "berthd.conf"},
        {"berthd.conf", absent, "berthd.conf"},
        {"sub", "../root", "sub/shadow"},
        {"sub", top_ + "/root", "sub/absent"},
        {"mine/berthd.conf", "../../root/shadow", "mine/berthd.conf"},
        {"berthd.conf", "berthd.conf.new", "berthd.conf"}}) {
    fs::remove(etc + name);
    plant_link(target, etc + name);
    const Status saved = save_file(etc + path, "mine");
    ASSERT_FALSE(saved) << name << " -> " << target;
    EXPECT_THAT(saved.error().message, HasSubstr("is not followed"));
    EXPECT_THAT(saved.error().remedy, HasSubstr("root"));
    const auto got = read_file(etc + path, ReadFrom::File);
    ASSERT_FALSE(got) << name << " -> " << target << ": " << *got;
    EXPECT_THAT(got.error().message, HasSubstr("is not followed"));
    EXPECT_TRUE(fs::is_symlink(etc + name)) << "it is still there to be seen";
    fs::remove(etc + name);
  }
  EXPECT_FALSE(fs::exists(absent));
  victim_is_untouched();
  EXPECT_EQ(names(), (std::set<std::string>{"berthd.conf.new", "mine"})) << "nothing of ours is left";
}

TEST_F(FileAccessOfRoot, RootsLinkStaysOneAndItsTargetIsWritten) {
  const std::string real = top_ + "/root/real.conf";
  put(real, "old");
  chmod(real.c_str(), 0600);
  const auto works = [&](const std::string& target) {
    fs::create_symlink(target, path_);
    ASSERT_TRUE(save_file(path_, target)) << target;
    EXPECT_EQ(fs::read_symlink(path_), target);
    EXPECT_EQ(text_of(real), target);
    EXPECT_EQ(*read_file(path_, ReadFrom::File), target);
    EXPECT_EQ(about(real).st_mode & 07777, 0600u);
    fs::remove(path_);
  };
  works(real);
  works("../root/real.conf");
  fs::create_directory_symlink(top_ + "/root", top_ + "/etc/way");
  works("way/real.conf");
  give_away();
  works("../root/real.conf");
  // Root's link into a stranger's folder, where the next link is his.
  plant_link(victim_, top_ + "/etc/his.conf");
  fs::create_symlink("../etc/his.conf", top_ + "/root/berthd.conf");
  EXPECT_FALSE(save_file(top_ + "/root/berthd.conf", "mine"));
  victim_is_untouched();
}

TEST_F(FileAccess, AHardLinkKeepsWhatItHas) {
  put(path_, "old");
  fs::create_hard_link(path_, top_ + "/root/other");
  ASSERT_TRUE(save_file(path_, "new"));
  EXPECT_EQ(text_of(path_), "new");
  EXPECT_EQ(text_of(top_ + "/root/other"), "old");
}

// Neither waits for a pipe's other end, nor are they replaced.
TEST_F(FileAccess, WhatIsNoFileIsRefusedAtOnceAndStays) {
  const auto socket_at = [](const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    close(fd);
  };
  struct Case {
    const char* what;
    std::function<void()> make;
  };
  for (const Case& each :
       {Case{"a pipe", [&] { mkfifo(path_.c_str(), 0600); }}, Case{"a folder", [&] { fs::create_directory(path_); }},
        Case{"a socket", [&] { socket_at(path_); }},
        Case{"a device", [&] { fs::create_symlink("/dev/zero", path_); }}}) {
    each.make();
    const mode_t kind = about(path_).st_mode & S_IFMT;
    const Status saved = save_file(path_, "new");
    ASSERT_FALSE(saved) << each.what;
    EXPECT_THAT(saved.error().message, HasSubstr(std::string("is ") + each.what));
    const auto got = read_file(path_, ReadFrom::File);
    ASSERT_FALSE(got) << each.what;
    EXPECT_THAT(got.error().message, HasSubstr(std::string("is ") + each.what));
    EXPECT_EQ(about(path_).st_mode & S_IFMT, kind) << each.what;
    EXPECT_EQ(names().size(), 1u) << each.what;
    fs::remove(path_);
  }
}

TEST_F(FileAccess, OddPathsAreErrors) {
  fs::create_symlink("loop", top_ + "/etc/loop");
  for (const std::string& path :
       {std::string(), std::string("/"), top_ + "/etc/", top_ + "/etc/..", top_ + "/etc/.", top_ + "/no/such",
        top_ + "/etc/loop", victim_ + "/below", top_ + "/etc/" + std::string(300, 'x')}) {
    const auto got = read_file(path, ReadFrom::File);
    EXPECT_FALSE(got) << path;
    EXPECT_FALSE(save_file(path, "x")) << path;
  }
  EXPECT_EQ(names(), (std::set<std::string>{"loop"}));
  const std::string longest = top_ + "/etc/" + std::string(255, 'x');
  EXPECT_TRUE(save_file(longest, "x")) << "the new file's own name is not longer";
}

TEST_F(FileAccess, AFullDiskLeavesTheOldFileAndNothingElse) {
  put(path_, "old");
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit small{5000, before.rlim_max};  // the first write is a short one, the next fails
  setrlimit(RLIMIT_FSIZE, &small);
  const Status saved = save_file(path_, std::string(100'000, 'x'));
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().message, HasSubstr("write: "));
  EXPECT_EQ(text_of(path_), "old");
  EXPECT_EQ(names(), (std::set<std::string>{"berthd.conf"}));
  EXPECT_TRUE(save_file(path_, std::string(100'000, 'x')));
}

TEST_F(FileAccess, AStreamIsReadToItsEndAndNotForever) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "log stderr\n", 11), 11);
  close(ends[1]);
  EXPECT_EQ(*read_file("/proc/self/fd/" + std::to_string(ends[0]), ReadFrom::AnyStream), "log stderr\n");
  close(ends[0]);
  const auto endless = read_file("/dev/zero", ReadFrom::AnyStream);
  ASSERT_FALSE(endless);
  EXPECT_THAT(endless.error().message, HasSubstr("too large"));
}

}  // namespace
}  // namespace berth
