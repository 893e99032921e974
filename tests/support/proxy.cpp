#include "support/proxy.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace walpack::e2e {
namespace {

constexpr std::size_t kBufferMax = 1 << 16;
constexpr int kTickMilliseconds = 5;

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void make_prompt(int fd) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

}  // namespace

Proxy::Proxy(int server_port) : server_port_(server_port) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        listen(listener_, 20) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
        throw std::runtime_error("the proxy cannot listen");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
}

Proxy::~Proxy() {
    is_stopping_ = true;
    thread_.join();
    for (Link& link : links_) reset(link);
    close(listener_);
}

void Proxy::cut() {
    cut_requested_ = true;
    while (cut_requested_) std::this_thread::yield();
}

void Proxy::lose_answer(const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    lost_answer_ = false;
    answer_to_lose_ = bytes;
}

void Proxy::freeze_at(const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    freezing_request_ = bytes;
}

void Proxy::arm(Way way, CutPoint cut, bool is_silent) {
    const std::lock_guard lock(mutex_);
    cut_way_ = way;
    cut_ = cut;
    cut_is_silent_ = is_silent;
    has_met_cut_ = false;
}

void Proxy::end_at(Way way, CutPoint cut) {
    arm(way, cut, false);
}

void Proxy::mute_at(Way way, CutPoint cut) {
    arm(way, cut, true);
}

int Proxy::connections() {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(links_.size());
}

// A reset, not an orderly end: the peer learns of it at its next read.
void Proxy::reset(Link& link) {
    const linger at_once{1, 0};
    for (const int fd : {link.client, link.server}) {
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(fd);
    }
    link.is_ended = true;
}

// In order: what was written before arrives.
void Proxy::end(Link& link) {
    close(link.client);
    close(link.server);
    link.is_ended = true;
}

void Proxy::accept_client() {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(server_port_);
    if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        close(server);
        close(client);
        return;
    }
    make_prompt(client);
    make_prompt(server);
    const std::lock_guard lock(mutex_);
    Link& link = links_.emplace_back();
    link.client = client;
    link.server = server;
}

bool Proxy::read_into(int fd, std::string& buffer) {
    std::size_t room = kBufferMax - std::min(kBufferMax, buffer.size());
    if (bytes_per_second_ > 0) room = std::min(room, static_cast<std::size_t>(allowance_));
    if (room == 0) return true;
    const std::size_t before = buffer.size();
    buffer.resize(before + room);
    const ssize_t got = recv(fd, buffer.data() + before, room, 0);
    buffer.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got > 0) allowance_ -= static_cast<double>(got);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

bool Proxy::write_from(int fd, std::string& buffer) {
    if (buffer.empty()) return true;
    const ssize_t sent = send(fd, buffer.data(), buffer.size(), MSG_NOSIGNAL);
    if (sent > 0) buffer.erase(0, static_cast<std::size_t>(sent));
    return sent > 0 || errno == EAGAIN || errno == EINTR;
}

bool Proxy::answer_is_to_be_lost(const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    if (answer_to_lose_.empty() || bytes.find(answer_to_lose_) == std::string::npos) return false;
    answer_to_lose_.clear();
    lost_answer_ = true;
    return true;
}

bool Proxy::is_to_freeze(const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    if (freezing_request_.empty() || bytes.find(freezing_request_) == std::string::npos)
        return false;
    freezing_request_.clear();
    is_frozen_ = true;
    return true;
}

// The bytes behind `known` have just come.
void Proxy::look_for_cut(Link& link, Way way, std::size_t known) {
    const std::lock_guard lock(mutex_);
    std::string& buffer = way == Way::to_server ? link.to_server : link.to_client;
    MessageFrames& frames = way == Way::to_server ? link.client_frames : link.server_frames;
    CutPoint none;
    CutPoint& cut = way == cut_way_ ? cut_ : none;
    const auto bytes = frames.advance(std::string_view(buffer).substr(known), cut);
    if (!bytes) return;
    buffer.resize(known + *bytes);
    has_met_cut_ = true;
    (cut_is_silent_ ? link.is_mute : link.is_to_end) = true;
}

void Proxy::carry(Link& link, short client_events, short server_events) {
    constexpr short kReadable = POLLIN | POLLHUP | POLLERR;
    bool is_alive = true;
    if ((client_events & kReadable) != 0) {
        const std::size_t known = link.to_server.size();
        is_alive = read_into(link.client, link.to_server);
        look_for_cut(link, Way::to_server, known);
    }
    if (is_to_freeze(link.to_server)) return;
    if (is_alive && (server_events & kReadable) != 0) {
        const std::size_t known = link.to_client.size();
        is_alive = read_into(link.server, link.to_client);
        if (answer_is_to_be_lost(link.to_client)) return reset(link);
        look_for_cut(link, Way::to_client, known);
    }
    // What one side said before it ended still reaches the other.
    const bool reaches =
        write_from(link.server, link.to_server) && write_from(link.client, link.to_client);
    if (!is_alive || !reaches) return reset(link);
    if (link.is_to_end && link.to_server.empty() && link.to_client.empty()) end(link);
}

void Proxy::refill() {
    const auto now = std::chrono::steady_clock::now();
    const double limit = bytes_per_second_;
    allowance_ += limit * std::chrono::duration<double>(now - refilled_).count();
    allowance_ = std::min(allowance_, std::max(limit / 10, 1024.0));
    refilled_ = now;
}

void Proxy::forget_ended(bool all) {
    const std::lock_guard lock(mutex_);
    for (Link& link : links_) {
        if (all && !link.is_ended) reset(link);
    }
    std::erase_if(links_, [](const Link& link) { return link.is_ended; });
}

void Proxy::carry_once() {
    const bool is_starved = bytes_per_second_ > 0 && allowance_ < 1;
    const short in = is_starved ? 0 : POLLIN;
    std::vector<pollfd> fds{{listener_, POLLIN, 0}};
    const auto watch = [&](const Link& link, int fd, const std::string& to_write,
                           const std::string& to_fill) {
        const bool takes_more = !link.is_mute && !link.is_to_end && to_fill.size() < kBufferMax;
        const int events = (takes_more ? in : 0) | (to_write.empty() ? 0 : POLLOUT);
        fds.push_back({is_frozen_ || events == 0 ? -1 : fd, static_cast<short>(events), 0});
    };
    for (const Link& link : links_) {
        watch(link, link.client, link.to_client, link.to_server);
        watch(link, link.server, link.to_server, link.to_client);
    }
    poll(fds.data(), fds.size(), kTickMilliseconds);
    if (delay_ > 0) std::this_thread::sleep_for(std::chrono::milliseconds(delay_));
    std::size_t next = 1;
    for (Link& link : links_) {
        const short client_events = fds[next].revents;
        const short server_events = fds[next + 1].revents;
        next += 2;
        if ((client_events | server_events) != 0) carry(link, client_events, server_events);
    }
    if (fds[0].revents != 0) accept_client();
}

void Proxy::run() {
    refilled_ = std::chrono::steady_clock::now();
    while (!is_stopping_) {
        refill();
        const bool cut_now = cut_requested_;
        forget_ended(cut_now);
        if (cut_now) cut_requested_ = false;
        carry_once();
    }
}

}  // namespace walpack::e2e
