// SPDX-License-Identifier: GPL-2.0-or-later
#include "fpm_bridge/stub/stub_sink.h"

#include <boost/asio/post.hpp>
#include <fstream>

namespace berth {

void StubSink::start() {
  boost::asio::post(io_, [this] {
    if (!stopped_) listener_.sink_connected({"none", "stub", "stub"});
  });
}

void StubSink::put(const RibObject& object) {
  write("put " + object.key.prefix.to_string() + " dev " + object.interface.str() + " tag " +
        std::to_string(object.tag));
  answer(object.key, RibState::Installed);
}

void StubSink::remove(const RibKey& key) {
  write("remove " + key.prefix.to_string());
  answer(key, RibState::Gone);
}

void StubSink::ask(const Prefix& prefix) {
  boost::asio::post(io_, [this, prefix] {
    if (!stopped_) listener_.sink_found({prefix, {}, "there is no RIB"});
  });
}

void StubSink::end_of_sync(std::vector<Prefix>) {
  write("end of sync");
  boost::asio::post(io_, [this] {
    if (!stopped_) listener_.sink_synced(0);
  });
}

void StubSink::write(const std::string& line) {
  std::ofstream(path_, std::ios::app) << line << "\n";
}

void StubSink::answer(const RibKey& key, RibState state) {
  boost::asio::post(io_, [this, key, state] {
    if (!stopped_) listener_.sink_answered({key, state, ""});
  });
}

}  // namespace berth
