// Owner of a libpq connection: ordinary SQL, pipelines and COPY. Used by one thread at a time.
//
// The socket is non-blocking and every wait also watches a StopRequest, so no call outlives a
// requested stop: it throws Error(cancelled). A lost connection is Error(connection). A statement
// the server refused is an Error whose kind comes from its SQLSTATE and origin (error_kind.h). The
// DETAIL of the server is kept out, as it may hold row values.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/stop_request.h"
#include "pg/conninfo.h"
#include "pg/error_kind.h"
#include "pg/result.h"

struct pg_conn;

namespace walpack {

// Throws the Error for an error result. `doing` completes "could not ...".
[[noreturn]] void throw_result_error(const Result& result, const std::string& doing);

// Parameters of one statement, kept until the statement was sent; reused for the next one.
class Parameters {
  public:
    void clear();
    void add_null();
    void add_text(std::string_view text);
    void add_binary(std::string_view bytes);
    // The same without a copy: the bytes must stay until the statement was sent.
    void add_binary_view(std::string_view bytes);
    // Starts a binary parameter and returns the buffer to append it to; finish_binary() ends it.
    std::string& begin_binary();
    void finish_binary();
    int count() const { return static_cast<int>(entries_.size()); }

  private:
    friend class Connection;
    struct Entry {
        std::size_t offset = 0;
        int length = -1;  // -1 is NULL
        int format = 0;
        const char* elsewhere = nullptr;  // where the bytes are, when they are not ours
    };
    void point_at_values();
    std::size_t bytes() const { return bytes_.size() + bytes_elsewhere_; }

    std::string bytes_;  // each text parameter is followed by a zero byte
    std::size_t bytes_elsewhere_ = 0;
    std::vector<Entry> entries_;
    std::vector<const char*> values_;
    std::vector<int> lengths_;
    std::vector<int> formats_;
};

class Connection {
  public:
    // Connects; throws Error(connection), with the SQLSTATE if a server refused. `stop` must
    // outlive the connection. application_name is a default. From the start search_path is
    // pg_catalog and client_encoding UTF8. A refused login has the conninfo read again where it was
    // written (conninfo_origin.h).
    Connection(Conninfo conninfo, const StopRequest& stop, const std::string& application_name);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // --- one statement at a time; not inside a pipeline ---
    Result execute(const std::string& sql);
    // Parameters are text; nullopt is NULL.
    Result execute(const std::string& sql,
                   std::initializer_list<std::optional<std::string>> parameters) {
        return execute(sql, std::span(parameters.begin(), parameters.size()));
    }
    Result execute(const std::string& sql, std::span<const std::optional<std::string>> parameters);
    // What the server refused is returned, not thrown.
    Result execute_any(const std::string& sql);
    // From here on execute() with parameters prepares each text once, and the server plans it once,
    // for any parameters: for who asks the same few questions again and again.
    void keep_statements();
    // The single value of the first row, or nullopt when there is no row or it is NULL.
    std::optional<std::string> query_value(
        const std::string& sql, std::initializer_list<std::optional<std::string>> parameters = {});

    // --- pipeline mode: sends never wait for results; results come in the order of the sends ---
    void enter_pipeline();
    // Every result must have been read.
    void exit_pipeline();
    bool in_pipeline() const;
    void send_prepare(const std::string& name, const std::string& sql,
                      const std::vector<std::uint32_t>& type_oids);
    void send_prepared(const std::string& name, Parameters& parameters);
    void send_query(const std::string& sql, Parameters& parameters,
                    const std::vector<std::uint32_t>& type_oids = {});
    void send_sync();
    // Asks the server to hand out the results so far without ending the implicit transaction.
    void send_flush_request();
    // Pushes buffered output; reads input at the same time, so neither side can block the other for
    // ever.
    void flush();
    // The next result of a send, in order (send_sync gives one pipeline_sync). Error results are
    // returned, not thrown. Throws Error(connection) when the connection is lost, Error(cancelled)
    // on stop.
    Result next_result();
    // Whether next_result() would answer without waiting; takes in what the socket holds.
    bool result_is_ready();
    // Pushes what the socket takes without waiting; true when nothing is left.
    bool try_flush();
    // Bytes that libpq buffers and the socket did not take yet are bounded by flushing when this
    // many were queued.
    static constexpr std::size_t kUnflushedBytesMax = 256 * 1024;
    // For who calls try_flush() before each send, and bounds what he sends himself.
    std::size_t unflushed() const { return unflushed_; }
    void set_unflushed_max(std::size_t bytes) { unflushed_max_ = bytes; }

    // --- COPY; not inside a pipeline ---
    void copy_in_begin(const std::string& sql);
    // Waits only while libpq buffers more than may be unflushed.
    void copy_in_put(std::string_view bytes);
    // Ends the COPY (closing the connection instead abandons it). Returns the number of rows
    // copied. Throws what the server refused.
    std::uint64_t copy_in_finish();
    // The same, but what the server refused is returned, not thrown.
    Result copy_in_end();
    // The same without waiting. poll_result() gives the answer to the command, then the one to the
    // end of the rows: nullopt while it has not all arrived; error results are returned, not
    // thrown. An error amid the rows is told after their end.
    void send_copy_in(const std::string& sql);
    void send_copy_end();
    std::optional<Result> poll_result();
    // Until the server has sent something, or the socket takes more of what is buffered. One of
    // both must be due.
    void wait_for_server();
    void copy_out_begin(const std::string& sql);
    // The next piece (one row for text format), nullopt at the end. Valid until the next call.
    std::optional<std::string_view> copy_out_get();
    // How many rows the last COPY out had, once copy_out_get() gave nullopt.
    std::uint64_t copied_out() const { return copied_out_; }

    // A wait for the server that is silent for longer than `limit` ends as a lost connection; or,
    // with `on_silence`, with the error that it returns, or goes on if there is none. For commands
    // that have no reason to take long. Zero, the default, waits as long as the server is at work:
    // after tcp_user_timeout another session looks whether it is (silence.cpp).
    void limit_silence(std::chrono::milliseconds limit,
                       std::function<std::optional<Error>()> on_silence = {}) {
        silence_limit_ = limit;
        on_silence_ = std::move(on_silence);
    }

    int server_version() const;
    std::string parameter_status(const std::string& name) const;
    int backend_pid() const;
    int socket() const;
    // How long waits for the server took, all together.
    std::chrono::nanoseconds waited() const { return waited_; }
    // Asks the server to cancel what this connection runs; ignores failures. Any thread.
    void cancel() noexcept;
    // `conninfo` with the host and port, out of several, that this one has reached.
    Conninfo same_server(Conninfo conninfo) const;
    // Waits end with this one from now on, which must outlive the connection.
    void end_waits_with(const StopRequest& stop) { stop_ = &stop; }
    // Where it is connected to, without secrets.
    const std::string& description() const { return description_; }

  protected:
    // Until the socket is ready. Throws on a requested stop, and beyond the limit of silence.
    void wait(short events);
    Result collect(const std::string& doing);
    const std::string& prepare_kept(const std::string& sql);
    Result collect_any(const std::string& doing);  // an error of the server included
    // Without waiting: takes what has arrived of the results of a command, keeps the first error or
    // the last result; true when that is all.
    bool take_results(std::optional<Result>& kept);
    // As copy_out_get(), but never waits: nullopt when nothing has arrived. Throws
    // Error(connection) at the end.
    std::optional<std::string_view> copy_out_poll();
    [[noreturn]] void throw_lost(const std::string& doing) const;
    pg_conn* native() const { return connection_.get(); }

  private:
    class BlockingSend;
    struct Finish {
        void operator()(pg_conn* connection) const;
    };
    std::optional<Error> connect(Conninfo conninfo, const std::string& application_name);
    std::optional<Error> connect_once(Conninfo conninfo, const std::string& application_name);
    void set_up_session(std::chrono::seconds limit);
    void require_system(const ConninfoOrigin& origin);
    struct SilentLine;
    std::optional<Error> look_at_backend(short events, SilentLine& line);
    Error dead_line(const std::string& why) const;
    void count_unflushed(std::size_t bytes);
    void end_copy_in();
    void take_terminator();

    const StopRequest* stop_;
    std::string description_;
    Conninfo reached_;  // the server that answered
    std::chrono::milliseconds look_interval_{0};
    std::optional<std::string> backend_;  // pid and start, as the server has them
    std::unique_ptr<pg_conn, Finish> connection_;
    std::unique_ptr<char, void (*)(void*)> copy_buffer_;
    std::uint64_t copied_out_ = 0;
    std::optional<Result> polled_;  // see poll_result()
    std::size_t unflushed_ = 0;
    std::size_t unflushed_max_ = kUnflushedBytesMax;
    std::chrono::milliseconds silence_limit_{0};
    std::function<std::optional<Error>()> on_silence_;
    std::chrono::nanoseconds waited_{0};
    bool keeps_statements_ = false;
    std::map<std::string, std::string> kept_statements_;  // text -> name
    std::size_t kept_names_ = 0;
    bool result_open_ =
        false;  // in a pipeline: the current query's terminating NULL is still to be read
};

// A transaction block: rolls back (best effort) unless committed.
class Transaction {
  public:
    explicit Transaction(Connection& connection, const std::string& begin = "BEGIN");
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void commit();

  private:
    Connection& connection_;
    bool open_ = true;
};

}  // namespace walpack
