// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/file_access.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <utility>

namespace berth {
namespace {

constexpr std::size_t kMostText = 64u << 20;  // bytes; far more than a configuration of 100,000 networks
constexpr int kMostLinks = 40;                // as the kernel's own limit

class File {
 public:
  explicit File(int fd = -1) : fd_(fd) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  bool shut() { return close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

// Where a path leads: a folder that is open, and what is in it under that name, if anything.
struct DirectoryEntry {
  File folder;
  bool trusted = false;  // nobody but root and ourselves may change the folder
  std::string name;
  bool exists = false;
  struct stat now{};
};

bool ours(uid_t owner) {
  return owner == 0 || owner == geteuid();
}

std::string user_name(uid_t user) {
  const passwd* entry = getpwuid(user);
  return entry ? entry->pw_name : "of number " + std::to_string(user);
}

Error failed(const std::string& path, const std::string& what, int error) {
  return permanent(path + ": " + what + ": " + std::strerror(error),
                   error == EBUSY ? "it is mounted as a file: mount its folder instead"
                                  : "check the folder's permissions and space");
}

const char* kind_of(mode_t mode) {
  return S_ISDIR(mode)                    ? "a folder"
         : S_ISFIFO(mode)                 ? "a pipe"
         : S_ISSOCK(mode)                 ? "a socket"
         : S_ISCHR(mode) || S_ISBLK(mode) ? "a device"
                                          : "no file";
}

Error not_a_file(const std::string& path, mode_t mode) {
  return permanent(path + " is " + kind_of(mode) + ", not a regular file", "put a regular file there");
}

// Walks the path as the kernel would, but looks at each link before it goes on.
class Walk {
 public:
  explicit Walk(const std::string& path) : path_(path), left_(path) {}

  Result<DirectoryEntry> run() {
    DirectoryEntry entry;
    if (!enter(entry, left_.starts_with('/') ? "/" : ".", AT_FDCWD)) return failed(path_, "open", errno);
    for (;;) {
      const std::string name = next();
      const bool last = left_.empty();
      if (name == "." || name == "..") {
        if (last) return failed(path_, "open", EISDIR);
        if (!enter(entry, name.c_str(), entry.folder.get())) return failed(path_, "open", errno);
        continue;
      }
      if (name.empty()) return failed(path_, "open", path_.empty() ? ENOENT : EISDIR);
      struct stat now{};
      if (fstatat(entry.folder.get(), name.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT || !last) return failed(path_, name, errno);
        entry.name = name;
        return entry;
      }
      if (S_ISLNK(now.st_mode)) {
        const Status followed = follow(entry, name, now);
        if (!followed) return followed.error();
        continue;
      }
      if (last) {
        entry.name = name;
        entry.exists = true;
        entry.now = now;
        return entry;
      }
      if (!enter(entry, name.c_str(), entry.folder.get())) return failed(path_, name, errno);
    }
  }

 private:
  std::string next() {
    left_.erase(0, left_.find_first_not_of('/'));
    std::string name = left_.substr(0, left_.find('/'));
    left_.erase(0, name.size());
    if (left_.find_first_not_of('/') == std::string::npos && name != "." && name != "..") left_.clear();
    return name;
  }

  static bool enter(DirectoryEntry& entry, const char* name, int from) {
    File folder(openat(from, name, O_PATH | O_DIRECTORY | O_CLOEXEC | (from == AT_FDCWD ? 0 : O_NOFOLLOW)));
    struct stat now{};
    if (!folder || fstat(folder.get(), &now) != 0) return false;
    entry.folder = std::move(folder);
    entry.trusted = ours(now.st_uid) && (now.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    return true;
  }

  Status follow(DirectoryEntry& entry, const std::string& name, const struct stat& link) {
    if (!entry.trusted && !ours(link.st_uid))
      return permanent(path_ + ": the symbolic link " + name + " was made by user " + user_name(link.st_uid) +
                           " in a folder that is not root's alone; it is not followed",
                       "remove the link, or make it anew as root");
    if (++links_ > kMostLinks) return failed(path_, name, ELOOP);
    std::array<char, 4096> target;
    const ssize_t size = readlinkat(entry.folder.get(), name.c_str(), target.data(), target.size());
    if (size <= 0) return failed(path_, name, errno);
    left_ = std::string(target.data(), static_cast<std::size_t>(size)) + (left_.empty() ? "" : "/" + left_);
    if (left_.starts_with('/') && !enter(entry, "/", AT_FDCWD)) return failed(path_, "open", errno);
    return {};
  }

  const std::string path_;
  std::string left_;
  int links_ = 0;
};

bool write_all(int file, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t n = write(file, text.data() + at, text.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = ENOSPC;
    if (n <= 0) return false;
    at += static_cast<std::size_t>(n);
  }
  return true;
}

// Owner first: a change of owner takes bits of the mode away.
bool keep_owner_and_mode(int file, const DirectoryEntry& entry) {
  if (!entry.exists) return fchmod(file, 0640) == 0;
  struct stat mine{};
  if (fstat(file, &mine) != 0) return false;
  const uid_t owner = entry.trusted ? entry.now.st_uid : mine.st_uid;
  if ((owner != mine.st_uid || entry.now.st_gid != mine.st_gid) && fchown(file, owner, entry.now.st_gid) != 0)
    return false;
  return fchmod(file, entry.now.st_mode & (entry.trusted ? 0777 : 0775)) == 0;
}

std::string random_name() {
  std::uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number) number = static_cast<std::uint64_t>(getpid());
  std::array<char, 40> name;
  std::snprintf(name.data(), name.size(), ".berthd.%016llx", static_cast<unsigned long long>(number));
  return name.data();
}

}  // namespace

Result<std::string> read_file(const std::string& path, ReadFrom from) {
  File file;
  if (from == ReadFrom::AnyStream) {
    file = File(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  } else {
    const Result<DirectoryEntry> entry = Walk(path).run();
    if (!entry) return entry.error();
    if (!entry->exists) return failed(path, "open", ENOENT);
    // What is no file is not even opened: to open a device or a pipe can do something, or wait.
    if (!S_ISREG(entry->now.st_mode)) return not_a_file(path, entry->now.st_mode);
    file = File(openat(entry->folder.get(), entry->name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat now{};
    if (file && fstat(file.get(), &now) == 0 && !S_ISREG(now.st_mode)) return not_a_file(path, now.st_mode);
  }
  if (!file) return failed(path, "open", errno);
  std::string text;
  std::array<char, 65536> bytes;
  for (ssize_t n; (n = read(file.get(), bytes.data(), bytes.size())) != 0;) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed(path, "read", errno);
    text.append(bytes.data(), static_cast<std::size_t>(n));
    if (text.size() > kMostText) return failed(path, "read", EFBIG);
  }
  return text;
}

Status save_file(const std::string& path, const std::string& text) {
  const Result<DirectoryEntry> entry = Walk(path).run();
  if (!entry) return entry.error();
  if (entry->exists && !S_ISREG(entry->now.st_mode)) return not_a_file(path, entry->now.st_mode);
  const int folder = entry->folder.get();
  std::string fresh = random_name();
  const auto create = [&] {
    return File(openat(folder, fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  };
  File file = create();
  for (int again = 0; !file && errno == EEXIST && again < 100; ++again) {
    fresh = random_name();
    file = create();
  }
  if (!file) return failed(path, "a new file in its folder", errno);
  const auto step_that_fails = [&]() -> const char* {
    if (!write_all(file.get(), text)) return "write";
    if (!keep_owner_and_mode(file.get(), *entry)) return "owner and mode";
    if (fsync(file.get()) != 0) return "write to the disk";
    if (!file.shut()) return "close";
    return renameat(folder, fresh.c_str(), folder, entry->name.c_str()) == 0 ? nullptr : "rename";
  };
  if (const char* step = step_that_fails()) {
    const int error = errno;
    unlinkat(folder, fresh.c_str(), 0);
    return failed(path, step, error);
  }
  const File again(openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!again || fsync(again.get()) != 0) return failed(path, "saved, but its folder is not on the disk yet", errno);
  return {};
}

}  // namespace berth
