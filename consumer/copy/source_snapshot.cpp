#include "copy/source_snapshot.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/error.h"

namespace walpack {
namespace {

constexpr std::string_view kStandbyPrefix = "lsn:";
constexpr std::string_view kSettledSuffix = ":settled";
// Between the end of a WAL record and the start of the next one: padding, and the head of a page or
// of a segment (40 bytes). A small record before that one fits in as well; to doubt more is safe.
constexpr std::uint64_t kRecordGapMax = 64;

// Takes a number from the front of the text; nullopt when there is none.
std::optional<std::uint64_t> take_number(std::string_view& text) {
    std::uint64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    return number;
}

bool take(std::string_view& text, char expected) {
    if (text.empty() || text.front() != expected) return false;
    text.remove_prefix(1);
    return true;
}

// The xid with the epoch that brings it nearest to `near`. Before the first epoch there is nothing,
// so what would lie there is a transaction older than all.
std::uint64_t widened(std::uint32_t xid, std::uint64_t near) {
    const auto distance = static_cast<std::int32_t>(xid - static_cast<std::uint32_t>(near));
    const std::int64_t full = static_cast<std::int64_t>(near) + distance;
    return full < 0 ? 0 : static_cast<std::uint64_t>(full);
}

// Whether a snapshot with these bounds sees the transaction.
bool sees_full(std::uint64_t xid, std::uint64_t xmax, const std::vector<std::uint64_t>& running) {
    return xid < xmax && !std::ranges::binary_search(running, xid);
}

}  // namespace

std::optional<SourceSnapshot> SourceSnapshot::parse(std::string_view text) {
    if (text.starts_with(kStandbyPrefix)) {
        text.remove_prefix(kStandbyPrefix.size());
        const bool is_settled = text.ends_with(kSettledSuffix);
        if (is_settled) text.remove_suffix(kSettledSuffix.size());
        const auto replayed = Lsn::parse(text);
        if (!replayed || !replayed->is_valid()) return std::nullopt;
        SourceSnapshot snapshot = of_standby(*replayed);
        snapshot.next_is_unseen_ = is_settled;
        return snapshot;
    }
    SourceSnapshot snapshot;
    const auto xmin = take_number(text);
    if (!xmin || !take(text, ':')) return std::nullopt;
    const auto xmax = take_number(text);
    if (!xmax || !take(text, ':')) return std::nullopt;
    if (*xmin == 0 || *xmax == 0) return std::nullopt;
    // What a slot exports can end below its begin: the server raises the end only with commits that
    // it decodes, the begin with every look at what runs, and asks the begin first.
    snapshot.xmin_ = *xmin;
    snapshot.xmax_ = std::max(*xmin, *xmax);
    while (!text.empty()) {
        if (!snapshot.running_.empty() && !take(text, ',')) return std::nullopt;
        const auto xid = take_number(text);
        const std::uint64_t lowest =
            snapshot.running_.empty() ? snapshot.xmin_ : snapshot.running_.back() + 1;
        if (!xid || *xid < lowest || *xid >= snapshot.xmax_) return std::nullopt;
        snapshot.running_.push_back(*xid);
    }
    return snapshot;
}

SourceSnapshot SourceSnapshot::of_standby(Lsn replayed) {
    SourceSnapshot snapshot;
    snapshot.replayed_ = replayed;
    return snapshot;
}

bool SourceSnapshot::sees(std::uint32_t xid, Lsn end_lsn) const {
    if (is_of_standby()) return end_lsn <= replayed_;
    return sees_full(widened(xid, xmax_), xmax_, running_);
}

bool SourceSnapshot::is_doubtful(Lsn commit_lsn) const {
    return is_of_standby() && !next_is_unseen_ && commit_lsn >= replayed_ &&
           commit_lsn.value - replayed_.value <= kRecordGapMax;
}

bool SourceSnapshot::includes(const SourceSnapshot& other) const {
    if (is_of_standby() != other.is_of_standby()) {
        throw Error(ErrorKind::protocol,
                    "a snapshot of a standby cannot be compared with one of a primary")
            .hint("The copy began at the other kind of server; run \"walpack init\" anew.");
    }
    if (is_of_standby()) return replayed_ >= other.replayed_;
    const bool sees_one_of_ours = std::ranges::any_of(running_, [&other](std::uint64_t xid) {
        return sees_full(xid, other.xmax_, other.running_);
    });
    if (sees_one_of_ours) return false;
    if (other.xmax_ <= xmax_) return true;
    // What begins at our end must all be in progress for the other as well.
    const auto first = std::ranges::lower_bound(other.running_, xmax_);
    return static_cast<std::uint64_t>(other.running_.end() - first) == other.xmax_ - xmax_;
}

std::string SourceSnapshot::to_string() const {
    if (is_of_standby())
        return fmt::format("{}{}{}", kStandbyPrefix, replayed_.to_string(),
                           next_is_unseen_ ? kSettledSuffix : "");
    std::string text = fmt::format("{}:{}:", xmin_, xmax_);
    for (std::size_t index = 0; index < running_.size(); ++index) {
        text += fmt::format("{}{}", index == 0 ? "" : ",", running_[index]);
    }
    return text;
}

}  // namespace walpack
