#include "apply/apply_session.h"

#include <algorithm>
#include <limits>
#include <variant>

#include "base/big_endian.h"
#include "base/check.h"
#include "base/text.h"
#include "model/value_text.h"

namespace walpack {
namespace {

constexpr std::size_t kPreparedStatementsMax = 500;

// Larger statements gain nothing more for inserts; for the others sorted keys do better the more
// there are.
constexpr std::size_t kInsertRowsMax = 1000;
constexpr std::size_t kOtherRowsMax = 10'000;
constexpr std::size_t kBatchBytesMax = 1 << 20;
// The arrays of inserts should stay in the processor's cache, from receiving them to the last row.
constexpr std::size_t kInsertBytesMax = 64 << 10;

// Below both, arrays cost the target less: three round trips, the check behind it, and what COPY
// sets up with its first thousand rows.
constexpr std::size_t kCopyRowsMin = 3000;
constexpr std::size_t kCopyBytesMin = 512 << 10;
constexpr std::size_t kCopyPieceBytes = 64 << 10;

// Dimensions, flags, element type, and length and lower bound of the dimension: see array_recv().
constexpr std::size_t kArrayHeadBytes = 20;

std::size_t rows_max(BatchKind kind) {
    return kind == BatchKind::insert ? kInsertRowsMax : kOtherRowsMax;
}

std::size_t bytes_max(BatchKind kind) {
    return kind == BatchKind::insert ? kInsertBytesMax : kBatchBytesMax;
}

bool is_copied(const Batch& batch) {
    if (batch.statement->copy_sql.empty()) return false;
    if (batch.rows.size() >= kCopyRowsMin) return true;
    std::size_t bytes = 0;
    for (const Slice& row : batch.rows) bytes += row.length;
    return bytes >= kCopyBytesMin;
}

void write_array_head(std::string& array, bool has_null, std::uint32_t element_oid,
                      std::size_t rows) {
    store_big_endian(array.data(), std::int32_t{1});
    store_big_endian(array.data() + 4, std::int32_t{has_null ? 1 : 0});
    store_big_endian(array.data() + 8, element_oid);
    store_big_endian(array.data() + 12, static_cast<std::int32_t>(rows));
    store_big_endian(array.data() + 16, std::int32_t{1});
}

void append_element(const BatchParameter& parameter, const Cell& cell, std::string& array) {
    if (parameter.array == nullptr || cell.is_null()) {
        array += cell.whole;
        return;
    }
    Value value;
    value.form = Value::Form::bytes;
    value.bytes = cell.bytes();
    const std::optional<std::string> text = to_text(*parameter.array, value);
    WALPACK_CHECK(text);  // see batch_forms()
    array.append(Cell::kHeadBytes, '\0');
    store_big_endian(array.data() + array.size() - Cell::kHeadBytes,
                     static_cast<std::int32_t>(text->size()));
    array += *text;
}

void add_parameter(const Cell& cell, CellForm form, Parameters& out) {
    WALPACK_CHECK(!cell.is_unchanged());
    if (cell.is_null()) return out.add_null();
    form == CellForm::text ? out.add_text(cell.bytes()) : out.add_binary_view(cell.bytes());
}

}  // namespace

ApplySession::ApplySession(std::unique_ptr<Connection> target, const Progress& progress,
                           InFlight::Limits limits, InFlight::Judge judge)
    : target_(std::move(target)),
      settings_(set_up_row_session(*target_)),
      in_flight_(*target_, limits, std::move(judge)),
      statements_(in_flight_, kPreparedStatementsMax),
      transaction_(in_flight_, progress, settings_),
      copy_(*target_, in_flight_) {
    target_->set_unflushed_max(limits.bytes_max);
}

std::unique_ptr<Connection> ApplySession::release() {
    if (copy_.is_open()) return nullptr;
    if (!in_flight_.is_abandoned()) in_flight_.abandon();
    target_->limit_silence(std::chrono::milliseconds(0));
    target_->execute("DEALLOCATE ALL");
    return std::move(target_);
}

void ApplySession::set_client_encoding(const std::string& encoding) {
    in_flight_.send_command("SET client_encoding = " + quote_literal(encoding), "set the encoding");
    in_flight_.send_sync();
}

void ApplySession::add(Step step, Lsn commit_lsn, bool is_checked) {
    const auto* batch = std::get_if<Batch>(&step);
    if (!std::holds_alternative<CommandStep>(step))
        counts_.rows += batch == nullptr ? 1 : batch->rows.size();
    waiting_.push_back({std::move(step), commit_lsn, is_checked});
}

void ApplySession::pump() {
    while (!is_all_sent() && (copying_ || in_flight_.has_room())) {
        if (!send_next()) return;
    }
    if (is_all_sent()) {
        in_flight_.request_outstanding();
        target_->try_flush();
    }
}

void ApplySession::send_all() {
    while (!is_all_sent()) {
        if (!send_next()) copy_.wait();
        if (target_->unflushed() > Connection::kUnflushedBytesMax) in_flight_.flush();
    }
}

bool ApplySession::send_next() {
    if (copying_) return send_copied();
    WaitingStep& waiting = waiting_.front();
    is_checked_ = waiting.is_checked;
    const bool is_sent =
        std::visit([&](auto& step) { return send_step(step, waiting); }, waiting.step);
    if (is_sent) waiting_.pop_front();
    return true;
}

bool ApplySession::send_copied() {
    if (copying_->is_at_end()) {
        if (!copy_.is_over()) return false;
        end_copy();
        return true;
    }
    if (!copy_.takes_bytes()) return false;
    copy_.put(copying_->next(kCopyPieceBytes));
    if (copying_->is_at_end()) copy_.end(copying_->batch().rows.size());
    return true;
}

void ApplySession::begin_copy(Batch batch, Lsn commit_lsn) {
    SentStatement sent;
    sent.expected = Expected::batch_rows;
    sent.doing = "apply changes";
    sent.batch = batch.statement;
    sent.batch_rows = batch.rows.size();
    sent.commit_lsn = commit_lsn;
    copy_.begin(batch.statement->copy_sql, std::move(sent));
    ++counts_.statements;
    ++counts_.batches;
    counts_.batch_rows += batch.rows.size();
    copying_.emplace(std::move(batch));
    copying_lsn_ = commit_lsn;
}

void ApplySession::end_copy() {
    const std::shared_ptr<const BatchStatement>& statement = copying_->batch().statement;
    SentStatement sent;
    sent.expected = Expected::same_table;
    sent.doing = "compare a table";
    sent.relation = statement->single->mapping->relation;
    sent.commit_lsn = copying_lsn_;
    parameters_.clear();
    in_flight_.send_prepared(statements_.name_of_copy_check(statement), parameters_,
                             std::move(sent));
    copying_.reset();
}

bool ApplySession::send_step(Batch& batch, WaitingStep& waiting) {
    if (batch.is_sent_by_row()) {
        send_rows(batch, waiting.commit_lsn);
        return true;
    }
    if (is_copied(batch)) {
        begin_copy(std::move(batch), waiting.commit_lsn);
        return true;
    }
    waiting.sent_rows += send_batch(batch, waiting.sent_rows, waiting.commit_lsn);
    return waiting.sent_rows == batch.rows.size();
}

// Puts rows from `first` on into the arrays, as many as a statement takes; returns how many.
std::size_t ApplySession::gather(const Batch& batch, std::size_t first) {
    const BatchStatement& statement = *batch.statement;
    columns_.resize(std::max(columns_.size(), statement.parameters.size()));
    parameter_of_cell_.clear();
    for (std::size_t i = 0; i < statement.parameters.size(); ++i) {
        const std::size_t cell = statement.parameters[i].cell;
        if (parameter_of_cell_.size() <= cell) parameter_of_cell_.resize(cell + 1, -1);
        WALPACK_CHECK(parameter_of_cell_[cell] < 0);
        parameter_of_cell_[cell] = static_cast<int>(i);
        columns_[i].bytes.assign(kArrayHeadBytes, '\0');
        columns_[i].has_null = false;
    }
    const bool is_whole = batch.keeps_together();
    const std::size_t last = is_whole
                                 ? batch.rows.size()
                                 : std::min(batch.rows.size(), first + rows_max(statement.kind));
    const std::size_t most =
        is_whole ? std::numeric_limits<std::size_t>::max() : bytes_max(statement.kind);
    std::size_t bytes = 0;
    std::size_t row = first;
    for (; row < last && bytes < most; ++row) {
        CellReader reader(batch.row(row));
        for (const int parameter : parameter_of_cell_) {
            const Cell cell = reader.next();
            if (parameter < 0) continue;
            WALPACK_CHECK(!cell.is_unchanged());
            ArrayColumn& column = columns_[static_cast<std::size_t>(parameter)];
            append_element(statement.parameters[static_cast<std::size_t>(parameter)], cell,
                           column.bytes);
            column.has_null = column.has_null || cell.is_null();
        }
        bytes += batch.rows[row].length;
    }
    return row - first;
}

std::size_t ApplySession::send_batch(const Batch& batch, std::size_t first, Lsn commit_lsn) {
    const BatchStatement& statement = *batch.statement;
    const std::size_t rows = gather(batch, first);
    parameters_.clear();
    SentStatement sent;
    for (std::size_t i = 0; i < statement.parameters.size(); ++i) {
        ArrayColumn& column = columns_[i];
        write_array_head(column.bytes, column.has_null, statement.parameters[i].element_oid, rows);
        parameters_.add_binary_view(column.bytes);
        sent.bytes += column.bytes.size();
    }
    sent.expected = Expected::batch_rows;
    sent.doing = "apply changes";
    sent.batch = batch.statement;
    sent.batch_rows = rows;
    sent.commit_lsn = commit_lsn;
    if (statement.finds_whole_rows) {
        in_flight_.send_command("SET LOCAL enable_hashjoin = on", "set how rows are found");
        in_flight_.send_unprepared(statement.sql, statement.type_oids, parameters_,
                                   std::move(sent));
        in_flight_.send_command("SET LOCAL enable_hashjoin = off", "set how rows are found");
    } else if (statement.kind == BatchKind::insert) {
        const std::string& name = statements_.name_of(batch.statement);
        in_flight_.send_prepared(name, parameters_, std::move(sent));
    } else {
        in_flight_.send_unprepared(statement.sql, statement.type_oids, parameters_,
                                   std::move(sent));
    }
    ++counts_.statements;
    ++counts_.batches;
    counts_.batch_rows += rows;
    return rows;
}

void ApplySession::send_rows(const Batch& batch, Lsn commit_lsn) {
    const BatchStatement& statement = *batch.statement;
    for (std::size_t row = 0; row < batch.rows.size(); ++row) {
        cells_.clear();
        for (CellReader reader(batch.row(row)); !reader.is_at_end();)
            cells_.push_back(reader.next());
        parameters_.clear();
        SentStatement sent;
        for (std::size_t i = 0; i < statement.single_cells.size(); ++i) {
            const Cell& cell = cells_[statement.single_cells[i]];
            add_parameter(cell, statement.single_forms[i], parameters_);
            sent.bytes += cell.whole.size();
        }
        sent.expected = Expected::one_row;
        sent.commit_lsn = commit_lsn;
        send_row(statement.single, std::move(sent));
    }
}

bool ApplySession::send_step(const RowStep& row, WaitingStep& waiting) {
    parameters_.clear();
    CellReader reader(row.cells);
    for (const CellForm form : row.forms) add_parameter(reader.next(), form, parameters_);
    SentStatement sent;
    sent.expected = row.expected;
    sent.key = row.key;
    sent.bytes = row.cells.size();
    sent.commit_lsn = waiting.commit_lsn;
    send_row(row.statement, std::move(sent));
    return true;
}

void ApplySession::send_row(const std::shared_ptr<const RowStatement>& statement,
                            SentStatement sent) {
    sent.doing = "apply a change";
    sent.row = statement;
    sent.is_checked = is_checked_ && !statement->checked_sql.empty();
    in_flight_.send_prepared(statements_.name_of(statement, is_checked_), parameters_,
                             std::move(sent));
    ++counts_.statements;
}

bool ApplySession::send_step(const TruncateStep& truncate, WaitingStep& waiting) {
    SentStatement sent;
    sent.relation = truncate.relation;
    sent.commit_lsn = waiting.commit_lsn;
    sent.doing = "truncate";
    sent.check = truncate.check;
    in_flight_.send_command(truncate.sql, std::move(sent));
    ++counts_.statements;
    return true;
}

bool ApplySession::send_step(const CommandStep& command, WaitingStep& waiting) {
    SentStatement sent;
    sent.commit_lsn = waiting.commit_lsn;
    sent.doing = command.doing;
    in_flight_.send_command(command.sql, std::move(sent));
    ++counts_.statements;
    return true;
}

}  // namespace walpack
