// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_watcher/containerd/containerd_client.h"

#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <containers.grpc.pb.h>
#include <events.grpc.pb.h>
#include <namespaces.grpc.pb.h>
#include <tasks.grpc.pb.h>
#include <version.grpc.pb.h>
#include <chrono>
#include <cstring>
#include <mutex>
#include <type_traits>

#include "container_watcher/labels.h"
#include "container_watcher/netlink/fd.h"
#include "core/names.h"

namespace containers_api = containerd::services::containers::v1;
namespace events_api = containerd::services::events::v1;
namespace namespaces_api = containerd::services::namespaces::v1;
namespace tasks_api = containerd::services::tasks::v1;
namespace version_api = containerd::services::version::v1;

namespace berth {
namespace {

constexpr std::chrono::seconds kDeadline(3), kListDeadline(20);
constexpr int kLongestMessage = 16 << 20;  // bytes; what containerd sends at most
constexpr std::size_t kLongestId = 76;     // containerd's own limit for ids and namespaces
constexpr std::size_t kLongestText = 256;
constexpr const char* kBarrierTopic = "/berth/barrier";
constexpr const char* kBarrierNamespace = "berth";
constexpr std::string_view kRemedy = "journalctl -u containerd; berthd tries it again";

Error error_of(const grpc::Status& status) {
  const bool absent = status.error_code() == grpc::StatusCode::NOT_FOUND;
  std::string text = status.error_message().substr(0, kLongestText);
  if (text.empty()) text = "containerd ended the call";
  return {absent ? ErrorKind::Stale : ErrorKind::Transient, std::move(text), std::string(kRemedy)};
}

std::shared_ptr<grpc::Channel> channel_to(const std::string& address) {
  grpc::ChannelArguments with;
  with.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own, not one that another channel has lost
  with.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  with.SetMaxReceiveMessageSize(kLongestMessage);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), with);
}

ContainerdRow row_of(const containers_api::Container& container, std::uint64_t* cut) {
  ContainerdRow out;
  out.name = container.id();
  for (const auto& [key, value] : container.labels()) {
    if (key == "nerdctl/name" && is_docker_name(value)) out.name = value;  // an image may say anything
    if (std::string_view(key).starts_with(kOurLabels)) put_label(key, value, &out.labels, cut);
  }
  out.created = container.created_at().seconds();
  return out;
}

TaskState state_of(tasks_api::Status status) {
  switch (status) {
    case tasks_api::CREATED: return TaskState::Created;
    case tasks_api::RUNNING: return TaskState::Running;
    case tasks_api::PAUSED:
    case tasks_api::PAUSING: return TaskState::Paused;
    case tasks_api::STOPPED: return TaskState::Stopped;
    default: return TaskState::Unknown;
  }
}

// Each of a container or a task begins with the container's id; those of an exec change nothing here.
bool asks_for_a_look(std::string_view topic) {
  return topic.starts_with("/containers/") || (topic.starts_with("/tasks/") && !topic.starts_with("/tasks/exec-"));
}

ContainerdEvent event_of(const events_api::Envelope& envelope) {
  ContainerdEvent out;
  if (envelope.topic() == kBarrierTopic) out.barrier = envelope.event().value();
  if (envelope.namespace_() == kDockersNamespace || !asks_for_a_look(envelope.topic())) return out;
  // The type's name has no prefix before it, for which Any::UnpackTo() would look.
  events_api::OfContainer of;
  if (!of.ParseFromString(envelope.event().value())) return out;
  out.container = ContainerdKey::parse(envelope.namespace_() + "/" + of.container_id());
  return out;
}

}  // namespace

std::optional<ContainerdKey> ContainerdKey::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view space = text.substr(0, slash), id = text.substr(slash + 1);
  // As containerd itself has them: they stand in logs and in the file of leases.
  const auto plain = [](std::string_view part) { return part.size() <= kLongestId && is_docker_name(part); };
  if (!plain(space) || !plain(id)) return std::nullopt;
  return ContainerdKey{std::string(space), std::string(id)};
}

struct ContainerdClient::Calls {
  explicit Calls(const std::shared_ptr<grpc::Channel>& channel)
      : containers(channel), events(channel), namespaces(channel), tasks(channel), version(channel) {}
  containers_api::Containers::Stub containers;
  events_api::Events::Stub events;
  namespaces_api::Namespaces::Stub namespaces;
  tasks_api::Tasks::Stub tasks;
  version_api::Version::Stub version;

  std::mutex mutex;
  std::set<grpc::ClientContext*> under_way;  // under the mutex
  bool cancelled = false;                    // under the mutex

  // One call, which cancel() finds for as long as it lives.
  class Call {
   public:
    Call(Calls& calls, const std::string& space, std::optional<std::chrono::seconds> deadline) : calls_(calls) {
      if (!space.empty()) context.AddMetadata("containerd-namespace", space);
      if (deadline) context.set_deadline(std::chrono::system_clock::now() + *deadline);
      const std::lock_guard lock(calls_.mutex);
      calls_.under_way.insert(&context);
      if (calls_.cancelled) context.TryCancel();
    }
    ~Call() {
      const std::lock_guard lock(calls_.mutex);
      calls_.under_way.erase(&context);
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    grpc::ClientContext context;

   private:
    Calls& calls_;
  };

  // One question, and its answer.
  template <class Stub, class Request, class Answer>
  Result<Answer> ask(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Answer*), Stub& stub,
                     const std::string& space, const std::type_identity_t<Request>& request = {}) {
    Call call(*this, space, kDeadline);
    Answer answer;
    const grpc::Status status = (stub.*method)(&call.context, request, &answer);
    if (!status.ok()) return error_of(status);
    return answer;
  }
};

ContainerdClient::ContainerdClient(const std::string& address) : calls_(std::make_unique<Calls>(channel_to(address))) {}

ContainerdClient::~ContainerdClient() = default;

void ContainerdClient::cancel() {
  const std::lock_guard lock(calls_->mutex);
  calls_->cancelled = true;
  for (grpc::ClientContext* each : calls_->under_way) each->TryCancel();
}

Result<std::string> ContainerdClient::version() {
  const auto answer = calls_->ask(&version_api::Version::Stub::Version, calls_->version, "");
  if (!answer) return answer.error();
  return answer->version().substr(0, kLongestText);
}

Result<std::vector<std::string>> ContainerdClient::namespaces() {
  const auto answer = calls_->ask(&namespaces_api::Namespaces::Stub::List, calls_->namespaces, "");
  if (!answer) return answer.error();
  std::vector<std::string> out;
  for (const auto& each : answer->namespaces())
    if (each.name() != kDockersNamespace) out.push_back(each.name());
  return out;
}

// One message for each: all in one would be more than a message may be, where there are many.
Result<std::vector<std::pair<ContainerdKey, ContainerdRow>>> ContainerdClient::containers(const std::string& space) {
  Calls::Call call(*calls_, space, kListDeadline);
  std::vector<std::pair<ContainerdKey, ContainerdRow>> out;
  const auto stream = calls_->containers.ListStream(&call.context, {});
  for (containers_api::ListContainerMessage each; stream->Read(&each);)
    if (const auto key = ContainerdKey::parse(space + "/" + each.container().id()))
      out.emplace_back(*key, row_of(each.container(), &cut_));
  const grpc::Status status = stream->Finish();
  if (!status.ok()) return error_of(status);
  return out;
}

Result<ContainerdRow> ContainerdClient::container(const ContainerdKey& key) {
  containers_api::GetContainerRequest request;
  request.set_id(key.id);
  const auto answer = calls_->ask(&containers_api::Containers::Stub::Get, calls_->containers, key.space, request);
  if (!answer) return answer.error();
  return row_of(answer->container(), &cut_);
}

Result<TaskRow> ContainerdClient::task(const ContainerdKey& key) {
  tasks_api::GetRequest request;
  request.set_container_id(key.id);
  const auto answer = calls_->ask(&tasks_api::Tasks::Stub::Get, calls_->tasks, key.space, request);
  if (!answer) return answer.error();
  return TaskRow{state_of(answer->process().status()), static_cast<int>(answer->process().pid())};
}

Error ContainerdClient::events(const std::function<void(const ContainerdEvent&)>& each) {
  Calls::Call call(*calls_, "", std::nullopt);
  events_api::SubscribeRequest request;
  request.add_filters("namespace!=" + std::string(kDockersNamespace) + ",topic~=\"^/(berth|containers|tasks)/\"");
  const auto stream = calls_->events.Subscribe(&call.context, request);
  for (events_api::Envelope envelope; stream->Read(&envelope);) each(event_of(envelope));
  return error_of(stream->Finish());
}

Status ContainerdClient::publish_barrier(const std::string& id) {
  events_api::PublishRequest request;
  request.set_topic(kBarrierTopic);
  request.mutable_event()->set_type_url("berth.Barrier");
  request.mutable_event()->set_value(id);
  const auto answer = calls_->ask(&events_api::Events::Stub::Publish, calls_->events, kBarrierNamespace, request);
  return answer ? Status() : Status(answer.error());
}

bool same_processes(const std::string& address) {
  const std::string path = address.substr(address.find(':') + 1);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof name.sun_path) return false;
  std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
  const Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) return false;
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0;
}

}  // namespace berth
