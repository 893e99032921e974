// The changes of one relation, gathered until they are sent together.
//
// With Method::net an entry per key holds what the changes so far come to:
//
//                 insert          update           delete
//   (nothing)     insert          update           delete
//   insert        --              insert, merged   (vanished)
//   update        --              update, merged   delete
//   delete        delete+insert   --               --
//   (vanished)    insert          --               --
//
// "--" cannot be while both sides agree: the entries must be sent first, so that the target says so
// with the row's conflict. Merging keeps what an earlier image of the group had where the later one
// has unchanged TOAST. delete+insert stays two statements, as columns that the source does not know
// start from their defaults again.
//
// With Method::runs the changes are of one kind and mask, with distinct keys, in the source's
// order. Where only the whole row identifies, see whole_row_run.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apply/table_plan.h"
#include "apply/whole_row_run.h"

namespace walpack {

struct Slice {
    std::size_t offset = 0;
    std::size_t length = 0;
};

// Rows for one statement, or several of it if they are many. Rows of inserts and updates are cells
// of every attribute; of deletes, of the key. Where the whole row is found, the old image's come
// first.
struct Batch {
    std::shared_ptr<const BatchStatement> statement;
    std::shared_ptr<const std::string> cells;
    std::vector<Slice> rows;

    // Parsing and planning a batch costs about as much as this many executions of a prepared
    // statement.
    static constexpr std::size_t kRowsMin = 8;

    bool is_sent_by_row() const { return rows.size() < (keeps_together() ? 2 : kRowsMin); }
    // Foreign keys among the rows are checked at the end of a statement: at the source it was one.
    bool keeps_together() const { return statement->single->mapping->table->is_self_referencing; }
    std::string_view row(std::size_t i) const {
        return std::string_view(*cells).substr(rows[i].offset, rows[i].length);
    }
};

class TableBatch {
  public:
    // The plan must outlive the batch.
    explicit TableBatch(TablePlan& plan) : plan_(&plan), whole_rows_(plan) {}

    // False when the change cannot join the others: take() first, then it can.
    [[nodiscard]] bool add(BatchKind kind, const RowChange& change, const StatementShape& shape,
                           const CellEncoder& encoder);
    // Everything, in the order in which it must be sent. The batch is empty afterwards.
    std::vector<Batch> take();

    bool is_empty() const { return entries_.empty() && whole_rows_.is_empty(); }
    std::size_t bytes() const { return cells_.size() + whole_rows_.bytes(); }
    const TablePlan& plan() const { return *plan_; }

  private:
    enum class Image : std::uint8_t { none, update, insert };
    struct Entry {
        Slice key;
        Slice row;
        std::uint32_t mask = 0;  // index into masks_
        bool removes = false;    // the row that was there before the group
        Image image = Image::none;
    };

    bool add_to_run(BatchKind kind, const RowChange& change, const std::string& unchanged,
                    const CellEncoder& encoder);
    bool add_net(BatchKind kind, const RowChange& change, const std::string& unchanged,
                 const CellEncoder& encoder);
    bool join(Entry& entry, BatchKind kind, const RowChange& change, const std::string& unchanged,
              const CellEncoder& encoder);
    Slice append_key(const RowChange& change, const CellEncoder& encoder);
    Slice append_row(const RowChange& change, const CellEncoder& encoder);
    void make_room();
    // `after` stands last in cells_.
    Slice put_in_place(Slice before, Slice after);
    Slice merge(Slice before, Slice after);
    std::uint32_t mask_of(const std::string& unchanged);
    std::string merged_mask(std::uint32_t before, const std::string& unchanged) const;
    std::string_view bytes_of(Slice slice) const {
        return std::string_view(cells_).substr(slice.offset, slice.length);
    }
    // The entry of the key that stands last in cells_; a new one, with is_new set, if there is
    // none.
    Entry& find_or_add(Slice key, bool& is_new);
    void grow_index();
    std::vector<Slice> sorted_keys(std::vector<const Entry*>& entries, bool takes_rows) const;
    void add_batch(std::vector<Batch>& out, BatchKind kind, const std::string& unchanged,
                   std::vector<Slice> rows, const std::shared_ptr<const std::string>& cells);

    TablePlan* plan_;
    WholeRowRun whole_rows_;
    std::string cells_;
    std::size_t last_bytes_ = 0;  // that cells_ came to before the last take()
    std::vector<Entry> entries_;
    std::vector<std::uint32_t> index_;  // open addressing: 1 + place in entries_, 0 is free
    std::vector<std::string> masks_{""};
    BatchKind kind_ = BatchKind::insert;  // of a run
};

}  // namespace walpack
