// Rows of a batch in the format of COPY .. (FORMAT binary).
//
//   signature, flags, length of an extension | per row: number of columns (int16), cells | -1
//
// Cells are what that format has for a column: length and bytes, and -1 for NULL. So a row is
// copied as a whole, unless the target generates one of its columns. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "apply/table_batch.h"

namespace walpack {

class CopyRows {
  public:
    // Of a batch whose statement has a copy_sql.
    explicit CopyRows(Batch batch);

    const Batch& batch() const { return batch_; }
    bool is_at_end() const { return is_ended_; }
    // The next piece: somewhat more than `bytes` if there are as many. Valid until the next call.
    const std::string& next(std::size_t bytes);

  private:
    void append(std::size_t row);

    Batch batch_;
    // Which cells of a row are written; empty when all of them are.
    std::vector<bool> written_;
    std::size_t row_ = 0;
    bool is_ended_ = false;
    std::string piece_;
};

}  // namespace walpack
