// SPDX-License-Identifier: GPL-2.0-or-later
//
// Asks containerd, on a thread of its own, since gRPC blocks and so does the look into a task's namespace; a second one reads
// the stream of events. Owner: ContainerdRuntime, which is told by `deliver`, on the thread, and says taken() when it has
// understood: no more than some dozens of answers are ever on the way.
//
// A session is a connection: events, a barrier of ours among them, that has come back, then the full list; another list every
// minute, and when more is asked for than the queue holds. An event means "look again at that container". It ends with the
// stream, or when several calls in a row fail; the next one comes with back-off. A container of which containerd fails to tell
// is asked for again with a back-off of its own, and holds up nobody else for longer than a call's deadline.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "container_watcher/containerd/containerd_client.h"
#include "container_watcher/containerd/containerd_view.h"
#include "container_watcher/netlink/operation.h"
#include "container_watcher/work_share.h"
#include "core/backoff.h"
#include "core/result.h"

namespace berth {

struct ContainerdLost {
  std::string why;
};
struct ContainerdListed {  // all of them were answered for
  std::string version;
  std::set<std::string> ids;
};
struct NetnsAnswer {
  std::uint64_t number = 0;  // of the question
  Result<Netns> netns;
};
using ContainerdNews = std::variant<ContainerdLost, ContainerdListed, ContainerAnswer, NetnsAnswer>;

struct ContainerdCounters {
  std::uint64_t events = 0;  // that asked for a look
  std::uint64_t full_lists = 0;
  std::uint64_t losses = 0;     // of the stream
  std::uint64_t failures = 0;   // looks that had to be repeated
  std::uint64_t overflows = 0;  // full lists because the queue was full
  std::uint64_t cut = 0;        // labels left out for their size
};

class ContainerdWorker {
 public:
  using Deliver = std::function<void(ContainerdNews)>;
  using ReadNetns = std::function<Result<TaskNetns>(const Netns&)>;
  ContainerdWorker(std::string address, ReadNetns read, Deliver deliver);
  ~ContainerdWorker() { stop(); }
  void start();
  void stop();   // returns when both threads have ended
  void taken();  // one news was understood
  void ask_netns(std::uint64_t number, ContainerdKey key);
  ContainerdCounters counters() const;

 private:
  using Questions = std::vector<std::pair<std::uint64_t, ContainerdKey>>;
  Questions take_questions();
  using Clock = std::chrono::steady_clock;
  using Lock = std::unique_lock<std::mutex>;
  struct Again {  // of a container whose last look failed
    Backoff<std::chrono::milliseconds> backoff;
    Clock::time_point due;
  };
  struct Empty {  // a task whose namespace has nothing in it yet
    int looks = 0;
    Clock::time_point due;
  };
  void run();
  std::string session(ContainerdClient& client);  // why it ended
  std::string work(ContainerdClient& client, const std::string& version);
  bool pass_barrier(ContainerdClient& client, std::string* why);
  void note(const ContainerdEvent& event);
  void tell(ContainerdNews news);
  bool over() const;  // the session is; with the mutex
  bool wait(Clock::duration time);
  void answer_netns_questions(ContainerdClient& client);
  Status list(ContainerdClient& client, const std::string& version);
  void look_at_pending(ContainerdClient& client);
  bool look(ContainerdClient& client, const ContainerdKey& key);  // false: containerd did not say
  bool look_into(ContainerdClient& client, const ContainerdKey& key, const ContainerdRow& row, bool soon_again);
  void fail(const ContainerdKey& key);
  void take_due(Clock::time_point now);
  Clock::time_point next_due() const;
  struct Held {
    TaskRow task;
    Netns netns;
  };
  Result<Held> hold(ContainerdClient& client, const ContainerdKey& key);

  const std::string address_;
  const ReadNetns read_;
  const Deliver deliver_;
  std::thread thread_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // Under the mutex.
  std::shared_ptr<ContainerdClient> client_;
  bool stop_ = false, ended_ = false, all_ = false;
  std::string why_;      // it has ended
  std::string barrier_;  // that came back last
  std::set<ContainerdKey> pending_;
  Questions questions_;
  std::size_t untaken_ = 0;
  ContainerdCounters counters_;

  // The thread's own.
  std::map<ContainerdKey, Again> again_;
  std::map<ContainerdKey, Empty> empty_;
  std::set<ContainerdKey> looked_;  // during a list
  std::string blind_;               // why no task's number means anything
  bool told_lost_ = false, in_sync_ = false;
  int failures_ = 0;  // in a row
  WorkShare looks_, lists_;
};

}  // namespace berth
