#include "e2e/random_target.h"

#include <algorithm>
#include <array>

#include "e2e/random_faults.h"
#include "e2e/random_refusals.h"
#include "e2e/random_schema.h"

namespace walpack::e2e {
namespace {

// In pairs where one is of no use without the other.
const std::vector<std::vector<std::string>>& groups_of_tables() {
    static const std::vector<std::vector<std::string>> groups = {
        {"accounts", "vault"},
        {"bag"},
        {"full_key"},
        {"by_index"},
        {"swap"},
        {"toasted"},
        {"parent", "child"},
        {"part_1", "part_2"},
        {"journal"},
        {"\"Näme \"\"q\"\" 😀\""},
        {"everything"},
        {"large"},
        {"users", "orders"},
        {"plain"},
        {"stock"},
        {"refused"},
        {"narrow"},
        {"mark"},
    };
    return groups;
}

std::string key(const std::string& name, const std::string& value) {
    return name + " = " + value + "\n";
}
std::string boolean(bool is_true) {
    return is_true ? "true" : "false";
}

std::string with_patience(const std::string& conninfo) {
    return conninfo + " options='-c lock_timeout=2s -c statement_timeout=30s'";
}

}  // namespace

std::vector<TargetTraits> random_traits(Random& random) {
    using OfRefused = TargetTraits::OfRefused;
    std::vector<TargetTraits> traits(3);
    traits[0].of_refused = OfRefused::skip_transaction;
    traits[1].quarantines = true;
    traits[1].source_wins = random.chance(0.5);
    traits[2].quarantines = random.chance(0.5);
    traits[2].source_wins = true;
    if (!traits[2].quarantines)
        traits[2].of_refused = random.chance(0.5) ? OfRefused::keep : OfRefused::skip_transaction;
    traits[random.index(traits.size())].holds = true;
    TargetTraits& some = traits[random.index(traits.size())];
    for (const auto& group : groups_of_tables())
        if (group[0] != "mark" && random.chance(0.3)) some.lacks.insert(group.begin(), group.end());
    // These are for the other traits.
    for (const char* table : {"stock", "refused", "large", "users", "orders", "plain"})
        some.lacks.erase(table);
    for (std::size_t i = traits.size() - 1; i > 0; --i)
        std::swap(traits[i], traits[random.index(i + 1)]);
    return traits;
}

RandomTarget::RandomTarget(std::string name, std::string database, TargetTraits traits)
    : name_(std::move(name)),
      database_(std::move(database)),
      traits_(std::move(traits)),
      line_(target_cluster().port()),
      admin_(with_patience(target_cluster().conninfo("postgres"))),
      session_(with_patience(conninfo())) {
    admin_.execute("CREATE DATABASE " + database_);
    // So that the sessions of walpack find deadlocks before others do.
    admin_.execute("ALTER DATABASE " + database_ + " SET deadlock_timeout = '50ms'");
}

RandomTarget::~RandomTarget() {
    watcher_.reset();
    session_.disconnect();
    try {
        admin_.execute("DROP DATABASE IF EXISTS " + database_ + " WITH (FORCE)");
        if (disk_ != nullptr) admin_.execute("DROP TABLESPACE IF EXISTS narrow");
    } catch (const SqlError&) {
        // The test has failed, with the server away.
    }
}

std::string RandomTarget::conninfo() const {
    return target_cluster().conninfo(database_);
}

void RandomTarget::choose_settings(Random& random) {
    settings_ = key("apply_workers", random.chance(0.5) ? "1" : "3") +
                key("grouping", boolean(random.chance(0.8))) +
                key("batching", boolean(random.chance(0.8))) +
                key("coalescing", boolean(random.chance(0.8))) +
                key("group_rows_max", random.chance(0.3) ? "20" : "10000") +
                key("durable_interval", random.chance(0.5) ? "\"100ms\"" : "\"1s\"") +
                key("copy_chunk_bytes", random.chance(0.5) ? "65536" : "1048576");
}

std::string RandomTarget::entry() const {
    std::string text = "[[target]]\n" + key("name", toml_text(name_)) +
                       key("conninfo", toml_text(through(line_, database_))) + settings_;
    if (!traits_.lacks.empty()) {
        std::string tables;
        for (const auto& group : groups_of_tables())
            for (const std::string& table : group)
                if (has(table))
                    tables += (tables.empty() ? "" : ", ") + toml_text("public." + table);
        text += key("tables", "[" + tables + "]");
    }
    if (traits_.holds) text += key("hold_transaction_over_rows", std::to_string(kHeldRows));
    if (traits_.quarantines)
        text += key("on_error", "\"quarantine\"") + key("quarantine_max_rows", "1000000");
    text += "[target.table]\n";
    if (traits_.source_wins) text += key("\"public.stock\"", kSourceWins);
    if (traits_.of_refused == TargetTraits::OfRefused::keep)
        text += key("\"public.refused\"", "{ value = \"keep\" }");
    return text;
}

void RandomTarget::set_disk(SmallDisk& disk) {
    disk_ = &disk;
    admin_.execute("CREATE TABLESPACE narrow LOCATION " + literal(disk.folder()));
}

bool RandomTarget::is_copied(const std::string& pipeline) {
    return session_.value("SELECT copy_complete FROM walpack.progress WHERE pipeline = " +
                          literal(pipeline)) == "t";
}

bool RandomTarget::is_being_copied() {
    return session_.number("SELECT count(*) FROM walpack.copy_table WHERE state <> 'ready'") > 0;
}

void RandomTarget::settle() {
    std::string sql = kRefusingFunction;
    if (has("refused")) sql += "; ALTER TABLE refused ADD CONSTRAINT positive CHECK (id > 0)";
    if (disk_ != nullptr && has("narrow")) sql += "; ALTER TABLE narrow SET TABLESPACE narrow";
    session_.execute(sql);
    if (has("vault"))
        watcher_ = std::make_unique<Watcher>(conninfo(), kInvariantQuestion, kInvariantAnswer);
    is_settled_ = true;
}

std::optional<std::string> RandomTarget::clear() {
    is_settled_ = false;
    const auto wrong = stop_watching();
    session_.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    return wrong;
}

std::optional<std::string> RandomTarget::stop_watching() {
    if (!watcher_) return std::nullopt;
    const auto wrong = watcher_->stop();
    times_right_ += watcher_->times_right();
    watcher_.reset();
    return wrong;
}

std::int64_t RandomTarget::times_right() const {
    return times_right_ + (watcher_ ? watcher_->times_right() : 0);
}

std::string RandomTarget::difference_from(Session& source) {
    std::vector<TableName> tables = user_tables(source);
    std::erase_if(tables, [this](const TableName& table) {
        return traits_.lacks.contains(table.name) || traits_.lacks.contains(identifier(table.name));
    });
    return difference(source, session_, tables);
}

std::string RandomTarget::left_behind() {
    return session_.value(
        "SELECT string_agg(what, ', ') FROM (SELECT 'prepared ' || gid FROM pg_prepared_xacts "
        "UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname = 'walpack' "
        "UNION ALL SELECT 'origin ' || roname FROM pg_replication_origin WHERE roname LIKE "
        "'walpack%') AS left_behind (what)");
}

}  // namespace walpack::e2e
