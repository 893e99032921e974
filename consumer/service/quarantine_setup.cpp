#include "service/quarantine_setup.h"

#include <algorithm>

#include "quarantine/quarantine_table.h"

namespace walpack {
namespace {

constexpr const char* kQuarantine = "quarantine";

bool is_wanted(const Config& config) {
    return config.on_error == kQuarantine ||
           std::ranges::any_of(config.table_on_error,
                               [](const auto& each) { return each.second == kQuarantine; });
}

}  // namespace

std::unique_ptr<Quarantine> set_up_quarantine(Connection& target, Progress& progress,
                                              const Config& config) {
    if (is_wanted(config)) {
        QuarantineTable::create(target);
    } else if (QuarantineTable(config.pipeline).figures(target).rows == 0) {
        return nullptr;
    }
    QuarantineOptions options;
    options.pipeline = config.pipeline;
    options.rows_max = config.quarantine_max_rows;
    options.takes_failed = [&config](const TableName& table) {
        const auto own = config.table_on_error.find(table);
        return (own == config.table_on_error.end() ? config.on_error : own->second) == kQuarantine;
    };
    return std::make_unique<Quarantine>(target, progress, std::move(options));
}

void connect_quarantine(Applier& applier, Quarantine& quarantine) {
    applier.set_on_refused_row(
        [&quarantine](const RefusedRow& row, Connection& session) {
            return quarantine.take(row, session);
        },
        [&quarantine](const RowChange& change, const RelationMapping& mapping) {
            return quarantine.must_wait(change, mapping);
        });
    TakenRows taken;
    taken.are_of = [&quarantine](const Truncate& truncate) {
        return quarantine.holds_rows_of(truncate);
    };
    taken.leaves_out = [&quarantine](const Relation& relation) {
        return quarantine.takes_failed(relation);
    };
    taken.give_up = [&quarantine](const Truncate& truncate, Connection& session) {
        quarantine.give_up_rows_of(truncate, session);
    };
    taken.are_of_table = [&quarantine](const TableName& table) {
        return quarantine.holds_rows_of(table);
    };
    taken.give_up_deleted = [&quarantine](const DeletedRows& deleted, Connection& session) {
        quarantine.give_up_deleted(deleted, session);
    };
    taken.has_news = [&quarantine] { return quarantine.has_news(); };
    taken.hold = [&quarantine](Connection& session) { quarantine.hold(session); };
    taken.begin_trial = [&quarantine] { quarantine.begin_trial(); };
    taken.look = [&quarantine](const std::function<void()>& settle) { quarantine.look(settle); };
    applier.set_taken_rows(std::move(taken));
}

}  // namespace walpack
