// COPY in both directions, without blocking on the socket for longer than a stop request takes.
#include <utility>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include "base/check.h"
#include "pg/connection.h"

namespace walpack {

void Connection::copy_in_begin(const std::string& sql) {
    const Result result = execute(sql);
    if (result.kind() != ResultKind::copy_in) throw_result_error(result, "start a copy");
}

void Connection::copy_in_put(std::string_view bytes) {
    while (true) {
        const int state = PQputCopyData(native(), bytes.data(), static_cast<int>(bytes.size()));
        if (state == 1) break;
        if (state < 0) throw_lost("copying rows");
        wait(POLLIN | POLLOUT);
        if (PQconsumeInput(native()) == 0) throw_lost("copying rows");
    }
    count_unflushed(bytes.size());
}

void Connection::end_copy_in() {
    while (true) {
        const int state = PQputCopyEnd(native(), nullptr);
        if (state == 1) break;
        if (state < 0) throw_lost("ending a copy");
        wait(POLLIN | POLLOUT);
        if (PQconsumeInput(native()) == 0) throw_lost("ending a copy");
    }
}

std::uint64_t Connection::copy_in_finish() {
    end_copy_in();
    return collect("copy rows").affected_rows();
}

Result Connection::copy_in_end() {
    end_copy_in();
    return collect_any("copy rows");
}

void Connection::send_copy_in(const std::string& sql) {
    WALPACK_CHECK(!in_pipeline() && !polled_);
    if (PQsendQuery(native(), sql.c_str()) == 0) throw_lost("sending a command");
    count_unflushed(sql.size());
}

void Connection::send_copy_end() {
    end_copy_in();
    count_unflushed(1);  // whatever libpq has sent of it
}

std::optional<Result> Connection::poll_result() {
    try_flush();
    if (PQconsumeInput(native()) == 0) throw_lost("copying rows");
    if (!take_results(polled_)) return std::nullopt;
    if (!polled_) throw_lost("copying rows");
    if (polled_->kind() == ResultKind::error && polled_->sqlstate().empty())
        throw_lost("copying rows");
    return std::exchange(polled_, std::nullopt);
}

void Connection::wait_for_server() {
    wait(try_flush() ? POLLIN : POLLIN | POLLOUT);
    if (PQconsumeInput(native()) == 0) throw_lost("waiting for a result");
}

void Connection::copy_out_begin(const std::string& sql) {
    const Result result = execute(sql);
    if (result.kind() != ResultKind::copy_out) throw_result_error(result, "start a copy");
}

std::optional<std::string_view> Connection::copy_out_get() {
    while (true) {
        char* raw = nullptr;
        const int length = PQgetCopyData(native(), &raw, 1);
        copy_buffer_.reset(raw);
        if (length > 0) return std::string_view(raw, static_cast<std::size_t>(length));
        if (length == -1) {
            copied_out_ = collect("copy rows").affected_rows();
            return std::nullopt;
        }
        if (length < -1) throw_lost("copying rows");
        wait(POLLIN);
        if (PQconsumeInput(native()) == 0) throw_lost("copying rows");
    }
}

std::optional<std::string_view> Connection::copy_out_poll() {
    for (int attempt = 0; attempt < 2; ++attempt) {
        char* raw = nullptr;
        const int length = PQgetCopyData(native(), &raw, 1);
        copy_buffer_.reset(raw);
        if (length > 0) return std::string_view(raw, static_cast<std::size_t>(length));
        if (length == -1) {
            collect("receive the stream");
            throw Error(ErrorKind::connection, "the server ended the stream");
        }
        if (length < -1) throw_lost("receiving the stream");
        if (attempt == 0 && PQconsumeInput(native()) == 0) throw_lost("receiving the stream");
    }
    return std::nullopt;
}

}  // namespace walpack
