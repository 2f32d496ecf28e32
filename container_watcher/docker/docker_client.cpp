// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/docker/docker_client.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;
using namespace std::chrono_literals;

namespace berth {
namespace {

using Stream = boost::beast::basic_stream<asio::local::stream_protocol>;
constexpr const char* kVersion = "/version";  // asked without an API version
constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

Error silent(const boost::system::error_code& error) {
  return transient("Docker does not answer: " + error.message());
}

// API versions compare as numbers: 1.9 < 1.41.
int minor_of(std::string_view api) {
  int minor = 0;
  const std::size_t dot = api.find('.');
  for (const char c : dot == std::string_view::npos ? std::string_view() : api.substr(dot + 1))
    if (c >= '0' && c <= '9') minor = minor * 10 + (c - '0');
  return minor;
}

}  // namespace

DockerClient::DockerClient(std::string address)
    : path_(address.starts_with("unix:") ? address.substr(5) : std::move(address)) {}

asio::awaitable<Result<json::value>> DockerClient::request(std::string method, std::string path, json::value body) {
  Stream stream(co_await asio::this_coro::executor);
  stream.expires_after(10s);
  const auto [connect_error] = co_await stream.async_connect({path_}, kTuple);
  if (connect_error) co_return silent(connect_error);
  http::request<http::string_body> request(http::string_to_verb(method), path == kVersion ? path : api_ + path, 11);
  request.set(http::field::host, "docker");
  if (!body.is_null()) {
    request.set(http::field::content_type, "application/json");
    request.body() = json::serialize(body);
  }
  request.prepare_payload();
  const auto [write_error, written] = co_await http::async_write(stream, request, kTuple);
  if (write_error) co_return silent(write_error);
  boost::beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(256u << 20);
  const auto [read_error, read] = co_await http::async_read(stream, buffer, parser, kTuple);
  if (read_error) co_return silent(read_error);
  const auto& response = parser.get();
  boost::system::error_code ec;
  json::value value = response.body().empty() ? json::value() : json::parse(response.body(), ec);
  if (response.result_int() >= 400) {
    const json::value* message = value.is_object() ? value.as_object().if_contains("message") : nullptr;
    std::string text = "Docker refuses " + path + ": " +
                       (message && message->is_string() ? std::string(message->as_string()) : response.body());
    co_return Error{response.result_int() >= 500 ? ErrorKind::Transient : ErrorKind::Permanent, std::move(text), {}};
  }
  if (ec) co_return transient("Docker's answer to " + path + " is not JSON");
  co_return value;
}

asio::awaitable<Result<std::string>> DockerClient::negotiate() {
  auto version = co_await request("GET", kVersion);
  if (!version) co_return version.error();
  if (!version->is_object()) co_return transient("Docker's version is no object");
  const json::object& fields = version->as_object();
  const auto text = [&](const char* key) {
    const json::value* value = fields.if_contains(key);
    return value && value->is_string() ? std::string(value->as_string()) : std::string();
  };
  const int lowest = std::max(41, minor_of(text("MinAPIVersion"))),
            highest = std::min(51, minor_of(text("ApiVersion")));
  if (highest < lowest)
    co_return permanent("Docker " + text("Version") + " speaks API " + text("MinAPIVersion") + " to " +
                        text("ApiVersion") + ", berth 1.41 to 1.51");
  api_ = "/v1." + std::to_string(highest);
  co_return text("Version");
}

asio::awaitable<Error> DockerClient::stream(std::string path, std::function<void()> opened,
                                            std::function<void(const json::value&)> event) {
  Stream stream(co_await asio::this_coro::executor);
  stream.expires_after(10s);
  const auto [connect_error] = co_await stream.async_connect({path_}, kTuple);
  if (connect_error) co_return silent(connect_error);
  http::request<http::empty_body> request(http::verb::get, api_ + path, 11);
  request.set(http::field::host, "docker");
  const auto [write_error, written] = co_await http::async_write(stream, request, kTuple);
  if (write_error) co_return silent(write_error);
  boost::beast::flat_buffer buffer;
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(boost::none);
  const auto [header_error, header] = co_await http::async_read_header(stream, buffer, parser, kTuple);
  if (header_error) co_return silent(header_error);
  if (parser.get().result_int() != 200) co_return transient("Docker refuses its event stream");
  stream.expires_never();
  opened();
  json::stream_parser events;
  std::array<char, 16384> bytes;
  while (!parser.is_done()) {
    parser.get().body().data = bytes.data();
    parser.get().body().size = bytes.size();
    auto [error, n] = co_await http::async_read_some(stream, buffer, parser, kTuple);
    if (error && error != http::error::need_buffer)
      co_return transient("Docker's event stream ended: " + error.message());
    std::string_view data(bytes.data(), bytes.size() - parser.get().body().size);
    while (!data.empty()) {
      boost::system::error_code ec;
      data.remove_prefix(events.write_some(data.data(), data.size(), ec));
      if (ec) co_return transient("Docker's event stream is not JSON");
      if (!events.done()) continue;
      event(events.release());
      events.reset();
      while (!data.empty() && (data[0] == '\n' || data[0] == '\r' || data[0] == ' ')) data.remove_prefix(1);
    }
  }
  co_return transient("Docker closed its event stream");
}

}  // namespace berth
