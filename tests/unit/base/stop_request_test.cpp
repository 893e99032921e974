#include "base/stop_request.h"

#include <gtest/gtest.h>
#include <poll.h>

#include "base/error.h"

namespace walpack {
namespace {

bool is_readable(int fd) {
    pollfd entry{fd, POLLIN, 0};
    return poll(&entry, 1, 0) == 1;
}

TEST(StopRequest, IsSilentUntilRequested) {
    const StopRequest stop;
    EXPECT_FALSE(stop.requested());
    EXPECT_FALSE(is_readable(stop.fd()));
    EXPECT_NO_THROW(stop.throw_if_requested());
}

TEST(StopRequest, IsVisibleToLoopsAndToPollOnceRequested) {
    StopRequest stop;
    stop.request();
    EXPECT_TRUE(stop.requested());
    EXPECT_TRUE(is_readable(stop.fd()));
}

TEST(StopRequest, ThrowsCancelledOnceRequested) {
    StopRequest stop;
    stop.request();
    try {
        stop.throw_if_requested();
        FAIL() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::cancelled);
    }
}

TEST(StopRequest, CanBeRequestedTwice) {
    StopRequest stop;
    stop.request();
    stop.request();
    EXPECT_TRUE(stop.requested());
}

}  // namespace
}  // namespace walpack
