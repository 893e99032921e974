#include "copy/initial_copy.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "copy/chunk_load.h"
#include "copy/consistent_slot.h"
#include "copy/copy_catalog.h"
#include "copy/deferred_constraints.h"
#include "copy/rate_limit.h"
#include "copy/source_rows.h"
#include "copy/table_copy.h"
#include "copy/table_order.h"
#include "copy/target_rows.h"
#include "pg/primary.h"
#include "progress/progress.h"
#include "schema/catalog_query.h"
#include "schema/target_session.h"

namespace walpack {
namespace {

constexpr const char* kApplicationName = "walpack_copy";

// A foreign key may point at a partitioned table: then its partitions are what must be filled
// first. And it may be one of a partition alone.
constexpr const char* kReadReferences = R"(
SELECT DISTINCT c.oid, r.oid
FROM pg_catalog.unnest($1::pg_catalog.oid[]) r(oid)
JOIN pg_catalog.pg_constraint f ON f.contype = 'f'
    AND (f.confrelid = r.oid
         OR f.confrelid IN (SELECT a.relid FROM pg_catalog.pg_partition_ancestors(r.oid) a)
         OR f.confrelid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree(r.oid) t))
JOIN pg_catalog.unnest($1::pg_catalog.oid[]) c(oid) ON c.oid <> r.oid
    AND (f.conrelid = c.oid
         OR f.conrelid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree(c.oid) t)))";

// TRUNCATE and rewrites (CLUSTER, some ALTER TABLE) are not MVCC-safe: an older snapshot sees the
// new, emptied or copied file. The snapshot itself still knows which file it belongs to.
constexpr const char* kRewrittenTables = R"(
SELECT pg_catalog.string_agg(c.relname, ', ')
FROM pg_catalog.unnest($1::pg_catalog.oid[]) r(oid)
CROSS JOIN LATERAL (SELECT r.oid UNION SELECT t.relid FROM pg_catalog.pg_partition_tree(r.oid) t) m
JOIN pg_catalog.pg_class c ON c.oid = m.oid AND c.relkind = 'r'
WHERE c.relfilenode IS DISTINCT FROM pg_catalog.pg_relation_filenode(c.oid))";

constexpr int kSnapshotsMax = 20;

std::string oids_of(const std::vector<PublishedTable>& tables) {
    std::string oids;
    for (const PublishedTable& table : tables) {
        oids += (oids.empty() ? "" : ",") + std::to_string(table.relation->oid);
    }
    return oids;
}

class InitialCopy {
  public:
    InitialCopy(const InitialCopyOptions& options, Connection& target, Progress& progress,
                const StopRequest& stop)
        : options_(options),
          target_(target),
          progress_(progress),
          stop_(stop),
          rate_limit_(options.rate_limit),
          told_(options.progress, stop),
          source_(options.source, stop, kApplicationName) {}

    InitialCopyResult run() {
        require_primary(source_);
        session_ = set_up_target_session(target_);
        set_up_source_session(source_);
        match_client_encoding(source_, target_);
        const auto tables = read_published_tables(source_, options_.selection);
        warn_of_missing_identity(tables);
        const auto mappings = map_all(target_, tables);
        if (!options_.empties_tables) require_empty(target_, mappings);
        return copy_rows(tables);
    }

  private:
    InitialCopyResult copy_rows(std::vector<PublishedTable> tables) {
        const Lsn lsn = import_whole_snapshot(tables);
        Transaction transaction(target_);
        if (!session_.is_replica_role) target_.execute("SET CONSTRAINTS ALL DEFERRED");
        const std::vector<RelationMapping> mappings = map_all(target_, tables);
        options_.empties_tables ? empty_tables(target_, mappings, session_.is_replica_role)
                                : require_empty(target_, mappings);
        TakenCopyRows taken(options_.refused_rows);
        target_.execute("SAVEPOINT walpack_copy");
        InitialCopyResult result = load_all(tables, mappings, taken, lsn);
        source_.execute("COMMIT");
        told_.finish();  // before there is a lock that its session would wait for
        note_tables(tables);
        finish(result.lsn);
        transaction.commit();
        taken.note_committed();
        return result;
    }

    // Constraints that can be deferred are asked at the end, as there rows of all tables are. What
    // they refuse then has no name: so all is copied again, and they are asked table by table.
    InitialCopyResult load_all(const std::vector<PublishedTable>& tables,
                               const std::vector<RelationMapping>& mappings, TakenCopyRows& taken,
                               Lsn lsn) {
        const TableSequence order = order_of(mappings);
        for (const bool asks_each : {false, true}) {
            InitialCopyResult result{lsn};
            told_.plan(tables, source_);
            for (const std::size_t index : order.tables) {
                stop_.throw_if_requested();
                told_.begin(index);
                const TableCopyResult copied =
                    order.too_early.contains(index)
                        ? copy_table(tables[index], mappings[index], sessions_)
                        : copy_table(tables[index], mappings[index], sessions_,
                                     {taken, lsn, asks_each});
                ++result.tables;
                result.rows += copied.rows;
                result.bytes += copied.bytes;
            }
            const std::optional<Error> refusal = refusal_of_deferred(target_);
            if (!refusal) return result;
            const bool may_name_rows = options_.refused_rows != nullptr && order.too_early.empty();
            if (asks_each || !may_name_rows) throw *refusal;
            log::info("{}; all tables are copied again without such rows", refusal->message());
            target_.execute("ROLLBACK TO SAVEPOINT walpack_copy");
            taken.take_back();
        }
        return {};
    }

    // All of them are there: what is published later is found and copied beside the stream.
    void note_tables(const std::vector<PublishedTable>& tables) {
        lock_schema(target_);
        const CopyCatalog catalog(options_.progress.pipeline);
        catalog.create(target_);
        for (const PublishedTable& table : tables)
            catalog.add_table(target_, stored_table(table, TableState::ready));
    }

    // A snapshot whose tables still hold what it sees, and go on doing so: they are locked against
    // TRUNCATE and rewrites until the copy is done. Without that, a TRUNCATE between snapshot and
    // copy takes the rows away that earlier changes of the stream expect. The locks come second
    // because a slot waits for all open transactions, also for those that would wait for the locks;
    // they come at once, so that little can happen in between. `tables` are those known before,
    // and on return those of the snapshot.
    Lsn import_whole_snapshot(std::vector<PublishedTable>& tables) {
        for (int taken = 1; taken <= kSnapshotsMax; ++taken) {
            const Lsn lsn = import_snapshot();
            const std::string locked = oids_of(tables);
            lock(tables);
            const auto rewritten = source_.query_value(kRewrittenTables, {"{" + locked + "}"});
            tables = read_published_tables(source_, options_.selection);
            if (!rewritten && oids_of(tables) == locked) return lsn;
            source_.execute("ROLLBACK");
            log::info("tables changed while their snapshot was taken ({}); taking another one",
                      rewritten.value_or("another set of tables"));
        }
        throw Error(ErrorKind::connection,
                    "tables are truncated or rewritten faster than a snapshot can be taken");
    }

    void lock(const std::vector<PublishedTable>& tables) {
        std::string names;
        for (const PublishedTable& table : tables) {
            names += (names.empty() ? "" : ", ") + rows_of(table);
        }
        if (!names.empty()) source_.execute("LOCK TABLE " + names + " IN ACCESS SHARE MODE");
    }

    // The exported snapshot lives as long as the walsender does nothing else; once imported, it
    // lives with our transaction, and the temporary slot goes with its connection.
    Lsn import_snapshot() {
        log::info("waiting for a consistent snapshot of the source");
        const ConsistentSlot slot =
            open_consistent_slot(options_.source, source_, options_.progress.pipeline, stop_);
        source_.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
        source_.execute("SET TRANSACTION SNAPSHOT " + quote_literal(slot.created.snapshot_name));
        log::info("copying under the snapshot at {}", slot.created.consistent_point.to_string());
        return slot.created.consistent_point;
    }

    struct TableSequence {
        std::vector<std::size_t> tables;
        // Those that come before one that they reference, as there is a circle. What they refuse
        // may be right once that is there.
        std::set<std::size_t> too_early;
    };

    TableSequence order_of(const std::vector<RelationMapping>& mappings) {
        std::vector<std::uint32_t> oids;
        oids.reserve(mappings.size());
        for (const RelationMapping& mapping : mappings) oids.push_back(mapping.table->oid);
        References references;
        if (!session_.is_replica_role) {
            const Result result = target_.execute(kReadReferences, {array_literal(oids)});
            for (int row = 0; row < result.rows(); ++row) {
                references.emplace_back(oid_at(result, row, 0), oid_at(result, row, 1));
            }
        }
        TableSequence order{referenced_first(oids, references), {}};
        std::map<std::uint32_t, std::size_t> places;
        for (std::size_t place = 0; place < order.tables.size(); ++place)
            places[oids[order.tables[place]]] = place;
        for (const auto& [referencing, referenced] : references)
            if (places.at(referencing) < places.at(referenced))
                order.too_early.insert(order.tables[places.at(referencing)]);
        return order;
    }

    void finish(Lsn lsn) {
        progress_.complete_copy(lsn);
        target_.execute("SET LOCAL synchronous_commit = " + session_.durable_commit);
    }

    void note_piece(std::uint64_t rows, std::uint64_t bytes) {
        rate_limit_.take(bytes, stop_);
        told_.add(rows, bytes);
    }

    const InitialCopyOptions& options_;
    Connection& target_;
    Progress& progress_;
    const StopRequest& stop_;
    RateLimit rate_limit_;
    SnapshotProgress told_;
    Connection source_;
    const CopySessions sessions_{
        source_, target_, stop_,
        [this](std::uint64_t rows, std::uint64_t bytes) { note_piece(rows, bytes); },
        [this] { told_.restart(); }};
    TargetSession session_;
};

}  // namespace

InitialCopyResult run_initial_copy(const InitialCopyOptions& options, Connection& target,
                                   Progress& progress, const StopRequest& stop) {
    return InitialCopy(options, target, progress, stop).run();
}

}  // namespace walpack
