// SPDX-License-Identifier: GPL-2.0-or-later
//
// Puts the subnets that are to be advertised (subnet_lines.h) into the daemons that redistribute.
//
// On the executor of who asks, one thing at a time. A daemon that does not run is left out, and is told when it is there.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "fpm_bridge/northbound/subnet_lines.h"
#include "fpm_bridge/vty/frr_shell.h"

namespace berth {

class SubnetLists {
 public:
  // `folder`: where FRR's daemons have their sockets.
  SubnetLists(const boost::asio::any_io_executor& executor, const std::string& folder);
  SubnetLists(const SubnetLists&) = delete;
  SubnetLists& operator=(const SubnetLists&) = delete;
  ~SubnetLists();
  struct Done {
    std::size_t daemons = 0;  // that have the lists now
    Status refused = {};      // what the last one that refuses says
    Status silent = {};       // why the last one that runs has not answered
  };
  // `all`: in the daemons that had them, too, else in those alone that were away.
  boost::asio::awaitable<Done> apply(SubnetWishes wishes, bool all);
  void close();
  // Tells once when a daemon ends while nothing is asked.
  void watch(const std::function<void()>& ended);

 private:
  boost::asio::awaitable<Status> set(FrrShell& shell, const SubnetWishes& wishes);

  std::vector<std::shared_ptr<FrrShell>> daemons_;  // what waits may outlive this by one turn
};

}  // namespace berth
