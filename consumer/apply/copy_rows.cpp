#include "apply/copy_rows.h"

#include <string_view>
#include <utility>

#include "apply/cell.h"
#include "base/big_endian.h"
#include "base/check.h"

namespace walpack {
namespace {

constexpr std::string_view kHead{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19};
constexpr std::size_t kCountBytes = 2;

void append_count(std::string& out, std::int16_t count) {
    char bytes[kCountBytes];
    store_big_endian(bytes, count);
    out.append(bytes, sizeof bytes);
}

}  // namespace

CopyRows::CopyRows(Batch batch) : batch_(std::move(batch)) {
    const BatchStatement& statement = *batch_.statement;
    WALPACK_CHECK(!statement.copy_sql.empty());
    const std::size_t cells = statement.single->mapping->columns.size();
    if (statement.parameters.size() < cells) {
        written_.resize(cells);
        for (const BatchParameter& parameter : statement.parameters)
            written_[parameter.cell] = true;
    }
    piece_ = kHead;
}

void CopyRows::append(std::size_t row) {
    append_count(piece_, static_cast<std::int16_t>(batch_.statement->parameters.size()));
    if (written_.empty()) {
        piece_ += batch_.row(row);
        return;
    }
    CellReader reader(batch_.row(row));
    for (const bool is_written : written_) {
        const Cell cell = reader.next();
        if (is_written) piece_ += cell.whole;
    }
}

const std::string& CopyRows::next(std::size_t bytes) {
    WALPACK_CHECK(!is_ended_);
    if (row_ > 0) piece_.clear();
    while (row_ < batch_.rows.size() && piece_.size() < bytes) append(row_++);
    if (row_ == batch_.rows.size() && piece_.size() < bytes) {
        append_count(piece_, -1);
        is_ended_ = true;
    }
    return piece_;
}

}  // namespace walpack
