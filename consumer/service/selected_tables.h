// The stream without the tables that a target does not get.
//
// Stands behind the assembler. Transactions and their positions go on, also those of which nothing
// is left.
#pragma once

#include "assemble/record_sink.h"
#include "schema/table_selection.h"

namespace walpack {

class SelectedTables : public TransactionSink {
  public:
    // The sink must outlive this object.
    SelectedTables(TransactionSink& sink, TableSelection selection);

    void hello(const Hello& hello) override { sink_.hello(hello); }
    void relation(const RelationRecord& relation) override;
    void begin(const Begin& begin) override { sink_.begin(begin); }
    void origin(const Origin& origin) override { sink_.origin(origin); }
    void change(const RowChange& change) override;
    // Of several tables, those that the target gets.
    void truncate(const Truncate& truncate) override;
    void message(const LogicalMessage& message) override { sink_.message(message); }
    void notice(const Notice& notice) override { sink_.notice(notice); }
    void commit(const Commit& commit) override { sink_.commit(commit); }

  private:
    bool holds(const Relation& relation);

    TransactionSink& sink_;
    const TableSelection selection_;
    // Of the last one asked, as rows come in runs.
    const Relation* relation_ = nullptr;
    bool is_held_ = false;
};

}  // namespace walpack
