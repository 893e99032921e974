#include "sql_scope.h"

namespace walpack::sql {

namespace {

struct OwnScope {
    uint32_t xid;  // key of the hash table
    RelationMap relations;
};

static_assert(std::is_trivially_copyable_v<OwnScope>);

}  // namespace

RelationScopes::RelationScopes(MemoryContext parent)
    : context_(AllocSetContextCreate(parent, "walpack scopes", ALLOCSET_DEFAULT_SIZES)) {
    clear();
}

void RelationScopes::clear() {
    MemoryContextReset(context_);
    shared_ = static_cast<RelationMap*>(MemoryContextAlloc(context_, sizeof(RelationMap)));
    *shared_ = RelationMap(context_);
    HASHCTL control = {};
    control.keysize = sizeof(uint32_t);
    control.entrysize = sizeof(OwnScope);
    control.hcxt = context_;
    own_ = hash_create("walpack scopes", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
    leave();
}

void RelationScopes::enter(uint32_t xid) {
    // Made first: an error must not leave an entry that holds nothing.
    if (hash_search(own_, &xid, HASH_FIND, nullptr) == nullptr) {
        const OwnScope scope = {xid, RelationMap(context_)};
        *static_cast<OwnScope*>(hash_search(own_, &xid, HASH_ENTER, nullptr)) = scope;
    }
    entered_ = xid;
    current_ = &static_cast<OwnScope*>(hash_search(own_, &xid, HASH_FIND, nullptr))->relations;
}

void RelationScopes::end(uint32_t xid) {
    auto* scope = static_cast<OwnScope*>(hash_search(own_, &xid, HASH_FIND, nullptr));
    if (scope == nullptr) {
        return;
    }
    if (current_ == &scope->relations) {
        leave();
    }
    scope->relations.drop();
    hash_search(own_, &xid, HASH_REMOVE, nullptr);
}

void RelationScopes::end_current() {
    if (current_ != shared_) {
        end(entered_);
    }
}

}  // namespace walpack::sql
