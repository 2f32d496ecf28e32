// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/docker/docker_client.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>

#include "core/names.h"

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;
using namespace std::chrono_literals;

namespace berth {
namespace {

using Stream = boost::beast::basic_stream<asio::local::stream_protocol>;
constexpr std::string_view kVersion = "/version";  // asked without an API version
constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kLargestAnswer = 64u << 20, kLargestEvent = 1u << 20, kMostIdle = 4;
constexpr int kLowestApi = 41, kHighestApi = 51;

Error silent(const boost::system::error_code& error) {
  return transient("Docker does not answer: " + error.message());
}

// API versions compare as numbers: 1.9 < 1.41.
int minor_of(std::string_view api) {
  int minor = 0;
  const std::size_t dot = api.find('.');
  for (const char c : dot == std::string_view::npos ? std::string_view() : api.substr(dot + 1))
    if (c >= '0' && c <= '9' && minor < 100000) minor = minor * 10 + (c - '0');
  return minor;
}

// Takes itself out of the set of those under way.
template <class T>
class Busy {
 public:
  Busy(std::shared_ptr<std::set<T*>> all, T* one) : all_(std::move(all)), one_(one) { all_->insert(one_); }
  ~Busy() { all_->erase(one_); }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  std::shared_ptr<std::set<T*>> all_;
  T* one_;
};

}  // namespace

struct DockerClient::Connection {
  explicit Connection(const asio::any_io_executor& executor) : stream(executor) {}
  Stream stream;
  boost::beast::flat_buffer buffer;
};

bool is_docker_id(std::string_view id) {
  return is_docker_name(id);
}

DockerClient::DockerClient(std::string address)
    : path_(address.starts_with("unix:") ? address.substr(5) : std::move(address)) {}

DockerClient::~DockerClient() = default;

void DockerClient::cancel() {
  ++cancels_;
  idle_.clear();
  for (Connection* each : std::set<Connection*>(*busy_)) each->stream.close();
}

asio::awaitable<Result<DockerClient::Held>> DockerClient::connect(std::chrono::milliseconds deadline) {
  auto connection = std::make_shared<Connection>(co_await asio::this_coro::executor);
  // sun_path: a longer one would throw
  if (path_.empty() || path_.size() > 107) co_return permanent("the path of Docker's socket is too long: " + path_);
  const Busy<Connection> busy(busy_, connection.get());
  connection->stream.expires_after(deadline);
  const asio::local::stream_protocol::endpoint endpoint(path_);
  const auto [error] = co_await connection->stream.async_connect(endpoint, kTuple);
  if (error) co_return silent(error);
  co_return connection;
}

asio::awaitable<Result<json::value>> DockerClient::ask(Held connection, const std::string& method,
                                                       const std::string& path, const std::string& body,
                                                       std::chrono::milliseconds deadline, bool& answered) {
  const Busy<Connection> busy(busy_, connection.get());
  connection->stream.expires_after(deadline);
  http::request<http::string_body> request(http::string_to_verb(method), path == kVersion ? path : api_ + path, 11);
  request.set(http::field::host, "docker");
  if (!body.empty()) {
    request.set(http::field::content_type, "application/json");
    request.body() = body;
  }
  request.prepare_payload();
  const auto [write_error, written] = co_await http::async_write(connection->stream, request, kTuple);
  if (write_error) co_return silent(write_error);
  http::response_parser<http::string_body> parser;
  parser.body_limit(kLargestAnswer);
  const auto [read_error, read] = co_await http::async_read(connection->stream, connection->buffer, parser, kTuple);
  answered = read > 0 || read_error == boost::beast::error::timeout;  // a dead connection would have told at once
  if (read_error) co_return silent(read_error);
  const auto& response = parser.get();
  connection->stream.expires_never();
  if (response.keep_alive() && idle_.size() < kMostIdle) idle_.push_back(connection);
  boost::system::error_code ec;
  // Of ten thousand containers it has a million small parts, which come and go together.
  json::value value = response.body().empty()
                          ? json::value()
                          : json::parse(response.body(), ec, json::make_shared_resource<json::monotonic_resource>());
  if (response.result_int() >= 400) {
    const json::value* message = value.is_object() ? value.as_object().if_contains("message") : nullptr;
    std::string text = (response.result_int() >= 500 ? "Docker fails at " : "Docker refuses ") +
                       path.substr(0, path.find('?')) + ": " +
                       (message && message->is_string() ? std::string(message->as_string()) : response.body());
    text.resize(std::min<std::size_t>(text.size(), 500));
    co_return Error{response.result_int() >= 500                   ? ErrorKind::Transient
                    : response.result() == http::status::not_found ? ErrorKind::Stale
                                                                   : ErrorKind::Permanent,
                    std::move(text),
                    {}};
  }
  if (ec) co_return transient("Docker's answer to " + path.substr(0, path.find('?')) + " is not JSON");
  co_return value;
}

asio::awaitable<Result<json::value>> DockerClient::request(std::string method, std::string path, json::value body,
                                                           std::chrono::milliseconds deadline) {
  const std::string text = body.is_null() ? std::string() : json::serialize(body);
  // What changes something goes over a fresh connection: an old one may be dead, and it must not be said twice.
  if (method == "GET" && !idle_.empty()) {
    Held connection = std::move(idle_.back());
    idle_.pop_back();
    bool answered = false;
    const std::uint64_t cancels = cancels_;
    auto answer = co_await ask(std::move(connection), method, path, text, deadline, answered);
    if (answer || answered || cancels != cancels_) co_return answer;
    idle_.clear();  // Docker was restarted: the others are dead too
  }
  auto connection = co_await connect(deadline);
  if (!connection) co_return connection.error();
  bool answered = false;
  co_return co_await ask(std::move(*connection), method, path, text, deadline, answered);
}

asio::awaitable<Result<std::string>> DockerClient::negotiate() {
  auto version = co_await request("GET", std::string(kVersion));
  if (!version) co_return version.error();
  if (!version->is_object()) co_return transient("Docker's version is no object");
  const json::object& fields = version->as_object();
  const auto text = [&](const char* key) {
    const json::value* value = fields.if_contains(key);
    return value && value->is_string() ? std::string(value->as_string()) : std::string();
  };
  const int lowest = std::max(kLowestApi, minor_of(text("MinAPIVersion"))),
            highest = std::min(kHighestApi, minor_of(text("ApiVersion")));
  if (highest < lowest)
    co_return permanent("Docker " + text("Version") + " speaks API " + text("MinAPIVersion") + " to " +
                            text("ApiVersion") + ", berth 1.41 to 1.51",
                        "use Docker 20.10 or newer");
  api_ = "/v1." + std::to_string(highest);
  co_return text("Version");
}

asio::awaitable<Error> DockerClient::stream(std::string path, std::function<void()> opened,
                                            std::function<void(const json::value&)> event) {
  auto connected = co_await connect();
  if (!connected) co_return connected.error();
  const Held connection = std::move(*connected);
  const Busy<Connection> busy(busy_, connection.get());
  Stream& stream = connection->stream;
  http::request<http::empty_body> request(http::verb::get, api_ + path, 11);
  request.set(http::field::host, "docker");
  const auto [write_error, written] = co_await http::async_write(stream, request, kTuple);
  if (write_error) co_return silent(write_error);
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(boost::none);  // endless
  const auto [header_error, header] = co_await http::async_read_header(stream, connection->buffer, parser, kTuple);
  if (header_error) co_return silent(header_error);
  if (parser.get().result_int() != 200) co_return transient("Docker refuses its event stream");
  stream.expires_never();
  opened();
  json::stream_parser events;
  std::array<char, 16384> bytes;
  std::size_t size = 0;  // of the event that is being read
  while (!parser.is_done()) {
    parser.get().body().data = bytes.data();
    parser.get().body().size = bytes.size();
    auto [error, n] = co_await http::async_read_some(stream, connection->buffer, parser, kTuple);
    if (error && error != http::error::need_buffer)
      co_return transient("Docker's event stream ended: " + error.message());
    std::string_view data(bytes.data(), bytes.size() - parser.get().body().size);
    while (!data.empty()) {
      if (size == 0 && (data[0] == '\n' || data[0] == '\r' || data[0] == ' ')) {
        data.remove_prefix(1);
        continue;
      }
      boost::system::error_code ec;
      const std::size_t eaten = events.write_some(data.data(), data.size(), ec);
      data.remove_prefix(eaten);
      size += eaten;
      if (ec) co_return transient("Docker's event stream is not JSON");
      if (size > kLargestEvent) co_return transient("an event of Docker's is larger than 1 MiB");
      if (!events.done()) continue;
      event(events.release());
      events.reset();
      size = 0;
    }
  }
  co_return transient("Docker closed its event stream");
}

}  // namespace berth
