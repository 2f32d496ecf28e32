// SPDX-License-Identifier: GPL-2.0-or-later
//
// A containerd in the test's program, on a socket in a folder of its own: the services that berth asks, over containers that are
// values, and faults. Its calls are served by gRPC's threads; what a test does with it is any thread's.
#pragma once

#include <grpcpp/grpcpp.h>

#include <containers.grpc.pb.h>
#include <events.grpc.pb.h>
#include <namespaces.grpc.pb.h>
#include <tasks.grpc.pb.h>
#include <version.grpc.pb.h>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace berth {

class FakeContainerd {
 public:
  struct Container {
    std::map<std::string, std::string> labels = {};
    int created = 1;
    int pid = 0;  // of its task; 0: it has none
    containerd::services::tasks::v1::Status status = containerd::services::tasks::v1::RUNNING;
  };

  FakeContainerd() {
    char folder[] = "/tmp/berth-containerd-XXXXXX";
    if (!mkdtemp(folder)) std::abort();
    folder_ = folder;
  }
  ~FakeContainerd() {
    stop();
    std::filesystem::remove_all(folder_);
  }
  std::string address() const { return "unix:" + folder_ + "/sock"; }

  void start() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = false;
    }
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address(), grpc::InsecureServerCredentials());
    for (grpc::Service* each :
         std::initializer_list<grpc::Service*>{&containers_, &events_, &names_, &tasks_, &version_})
      builder.RegisterService(each);
    server_ = builder.BuildAndStart();
  }
  void stop() {
    if (!server_) return;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
    server_.reset();
  }

  void put(const std::string& space, const std::string& id, Container container) {
    const std::lock_guard lock(mutex_);
    all_[{space, id}] = std::move(container);
  }
  void remove(const std::string& space, const std::string& id) {
    const std::lock_guard lock(mutex_);
    all_.erase({space, id});
  }
  void event(const std::string& space, const std::string& topic, const std::string& id) {
    containerd::services::events::v1::OfContainer of;
    of.set_container_id(id);
    send(space, topic, of.SerializeAsString());
  }
  void end_streams() {
    const std::lock_guard lock(mutex_);
    for (Stream& each : streams_) each.end = true;
    wake_.notify_all();
  }
  // Asks for tasks of that container are answered by it.
  void on_task(std::function<void(const std::string& id, Container*)> hook) {
    const std::lock_guard lock(mutex_);
    on_task_ = std::move(hook);
  }
  // No call of that name is answered any more, until it is silent to another: "Get", "" to none.
  void be_silent(const std::string& call) {
    const std::lock_guard lock(mutex_);
    silent_ = call;
    wake_.notify_all();
  }
  int asked(const std::string& call) const {
    const std::lock_guard lock(mutex_);
    const auto found = asked_.find(call);
    return found == asked_.end() ? 0 : found->second;
  }
  std::vector<std::string> order() const {
    const std::lock_guard lock(mutex_);
    return order_;
  }

 private:
  using Status = grpc::Status;
  using Context = grpc::ServerContext;
  using Empty = google::protobuf::Empty;
  using Envelope = containerd::services::events::v1::Envelope;
  struct Stream {
    std::deque<Envelope> events;
    bool end = false;
  };

  Status begin(const std::string& call, Context* context) {
    std::unique_lock lock(mutex_);
    ++asked_[call];
    if (order_.size() < 100) order_.push_back(call);
    while (silent_ == call && !stopping_ && !context->IsCancelled()) wake_.wait_for(lock, std::chrono::milliseconds(5));
    return stopping_ ? Status(grpc::StatusCode::UNAVAILABLE, "stopping") : Status::OK;
  }
  static std::string space_of(Context* context) {
    const auto found = context->client_metadata().find("containerd-namespace");
    return found == context->client_metadata().end() ? "" : std::string(found->second.data(), found->second.size());
  }
  void send(const std::string& space, const std::string& topic, const std::string& value) {
    Envelope envelope;
    envelope.set_namespace_(space);
    envelope.set_topic(topic);
    envelope.mutable_event()->set_type_url("containerd.events.X");
    envelope.mutable_event()->set_value(value);
    const std::lock_guard lock(mutex_);
    for (Stream& each : streams_) each.events.push_back(envelope);
    wake_.notify_all();
  }
  static void fill(const std::string& id, const Container& from, containerd::services::containers::v1::Container* to) {
    to->set_id(id);
    to->mutable_created_at()->set_seconds(from.created);
    for (const auto& [key, value] : from.labels) (*to->mutable_labels())[key] = value;
  }

  struct Containers : containerd::services::containers::v1::Containers::Service {
    explicit Containers(FakeContainerd* the_fake) : fake(the_fake) {}
    Status Get(Context* context, const containerd::services::containers::v1::GetContainerRequest* request,
               containerd::services::containers::v1::GetContainerResponse* response) override {
      if (const Status begun = fake->begin("container", context); !begun.ok()) return begun;
      const std::lock_guard lock(fake->mutex_);
      const auto found = fake->all_.find({space_of(context), request->id()});
      if (found == fake->all_.end()) return {grpc::StatusCode::NOT_FOUND, "no such container"};
      fill(request->id(), found->second, response->mutable_container());
      return Status::OK;
    }
    Status ListStream(Context* context, const containerd::services::containers::v1::ListContainersRequest*,
                      grpc::ServerWriter<containerd::services::containers::v1::ListContainerMessage>* out) override {
      if (const Status begun = fake->begin("containers", context); !begun.ok()) return begun;
      std::map<std::pair<std::string, std::string>, Container> all;
      {
        const std::lock_guard lock(fake->mutex_);
        all = fake->all_;
      }
      for (const auto& [key, each] : all) {
        if (key.first != space_of(context)) continue;
        containerd::services::containers::v1::ListContainerMessage message;
        fill(key.second, each, message.mutable_container());
        out->Write(message);
      }
      return Status::OK;
    }
    FakeContainerd* fake;
  };
  struct Tasks : containerd::services::tasks::v1::Tasks::Service {
    explicit Tasks(FakeContainerd* the_fake) : fake(the_fake) {}
    Status Get(Context* context, const containerd::services::tasks::v1::GetRequest* request,
               containerd::services::tasks::v1::GetResponse* response) override {
      if (const Status begun = fake->begin("task", context); !begun.ok()) return begun;
      const std::lock_guard lock(fake->mutex_);
      const auto found = fake->all_.find({space_of(context), request->container_id()});
      if (found == fake->all_.end()) return {grpc::StatusCode::NOT_FOUND, "no such task"};
      if (fake->on_task_) fake->on_task_(request->container_id(), &found->second);
      if (found->second.pid == 0) return {grpc::StatusCode::NOT_FOUND, "no such task"};
      response->mutable_process()->set_pid(static_cast<std::uint32_t>(found->second.pid));
      response->mutable_process()->set_status(found->second.status);
      return Status::OK;
    }
    FakeContainerd* fake;
  };
  struct Names : containerd::services::namespaces::v1::Namespaces::Service {
    explicit Names(FakeContainerd* the_fake) : fake(the_fake) {}
    Status List(Context* context, const containerd::services::namespaces::v1::ListNamespacesRequest*,
                containerd::services::namespaces::v1::ListNamespacesResponse* response) override {
      if (const Status begun = fake->begin("namespaces", context); !begun.ok()) return begun;
      const std::lock_guard lock(fake->mutex_);
      std::string last;
      for (const auto& [key, each] : fake->all_)
        if (std::exchange(last, key.first) != key.first) response->add_namespaces()->set_name(key.first);
      return Status::OK;
    }
    FakeContainerd* fake;
  };
  struct Versions : containerd::services::version::v1::Version::Service {
    explicit Versions(FakeContainerd* the_fake) : fake(the_fake) {}
    Status Version(Context* context, const Empty*,
                   containerd::services::version::v1::VersionResponse* response) override {
      if (const Status begun = fake->begin("version", context); !begun.ok()) return begun;
      response->set_version("1.6.20");
      return Status::OK;
    }
    FakeContainerd* fake;
  };
  struct Events : containerd::services::events::v1::Events::Service {
    explicit Events(FakeContainerd* the_fake) : fake(the_fake) {}
    Status Publish(Context* context, const containerd::services::events::v1::PublishRequest* request, Empty*) override {
      if (const Status begun = fake->begin("publish", context); !begun.ok()) return begun;
      if (space_of(context).empty()) return {grpc::StatusCode::FAILED_PRECONDITION, "namespace is required"};
      fake->send(space_of(context), request->topic(), request->event().value());
      return Status::OK;
    }
    Status Subscribe(Context* context, const containerd::services::events::v1::SubscribeRequest*,
                     grpc::ServerWriter<Envelope>* out) override {
      if (const Status begun = fake->begin("subscribe", context); !begun.ok()) return begun;
      std::unique_lock lock(fake->mutex_);
      const auto stream = fake->streams_.emplace(fake->streams_.end());
      while (!fake->stopping_ && !stream->end && !context->IsCancelled()) {
        fake->wake_.wait_for(lock, std::chrono::milliseconds(5));
        auto events = std::exchange(stream->events, {});
        lock.unlock();
        for (const Envelope& each : events) out->Write(each);
        lock.lock();
      }
      fake->streams_.erase(stream);
      return {grpc::StatusCode::UNAVAILABLE, "the stream ended"};
    }
    FakeContainerd* fake;
  };

  std::string folder_, silent_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::map<std::pair<std::string, std::string>, Container> all_;
  std::map<std::string, int> asked_;
  std::vector<std::string> order_;
  std::function<void(const std::string&, Container*)> on_task_;
  std::list<Stream> streams_;
  Containers containers_{this};
  Events events_{this};
  Names names_{this};
  Tasks tasks_{this};
  Versions version_{this};
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace berth
