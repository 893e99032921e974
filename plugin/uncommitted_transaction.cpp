#include "uncommitted_transaction.h"

namespace walpack::plugin {

UncommittedTransaction* find_uncommitted(const ReorderBufferTXN* top) {
    return static_cast<UncommittedTransaction*>(top->output_plugin_private);
}

UncommittedTransaction& uncommitted_of(ReorderBufferTXN* top, MemoryContext parent) {
    if (UncommittedTransaction* known = find_uncommitted(top)) return *known;

    MemoryContext context =
        AllocSetContextCreate(parent, "walpack transaction", ALLOCSET_SMALL_SIZES);
    auto* made = static_cast<UncommittedTransaction*>(
        MemoryContextAllocZero(context, sizeof(UncommittedTransaction)));
    made->context = context;

    HASHCTL control = {};
    control.keysize = sizeof(uint32_t);
    control.entrysize = sizeof(RelationDescription);
    control.hcxt = context;
    made->descriptions =
        hash_create("walpack descriptions", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
    top->output_plugin_private = made;
    return *made;
}

void forget_uncommitted(ReorderBufferTXN* top) {
    UncommittedTransaction* known = find_uncommitted(top);
    top->output_plugin_private = nullptr;
    if (known != nullptr) MemoryContextDelete(known->context);
}

RelationDescription& description_of(UncommittedTransaction& transaction, uint32_t relation_id) {
    bool is_known;
    auto* description = static_cast<RelationDescription*>(
        hash_search(transaction.descriptions, &relation_id, HASH_ENTER, &is_known));
    if (!is_known) *description = {relation_id, 0, 0};
    return *description;
}

}  // namespace walpack::plugin
