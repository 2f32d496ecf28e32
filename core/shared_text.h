// SPDX-License-Identifier: GPL-2.0-or-later
//
// A text that never changes and that many hold: the id of a container stands in a dozen tables, and ten thousand containers
// have the same network. A copy costs one pointer and one count. Any thread may copy and destroy; one object is written by one
// thread at a time, as with std::string.
#pragma once

#include <atomic>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace berth {

class SharedText {
 public:
  SharedText() = default;
  SharedText(std::string_view text) : block_(Block::make(text)) {}
  SharedText(const std::string& text) : SharedText(std::string_view(text)) {}
  SharedText(const char* text) : SharedText(std::string_view(text)) {}
  SharedText(const SharedText& other) noexcept : block_(other.block_) {
    if (block_) block_->holders.fetch_add(1, std::memory_order_relaxed);
  }
  SharedText(SharedText&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  SharedText& operator=(SharedText other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~SharedText() {
    if (block_ && block_->holders.fetch_sub(1, std::memory_order_acq_rel) == 1) ::operator delete(block_);
  }

  std::string_view view() const { return block_ ? std::string_view(block_->text(), block_->size) : std::string_view(); }
  operator std::string_view() const { return view(); }
  operator std::string() const { return std::string(view()); }
  std::string str() const { return std::string(view()); }
  bool empty() const { return !block_; }
  std::size_t size() const { return block_ ? block_->size : 0; }

  friend bool operator==(const SharedText& a, const SharedText& b) {
    return a.block_ == b.block_ || a.view() == b.view();
  }
  template <class Text>
    requires std::convertible_to<const Text&, std::string_view>
  friend bool operator==(const SharedText& a, const Text& b) {
    return a.view() == std::string_view(b);
  }
  friend std::strong_ordering operator<=>(const SharedText& a, const SharedText& b) {
    return a.block_ == b.block_ ? std::strong_ordering::equal : a.view() <=> b.view();
  }
  template <class Text>
    requires std::convertible_to<const Text&, std::string_view>
  friend std::strong_ordering operator<=>(const SharedText& a, const Text& b) {
    return a.view() <=> std::string_view(b);
  }
  friend std::string operator+(std::string a, const SharedText& b) { return a.append(b.view()); }
  friend std::string operator+(const SharedText& a, std::string_view b) { return a.str().append(b); }

 private:
  // The text follows it, in the same piece of memory.
  struct Block {
    explicit Block(std::uint32_t length) : size(length) {}
    static Block* make(std::string_view text) {
      if (text.empty()) return nullptr;
      auto* block = new (::operator new(sizeof(Block) + text.size())) Block(static_cast<std::uint32_t>(text.size()));
      std::memcpy(block->text(), text.data(), text.size());
      return block;
    }
    char* text() { return reinterpret_cast<char*>(this + 1); }
    std::atomic<std::uint32_t> holders = 1;
    const std::uint32_t size;  // of texts of the outside world, which are bounded far below 4 GiB
  };
  Block* block_ = nullptr;
};

}  // namespace berth

template <>
struct std::hash<berth::SharedText> {
  std::size_t operator()(const berth::SharedText& text) const { return std::hash<std::string_view>()(text.view()); }
};
