// SPDX-License-Identifier: GPL-2.0-or-later
//
// A Docker engine for tests of the watcher: HTTP on a real unix socket in a folder of its own, served by poll() from
// the test's own loop. It has networks, containers and an event stream, answers as dockerd 20.10 does, makes networks,
// and keeps the paths that it was asked for. The test asks for faults. One thread.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <list>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace berth {

class FakeDocker {
 public:
  struct Container {
    std::string name, state = "running";
    std::map<std::string, std::string> labels;
  };

  FakeDocker() {
    char folder[] = "/tmp/berth-test-XXXXXX";
    if (!mkdtemp(folder)) throw std::runtime_error("mkdtemp");
    folder_ = folder;
  }
  FakeDocker(const FakeDocker&) = delete;
  FakeDocker& operator=(const FakeDocker&) = delete;
  ~FakeDocker() {
    stop();
    rmdir(folder_.c_str());
  }
  std::string address() const { return "unix:" + path(); }

  void start() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof(address.sun_path) - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 || listen(listener_, 16) != 0)
      throw std::runtime_error("bind");
  }
  // As when dockerd dies: every connection ends, nothing listens.
  void stop() {
    for (const Peer& each : peers_) close(each.fd);
    peers_.clear();
    if (listener_ >= 0) close(listener_);
    listener_ = -1;
    unlink(path().c_str());
  }
  void end_streams() {
    std::erase_if(peers_, [](const Peer& each) { return each.stream && close(each.fd) == 0; });
  }
  bool streaming() const {
    for (const Peer& each : peers_)
      if (each.stream) return true;
    return false;
  }

  // What happens in Docker, with its events.
  void make_network(const std::string& id, const std::string& name) {
    Network& network = networks_[id];
    network.name = name;
    if (network.created.empty()) {  // each later than those before it
      const std::string second = std::to_string(100 + ++networks_made_);
      network.created = "2026-11-26T10:44:18." + second + "Z";
    }
    tell("network", "create", id);
  }
  // As POST /networks/create has it: Name, Driver, IPAM, Options, Labels, Internal, EnableIPv6.
  void make_network(const std::string& id, const boost::json::object& body) {
    networks_[id].body = body;
    make_network(id, std::string(body.at("Name").as_string()));
  }
  void remove_network(const std::string& id) {
    networks_.erase(id);
    tell("network", "destroy", id);
  }
  void make(const std::string& id, const Container& container) {
    containers[id] = container;
    tell("container", "create", id);
  }
  void connect(const std::string& id, const std::string& network, const std::string& address) {
    networks_[network].endpoints[id] = {"e" + std::to_string(++endpoints_), address};
    tell("network", "connect", network);
  }
  void disconnect(const std::string& id, const std::string& network) {
    networks_[network].endpoints.erase(id);
    tell("network", "disconnect", network);
  }
  void destroy(const std::string& id) {
    containers.erase(id);
    tell("container", "destroy", id);
  }
  void tell(const std::string& type, const std::string& action, const std::string& id) {
    if (!events) return;
    const auto now =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch());
    const std::string text =
        boost::json::serialize(boost::json::value{
            {"Type", type}, {"Action", action}, {"Actor", {{"ID", id}}}, {"timeNano", now.count()}}) +
        "\n";
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", text.size());
    for (Peer& each : peers_)
      if (each.stream) each.out += size + text + "\r\n";
  }

  // faults
  bool events = true;                  // false: they are lost
  int errors = 0, error_status = 500;  // so many looks at a network are answered so
  // By how a path begins (without its version and query): what is answered there. 0: never anything; 200: the text in
  // `nonsense`; above: that error.
  std::map<std::string, int> faults;
  std::string nonsense = "{]";
  int create_status = 0;                                 // what a create is answered, which makes nothing then
  std::string create_fails;                              // only of this name; empty: of any
  std::function<void()> before_create;                   // what another hand does just then
  std::function<void(const boost::json::object&)> made;  // what Docker does on the host for a network that it makes
  std::string api = "1.41";                              // the highest that it speaks
  std::set<std::string> hidden;                          // networks that no list shows

  std::map<std::string, Container> containers;
  std::vector<std::string> asked;
  std::vector<boost::json::object> created;  // what POST /networks/create was told

  void poll() {
    for (int fd; listener_ >= 0 && (fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;)
      peers_.push_back({fd, {}, {}, false});
    for (Peer& each : peers_) {
      char bytes[4096];
      const ssize_t n = recv(each.fd, bytes, sizeof bytes, 0);
      if (n == 0) each.gone = true;
      if (n > 0) each.in.append(bytes, static_cast<std::size_t>(n));
      for (std::size_t end; (end = each.in.find("\r\n\r\n")) != std::string::npos;) {
        const std::size_t size = content_length(each.in.substr(0, end + 2));
        if (each.in.size() < end + 4 + size) break;
        answer(each, each.in.substr(0, each.in.find(' ')),
               each.in.substr(each.in.find(' ') + 1, each.in.find(" HTTP") - each.in.find(' ') - 1),
               each.in.substr(end + 4, size));
        each.in.erase(0, end + 4 + size);
      }
      const ssize_t sent = each.out.empty() ? 0 : send(each.fd, each.out.data(), each.out.size(), MSG_NOSIGNAL);
      if (sent > 0) each.out.erase(0, static_cast<std::size_t>(sent));
    }
    std::erase_if(peers_, [](const Peer& each) { return each.gone && close(each.fd) == 0; });
  }

 private:
  struct Peer {
    int fd;
    std::string in, out;
    bool stream, gone = false;
  };
  struct Endpoint {
    std::string id, address;
  };
  struct Network {
    std::string name, created;
    boost::json::object body;
    std::map<std::string, Endpoint> endpoints;
  };

  std::string path() const { return folder_ + "/sock"; }

  static std::size_t content_length(const std::string& head) {
    const std::string key = "\r\nContent-Length: ";
    const std::size_t at = head.find(key);
    return at == std::string::npos ? 0 : std::stoul(head.substr(at + key.size()));
  }
  void answer(Peer& peer, const std::string& method, const std::string& target, const std::string& told) {
    const std::string versionless = target.starts_with("/v1.") ? target.substr(target.find('/', 1)) : target;
    asked.push_back(versionless);
    if (versionless.starts_with("/events")) {
      peer.stream = true;
      peer.out += "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
      return;
    }
    std::string body, message = "no";
    int status = 200;
    for (const auto& [path, fault] : faults) {
      if (!versionless.starts_with(path)) continue;
      if (fault == 0) return;
      if (fault != 200) body = boost::json::serialize(boost::json::value{{"message", "out of order"}});
      return reply(peer, fault, fault == 200 ? nonsense : body);
    }
    if (versionless == "/version")
      body = boost::json::serialize(
          boost::json::value{{"Version", "20.10.24"}, {"ApiVersion", api}, {"MinAPIVersion", "1.12"}});
    else if (versionless == "/networks" || versionless.starts_with("/networks?"))
      body = list_networks(versionless);
    else if (method == "POST" && versionless == "/networks/create")
      status = create_network(boost::json::parse(told).as_object(), body, message);
    else if (versionless.starts_with("/networks/"))
      status = one_network(versionless.substr(10), body);
    else if (versionless.starts_with("/containers/json"))
      body = list_containers(versionless);
    else
      status = 404;
    if (status >= 400) body = boost::json::serialize(boost::json::value{{"message", message}});
    reply(peer, status, body);
  }
  static void reply(Peer& peer, int status, const std::string& body) {
    peer.out += "HTTP/1.1 " + std::to_string(status) +
                " X\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                body;
  }
  boost::json::object network_object(const std::string& id) const {
    const Network& network = networks_.at(id);
    boost::json::object out{{"Id", id}, {"Name", network.name}, {"Driver", "bridge"}, {"Created", network.created}};
    for (const char* key : {"Driver", "EnableIPv6", "IPAM", "Internal", "Options", "Labels"})
      if (const auto* value = network.body.if_contains(key)) out[key] = *value;
    return out;
  }
  // Docker takes a name that another network has only where it is not asked to look (CheckDuplicate).
  int create_network(const boost::json::object& told, std::string& body, std::string& message) {
    created.push_back(told);
    if (const auto first = std::exchange(before_create, nullptr)) first();
    const std::string name(told.at("Name").as_string());
    if (create_status && (create_fails.empty() || create_fails == name)) return create_status;
    for (const auto& [id, network] : networks_)
      if (network.name == name && told.contains("CheckDuplicate") && told.at("CheckDuplicate").as_bool()) {
        message = "network with name " + name + " already exists";
        return 409;
      }
    const std::string id = "made" + std::to_string(created.size());
    if (made) made(told);
    make_network(id, told);
    body = boost::json::serialize(boost::json::value{{"Id", id}, {"Warning", ""}});
    return 201;
  }
  // By id, by name, by what an id begins with: in this order. Two of one name are an error, for which `ambiguous` is said.
  std::string found(const std::string& term, bool& ambiguous) const {
    if (networks_.contains(term)) return term;
    std::vector<std::string> called;
    for (const auto& [id, network] : networks_)
      if (network.name == term) called.push_back(id);
    ambiguous = called.size() > 1;
    if (!called.empty()) return called.front();
    for (const auto& [id, network] : networks_)
      if (id.starts_with(term)) return id;
    return {};
  }
  // Docker takes the name of its filter, percent-encoded JSON, for a pattern.
  std::string list_networks(const std::string& target) const {
    const std::string before = "%22name%22%3A%5B%22";
    const std::size_t at = target.find(before);
    const std::string name =
        at == std::string::npos
            ? ""
            : target.substr(at + before.size(), target.find("%22", at + before.size()) - at - before.size());
    boost::json::array out;
    for (const auto& [id, network] : networks_)
      if (!hidden.contains(id) && network.name.find(name) != std::string::npos) out.push_back(network_object(id));
    return boost::json::serialize(out);
  }
  int one_network(const std::string& term, std::string& body) {
    if (errors > 0) return --errors, error_status;
    bool ambiguous = false;
    const std::string id = found(term, ambiguous);
    if (ambiguous) return 400;
    if (id.empty()) return 404;
    boost::json::object out = network_object(id), all;
    for (const auto& [container, endpoint] : networks_.at(id).endpoints)
      all[container] = boost::json::object{{"EndpointID", endpoint.id}, {"IPv4Address", endpoint.address + "/24"}};
    out["Containers"] = all;
    body = boost::json::serialize(out);
    return 200;
  }
  // Docker's filter by id is a JSON object, percent-encoded: an id that stands in it is asked for.
  std::string list_containers(const std::string& target) const {
    boost::json::array out;
    for (const auto& [id, container] : containers) {
      if (target.find("filters") != std::string::npos && target.find(id) == std::string::npos) continue;
      boost::json::object labels;
      for (const auto& [key, value] : container.labels) labels[key] = value;
      out.push_back(boost::json::object{{"Id", id},
                                        {"Names", {"/" + container.name}},
                                        {"State", container.state},
                                        {"Labels", labels},
                                        {"Created", 1}});
    }
    return boost::json::serialize(out);
  }

  std::string folder_;
  int listener_ = -1, endpoints_ = 0, networks_made_ = 0;
  std::list<Peer> peers_;
  std::map<std::string, Network> networks_;
};

}  // namespace berth
