#include "copy/accepted_rows.h"

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/sqlstate.h"
#include "copy/copy_error.h"
#include "copy/copy_text.h"
#include "copy/source_rows.h"
#include "pg/error_kind.h"

namespace walpack {
namespace {

// Of a group. More would have more of them written twice for each refused one.
constexpr std::size_t kRowsMax = 1000;
constexpr std::size_t kBytesMax = 1 << 20;
// Of rows that may have been refused for want of another one.
constexpr std::size_t kLaterBytesMax = 16 << 20;

using Rows = std::span<const std::string>;

// Whether rows that come later may be what the row lacks: one that it references, or that a trigger
// looks for. A value never gets better.
bool may_heal(const std::string& sqlstate) {
    const bool is_of_value =
        sqlstate.empty() || sqlstate.starts_with("22") || sqlstate.starts_with("23");
    return sqlstate == kForeignKeyViolation || !is_of_value;
}

class AcceptedRows {
  public:
    AcceptedRows(const TableLoad& load, Connection& source, Connection& target,
                 const OnPiece& on_piece, const OnRefusedRow& on_refused)
        : load_(load),
          source_(source),
          target_(target),
          on_piece_(on_piece),
          on_refused_(on_refused),
          copy_in_sql_(copy_in_sql(*load.mapping)) {}

    LoadedRows run(const std::string& select, const StopRequest& stop) {
        source_.copy_out_begin(fmt::format("COPY ({}) TO STDOUT", select));
        while (const auto row = source_.copy_out_get()) {
            rows_.emplace_back(*row);
            bytes_ += row->size();
            if (rows_.size() < kRowsMax && bytes_ < kBytesMax) continue;
            stop.throw_if_requested();
            hand_on();
        }
        hand_on();
        while (try_later_ones(stop)) {
        }
        give_up_later_ones();
        return loaded_;
    }

  private:
    void hand_on() {
        if (rows_.empty()) return;
        write(rows_);
        loaded_.rows += rows_.size();
        loaded_.bytes += bytes_;
        on_piece_(rows_.size(), bytes_);
        rows_.clear();
        bytes_ = 0;
    }

    void write(Rows rows) {
        std::optional<RefusedCopyRow> refused = refused_of(rows);
        if (!refused) return;
        if (rows.size() == 1) return refuse(rows.front(), std::move(*refused));
        write(rows.first(rows.size() / 2));
        write(rows.subspan(rows.size() / 2));
    }

    void refuse(const std::string& row, RefusedCopyRow refused) {
        const bool has_room = later_bytes_ + row.size() <= kLaterBytesMax;
        if (may_heal(refused.sqlstate) && has_room) {
            later_bytes_ += row.size();
            later_.push_back({row, std::move(refused)});
            return;
        }
        refused.values = parse_copy_row(row);
        on_refused_(std::move(refused));
    }

    // Once more, all that are left over at once, as they may need one another. Whether some of them
    // were accepted, and some were not.
    bool try_later_ones(const StopRequest& stop) {
        if (later_.empty()) return false;
        stop.throw_if_requested();
        std::vector<std::string> rows;
        for (Later& each : later_) rows.push_back(std::move(each.row));
        later_.clear();
        later_bytes_ = 0;
        write(rows);
        return later_.size() < rows.size();
    }

    void give_up_later_ones() {
        for (Later& each : later_) {
            each.refused.values = parse_copy_row(each.row);
            on_refused_(std::move(each.refused));
        }
    }

    // What the target says against one of them, and then nothing of them is there.
    std::optional<RefusedCopyRow> refused_of(Rows rows) {
        target_.execute("SAVEPOINT walpack_rows");
        target_.copy_in_begin(copy_in_sql_);
        for (const std::string& row : rows) target_.copy_in_put(row);
        const Result result = target_.copy_in_end();
        std::optional<RefusedCopyRow> refused;
        if (result.kind() == ResultKind::error) {
            if (!is_about_values(row_error_kind_of(result))) throw row_error(result, "copy rows");
            refused.emplace(refusal(result.sqlstate(), result.primary_message(),
                                    result.constraint_name(), result.column_name()));
        } else if (result.affected_rows() != rows.size()) {
            // A trigger of the target diverts or suppresses rows.
            refused.emplace(
                refusal("", fmt::format("{} rows were stored", result.affected_rows()), "", ""));
        }
        if (refused) target_.execute("ROLLBACK TO SAVEPOINT walpack_rows");
        target_.execute("RELEASE SAVEPOINT walpack_rows");
        return refused;
    }

    RefusedCopyRow refusal(std::string sqlstate, std::string message, std::string constraint,
                           std::string column) const {
        return {load_,
                {},
                {},
                std::move(sqlstate),
                std::move(message),
                std::move(constraint),
                std::move(column)};
    }

    struct Later {
        std::string row;
        RefusedCopyRow refused;  // without its values
    };

    const TableLoad& load_;
    Connection& source_;
    Connection& target_;
    const OnPiece& on_piece_;
    const OnRefusedRow& on_refused_;
    const std::string copy_in_sql_;
    LoadedRows loaded_;
    std::vector<std::string> rows_;
    std::size_t bytes_ = 0;
    std::vector<Later> later_;
    std::size_t later_bytes_ = 0;
};

}  // namespace

LoadedRows load_accepted_rows(const TableLoad& load, const std::string& select, Connection& source,
                              Connection& target, const OnPiece& on_piece,
                              const OnRefusedRow& on_refused, const StopRequest& stop) {
    AcceptedRows rows(load, source, target, on_piece, on_refused);
    try {
        return rows.run(select, stop);
    } catch (const Error& error) {
        // The table's name is in that of a limit.
        if (error.kind() == ErrorKind::cancelled || error.kind() == ErrorKind::limit) throw;
        throw copy_error(*load.mapping, error);
    }
}

}  // namespace walpack
