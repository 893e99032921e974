// Values of a change -> parameters of its statement, in the binding that the mapping chose.
#pragma once

#include <cstddef>
#include <string>

#include "apply/statement.h"
#include "pg/connection.h"

namespace walpack {

class ParameterBinder {
  public:
    // server_version: the target's, as libpq gives it.
    explicit ParameterBinder(int server_version) : server_version_(server_version) {}

    // Fills `out` with the values of `change` for `statement`; returns their size in bytes. Throws
    // Error(protocol) when a value does not have the form that its kind promises, Error(value) when
    // the target's version has no such value.
    std::size_t bind(const Statement& statement, const RowChange& change, Parameters& out);

  private:
    std::size_t add(const ColumnMapping& column, const Value& value, Parameters& out);
    std::size_t add_array(const ColumnMapping& column, const Value& value, Parameters& out);
    void refuse_infinite_interval(const ColumnMapping& column, const Value& value) const;

    int server_version_;
    std::string scratch_;
};

}  // namespace walpack
