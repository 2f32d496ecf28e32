// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "fpm_bridge/wire/codec.h"
#include "fpm_bridge/wire/frame.h"

namespace berth {
namespace {

TEST(FrameDecoder, FindsFramesHoweverTheBytesAreCut) {
  std::string stream;
  append_frame(stream, "one");
  append_frame(stream, std::string(kFrameMaxBody, 'x'));
  append_frame(stream, "three");
  for (const std::size_t piece : {1ul, 3ul, 7ul, 4096ul, stream.size()}) {
    FrameDecoder decoder;
    std::vector<std::size_t> sizes;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      decoder.feed({stream.data() + at, std::min(piece, stream.size() - at)});
      for (;;) {
        auto body = decoder.next();
        ASSERT_TRUE(body);
        if (!*body) break;
        sizes.push_back((*body)->size());
      }
    }
    EXPECT_EQ(sizes, (std::vector<std::size_t>{3, kFrameMaxBody, 5}));
  }
}

TEST(FrameDecoder, RefusesWhatIsNoFrame) {
  for (const std::string& bad : {std::string("\x02\x02\x00\x08", 4), std::string("\x01\x01", 2),
                                 std::string("\x01\x02\x00\x04", 4), std::string("\x01\x02\x00\x00", 4)}) {
    FrameDecoder decoder;
    decoder.feed(bad);
    EXPECT_FALSE(decoder.next());
  }
}

TEST(Codec, RefusesHalfAResult) {
  fpm::Result result;
  EXPECT_FALSE(decode(result));
  encode(*Prefix::parse("10.0.0.1/32"), result.mutable_prefix());
  result.set_kind(fpm::OBJECT_ROUTE);
  EXPECT_FALSE(decode(result));
  result.set_state(fpm::STATE_INSTALLED);
  ASSERT_TRUE(decode(result));
  EXPECT_EQ((*decode(result))->key.prefix.to_string(), "10.0.0.1/32");
  result.mutable_prefix()->set_length(33);
  EXPECT_FALSE(decode(result));
}

TEST(Codec, ShowsWhatItHasNoNameForAsItIs) {
  fpm::Result result;
  encode(*Prefix::parse("10.0.0.1/32"), result.mutable_prefix());
  result.set_kind(fpm::OBJECT_MARK);
  for (const int state : {fpm::State_MAX + 1, 77, 2147483647, -1}) {
    result.set_state(static_cast<fpm::State>(state));
    const auto answer = decode(result);
    ASSERT_TRUE(answer && *answer) << state;
    EXPECT_EQ((*answer)->state, RibState::Other);
    EXPECT_EQ((*answer)->reason, "state " + std::to_string(state) + " of a newer module");
  }
  for (int state = fpm::State_MIN + 1; state <= fpm::State_MAX; ++state) {
    result.set_state(static_cast<fpm::State>(state));
    EXPECT_NE((*decode(result))->state, RibState::Other) << state << " has a name";
  }
  result.set_kind(static_cast<fpm::ObjectKind>(fpm::ObjectKind_MAX + 1));
  ASSERT_TRUE(decode(result));
  EXPECT_FALSE(*decode(result)) << "a kind of object that this berthd has none of";
}

}  // namespace
}  // namespace berth
