// Statements that a session has prepared: made on first use, bounded in number. Those for single
// rows, batches of inserts, and checks of COPY: their plan does not depend on the size of a table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "apply/batch_statement.h"
#include "apply/statement.h"

namespace walpack {

class InFlight;

class PreparedStatements {
  public:
    // Sends through `in_flight`, which must outlive this object.
    PreparedStatements(InFlight& in_flight, std::size_t statements_max);

    // The name of the statement in the session, in the form that checks itself if wanted; prepares
    // it when it is new. The least recently used one goes when there are too many.
    const std::string& name_of(const std::shared_ptr<const RowStatement>& statement,
                               bool is_checked);
    const std::string& name_of(const std::shared_ptr<const BatchStatement>& statement);
    // Of the one that tells whether its COPY was right.
    const std::string& name_of_copy_check(const std::shared_ptr<const BatchStatement>& statement);
    std::size_t count() const { return by_use_.size(); }

  private:
    struct Entry {
        std::string name;
        const std::string* sql = nullptr;  // one of the statement's
        std::shared_ptr<const void> statement;
    };

    // nullptr when there is none yet.
    const std::string* find(const std::string* sql);
    const std::string& add(const std::string* sql, std::shared_ptr<const void> statement);

    void remove(std::list<Entry>::iterator entry);

    InFlight& in_flight_;
    std::size_t statements_max_;
    std::uint64_t next_number_ = 0;
    std::list<Entry> by_use_;  // the most recently used first
    std::unordered_map<const std::string*, std::list<Entry>::iterator> by_sql_;
};

}  // namespace walpack
