#include "relation_cache.h"

namespace walpack::plugin {
namespace {

constexpr long kEntriesUnswept = 1024;
constexpr uint32_t kFreeIdsFirst = 1024;

RelationCache* live_cache = nullptr;

void forget_cache(void* cache) {
    if (live_cache == cache) live_cache = nullptr;
}

extern "C" void walpack_relation_changed(Datum, Oid relid) {
    if (live_cache == nullptr) return;
    if (!OidIsValid(relid)) {
        ++live_cache->generation;
        return;
    }
    auto* entry =
        static_cast<RelationEntry*>(hash_search(live_cache->entries, &relid, HASH_FIND, nullptr));
    if (entry != nullptr) entry->state = EntryState::kInvalid;
    /* Names, columns and publications of an ancestor can be those of its partitions. */
    if (hash_search(live_cache->ancestors, &relid, HASH_FIND, nullptr) != nullptr)
        ++live_cache->generation;
}

extern "C" void walpack_every_relation_changed(Datum, CatalogCacheId, uint32) {
    if (live_cache != nullptr) ++live_cache->generation;
}

extern "C" void walpack_publication_changed(Datum, CatalogCacheId, uint32) {
    if (live_cache == nullptr) return;
    ++live_cache->filter.invalidations;
    ++live_cache->generation;
}

extern "C" void walpack_type_changed(Datum, CatalogCacheId, uint32 hash) {
    if (live_cache == nullptr) return;
    if (hash == 0 || hash_search(live_cache->types, &hash, HASH_FIND, nullptr) != nullptr)
        ++live_cache->type_generation;
}

/* The hash is that of a label, which says nothing about its type; labels change seldom. */
extern "C" void walpack_label_changed(Datum, CatalogCacheId, uint32) {
    if (live_cache != nullptr) ++live_cache->type_generation;
}

/* The server has few slots for callbacks and no way to give one back: once per process. */
void register_invalidation_callbacks() {
    static bool is_registered = false;
    if (is_registered) return;
    CacheRegisterRelcacheCallback(walpack_relation_changed, 0);
    CacheRegisterSyscacheCallback(PUBLICATIONOID, walpack_publication_changed, 0);
    CacheRegisterSyscacheCallback(NAMESPACEOID, walpack_every_relation_changed, 0);
    CacheRegisterSyscacheCallback(TYPEOID, walpack_type_changed, 0);
    CacheRegisterSyscacheCallback(ENUMOID, walpack_label_changed, 0);
#if PG_VERSION_NUM >= 180000
    CacheRegisterRelSyncCallback(walpack_relation_changed, 0);
#else
    CacheRegisterSyscacheCallback(PUBLICATIONRELMAP, walpack_every_relation_changed, 0);
#if PG_VERSION_NUM >= 150000
    CacheRegisterSyscacheCallback(PUBLICATIONNAMESPACEMAP, walpack_every_relation_changed, 0);
#endif
#endif
    is_registered = true;
}

/* Built-in types do not change. */
void note_type(RelationCache& cache, RelationEntry& entry, Oid type) {
    if (type < FirstNormalObjectId) return;
    uint32 hash = GetSysCacheHashValue1(TYPEOID, ObjectIdGetDatum(type));
    hash_search(cache.types, &hash, HASH_ENTER, nullptr);
    entry.depends_on_types = true;
}

void note_dependencies(RelationCache& cache, RelationEntry& entry, const List* ancestors) {
    for (int index = 0; index < entry.column_count; ++index) {
        const TypeShape& shape = entry.columns[index].shape;
        note_type(cache, entry, shape.declared);
        note_type(cache, entry, shape.base);
        note_type(cache, entry, shape.element);
    }
    ListCell* cell;
    foreach (cell, ancestors) {
        const Oid ancestor = lfirst_oid(cell);
        hash_search(cache.ancestors, &ancestor, HASH_ENTER, nullptr);
    }
}

void build_entry(RelationCache& cache, RelationEntry& entry, Relation relation) {
    entry.state = EntryState::kBuilding;
    entry.generation = cache.generation;
    entry.type_generation = cache.type_generation;
    entry.content = 0;
    entry.depends_on_types = false;

    List* ancestors = NIL;
    build_relation_entry(entry, relation, cache.filter, cache.scratch, &ancestors);
    note_dependencies(cache, entry, ancestors);
    /* An invalidation that came meanwhile makes the next change build it again. */
    if (entry.state == EntryState::kBuilding) entry.state = EntryState::kValid;
}

void keep_free_id(RelationCache& cache, const FreeId& free) {
    if (cache.free_id_count == cache.free_id_room) {
        const uint32_t room = Max(2 * cache.free_id_room, kFreeIdsFirst);
        const Size bytes = sizeof(FreeId) * room;
        cache.free_ids = static_cast<FreeId*>(cache.free_ids == nullptr
                                                  ? MemoryContextAlloc(cache.context, bytes)
                                                  : repalloc(cache.free_ids, bytes));
        cache.free_id_room = room;
    }
    cache.free_ids[cache.free_id_count++] = free;
}

RelationEntry& find_or_add_entry(RelationCache& cache, Oid oid) {
    if (cache.last != nullptr && cache.last->oid == oid) return *cache.last;

    bool is_known;
    auto* entry =
        static_cast<RelationEntry*>(hash_search(cache.entries, &oid, HASH_ENTER, &is_known));
    if (!is_known) {
        memset(entry, 0, sizeof(*entry));
        entry->oid = oid;
        entry->state = EntryState::kInvalid;
        entry->context =
            AllocSetContextCreate(cache.context, "walpack relation", ALLOCSET_SMALL_SIZES);
        cache.is_sweep_due = hash_get_num_entries(cache.entries) > cache.entry_count_max;
    }
    cache.last = entry;
    return *entry;
}

}  // namespace

RelationCache* open_relation_cache(LogicalDecodingContext* ctx, MemoryContext parent,
                                   const List* publication_names) {
    MemoryContext context =
        AllocSetContextCreate(parent, "walpack relations", ALLOCSET_DEFAULT_SIZES);
    auto* cache =
        static_cast<RelationCache*>(MemoryContextAllocZero(context, sizeof(RelationCache)));
    cache->context = context;
    cache->filter = make_publication_filter(publication_names, context);

    HASHCTL control = {};
    control.keysize = sizeof(Oid);
    control.entrysize = sizeof(RelationEntry);
    control.hcxt = context;
    cache->entry_count_max = kEntriesUnswept;
    cache->entries =
        hash_create("walpack relations", 128, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

    control.keysize = sizeof(uint32);
    control.entrysize = sizeof(uint32);
    cache->types =
        hash_create("walpack types", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

    control.keysize = sizeof(Oid);
    control.entrysize = sizeof(Oid);
    cache->ancestors =
        hash_create("walpack ancestors", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

    MemoryContext caller = MemoryContextSwitchTo(context);
    cache->scratch = makeStringInfo();
    MemoryContextSwitchTo(caller);

    auto* on_reset = static_cast<MemoryContextCallback*>(
        MemoryContextAllocZero(ctx->context, sizeof(MemoryContextCallback)));
    on_reset->func = forget_cache;
    on_reset->arg = cache;
    MemoryContextRegisterResetCallback(ctx->context, on_reset);
    live_cache = cache;
    register_invalidation_callbacks();
    return cache;
}

/*
 * Entries that were invalidated and not looked up since are taken for dropped relations. One that
 * was not dropped is built again under a new id.
 */
void sweep_dropped_relations(RelationCache& cache) {
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, cache.entries);
    while (auto* entry = static_cast<RelationEntry*>(hash_seq_search(&scan))) {
        if (entry->state != EntryState::kInvalid) continue;
        if (entry->id != 0) keep_free_id(cache, {entry->id, entry->version});
        MemoryContextDelete(entry->context);
        hash_search(cache.entries, &entry->oid, HASH_REMOVE, nullptr);
    }
    cache.last = nullptr;
    cache.is_sweep_due = false;
    cache.entry_count_max = 2 * hash_get_num_entries(cache.entries) + kEntriesUnswept;
}

void take_id(RelationCache& cache, RelationEntry& entry) {
    if (cache.free_id_count == 0) {
        entry.id = ++cache.last_id;
        return;
    }
    const FreeId& free = cache.free_ids[--cache.free_id_count];
    entry.id = free.id;
    entry.version = free.version;
}

RelationEntry& look_up_relation(RelationCache& cache, Relation relation) {
    RelationEntry& entry = find_or_add_entry(cache, RelationGetRelid(relation));
    const bool is_current =
        entry.state == EntryState::kValid && entry.generation == cache.generation &&
        (!entry.depends_on_types || entry.type_generation == cache.type_generation);
    if (!is_current) build_entry(cache, entry, relation);
    return entry;
}

}  // namespace walpack::plugin
