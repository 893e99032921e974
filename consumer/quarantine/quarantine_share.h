// What those share who put rows into quarantine by sessions of their own: the applying thread and
// the workers of the copy.
#pragma once

#include <atomic>
#include <cstdint>

namespace walpack {

struct QuarantineShare {
    // No row was ever given it, or a higher one.
    std::atomic<std::uint64_t> next_id{1};
    // The workers have committed rows, or given some up, since the applying thread read what is
    // held.
    std::atomic<bool> has_news{false};

    void raise_next_id(std::uint64_t id) {
        std::uint64_t known = next_id;
        while (known < id && !next_id.compare_exchange_weak(known, id)) {
        }
    }
};

}  // namespace walpack
