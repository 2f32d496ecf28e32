// SPDX-License-Identifier: GPL-2.0-or-later
//
// A question to one of FRR's daemons by the socket of its shell, as vtysh asks: the command with a zero byte behind it; the answer ends
// in three of them and a status. On the executor of who asks.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>

#include "core/result.h"

namespace berth {

// `socket`: "/run/frr/bgpd.vty". Transient: it does not answer in that time, or not as a daemon of FRR's does. Permanent: berthd may
// not ask; the daemon has no such command.
boost::asio::awaitable<Result<std::string>> ask_frr(std::string socket, std::string command,
                                                    std::chrono::milliseconds deadline);

}  // namespace berth
