// Whose relations a record names.
//
// A streamed transaction and a prepared one describe every relation that they use themselves, as
// only their own eyes see it, so each has a RelationMap of its own; all other transactions share
// one. A streamed transaction's map is left at the end of a block and taken up again with the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "decode/relation_map.h"

namespace walpack {

class RelationScopes {
  public:
    RelationScopes(std::size_t relations_max, std::size_t transactions_max)
        : relations_max_(relations_max),
          transactions_max_(transactions_max),
          shared_(relations_max),
          current_(&shared_) {}
    RelationScopes(const RelationScopes&) = delete;
    RelationScopes& operator=(const RelationScopes&) = delete;

    RelationMap& current() { return *current_; }
    bool is_shared() const { return current_ == &shared_; }

    // The transaction's own relations are meant until leave(). False when there are too many
    // transactions.
    [[nodiscard]] bool enter(std::uint32_t xid);
    // The shared relations are meant again.
    void leave();
    // The same, and the transaction that was entered last is over.
    void leave_for_good();
    // The transaction is over, whether it had relations or not.
    void end(std::uint32_t xid);

  private:
    std::size_t relations_max_;
    std::size_t transactions_max_;
    RelationMap shared_;
    std::unordered_map<std::uint32_t, RelationMap> own_;
    RelationMap* current_;  // shared_ or one of own_
    std::optional<std::uint32_t> entered_;
};

}  // namespace walpack
