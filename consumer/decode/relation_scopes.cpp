#include "decode/relation_scopes.h"

namespace walpack {

bool RelationScopes::enter(std::uint32_t xid) {
    auto found = own_.find(xid);
    if (found == own_.end()) {
        if (own_.size() == transactions_max_) return false;
        found = own_.emplace(xid, RelationMap(relations_max_)).first;
    }
    current_ = &found->second;
    entered_ = xid;
    return true;
}

void RelationScopes::leave() {
    current_ = &shared_;
    entered_.reset();
}

void RelationScopes::leave_for_good() {
    if (entered_) end(*entered_);
}

void RelationScopes::end(std::uint32_t xid) {
    if (entered_ == xid) leave();
    own_.erase(xid);
}

}  // namespace walpack
