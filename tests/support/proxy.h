// A TCP proxy between the consumer and a server, for faults of the line.
//
// Listens on loopback; one thread carries all connections. What is switched applies to bytes that
// arrive from then on.
#pragma once

#include <atomic>
#include <chrono>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "support/message_frames.h"

namespace walpack::e2e {

enum class Way { to_server, to_client };

class Proxy {
  public:
    // Connects each client to 127.0.0.1:`server_port`.
    explicit Proxy(int server_port);
    ~Proxy();
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;

    int port() const { return port_; }

    // Resets every connection; new ones are taken.
    void cut();
    // Nothing is carried any more, in either direction, and nothing is closed.
    void freeze(bool on) { is_frozen_ = on; }
    // As freeze(true), from the moment that a client sends these bytes, which are kept.
    void freeze_at(const std::string& bytes);
    bool is_frozen() const { return is_frozen_; }
    // Bytes per second, both directions and all connections together; 0 is unlimited.
    void limit(int bytes_per_second) { bytes_per_second_ = bytes_per_second; }
    // Bytes are carried so much later, as over a long line, those of all connections by turns.
    void delay(std::chrono::milliseconds by) { delay_ = by.count(); }
    // The next time the server's answer holds these bytes, the connection is reset in place of
    // handing the answer on: what was asked is done, and the client cannot know.
    void lose_answer(const std::string& bytes);
    bool has_lost_answer() const { return lost_answer_; }
    // Ends the connection that carries a certain message that way, counted from now on over all
    // connections together. What came before the cut arrives, and then the end of the stream, at
    // both ends. Clients must not ask for encryption.
    void end_at(Way way, CutPoint cut);
    // The same with silence in place of the end: the connection stays and carries nothing more,
    // while others live, until cut().
    void mute_at(Way way, CutPoint cut);
    bool has_met_cut() const { return has_met_cut_; }
    int connections();

  private:
    struct Link {
        int client = -1;
        int server = -1;
        std::string to_server;
        std::string to_client;
        bool is_ended = false;
        bool is_mute = false;
        bool is_to_end = false;  // once what is buffered was handed on
        MessageFrames client_frames{true};
        MessageFrames server_frames{false};
    };

    void run();
    void refill();
    void forget_ended(bool all);
    void carry_once();
    void accept_client();
    void carry(Link& link, short client_events, short server_events);
    bool read_into(int fd, std::string& buffer);
    bool write_from(int fd, std::string& buffer);
    bool answer_is_to_be_lost(const std::string& bytes);
    bool is_to_freeze(const std::string& bytes);
    void arm(Way way, CutPoint cut, bool is_silent);
    void look_for_cut(Link& link, Way way, std::size_t known);
    static void reset(Link& link);
    static void end(Link& link);

    int server_port_;
    int port_ = 0;
    int listener_ = -1;
    std::atomic<bool> is_stopping_{false};
    std::atomic<bool> is_frozen_{false};
    std::atomic<bool> cut_requested_{false};
    std::atomic<bool> lost_answer_{false};
    std::atomic<int> bytes_per_second_{0};
    std::atomic<std::int64_t> delay_{0};  // milliseconds
    double allowance_ = 0;                // bytes that the limit lets through now
    std::chrono::steady_clock::time_point refilled_;
    std::mutex mutex_;
    std::string answer_to_lose_;
    std::string freezing_request_;
    Way cut_way_ = Way::to_server;
    CutPoint cut_;
    bool cut_is_silent_ = false;
    std::atomic<bool> has_met_cut_{false};
    std::list<Link> links_;
    std::thread thread_;
};

}  // namespace walpack::e2e
