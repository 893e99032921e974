// What a change tells of its row before and after it, by column: what keys are made of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/record.h"
#include "quarantine/held_row.h"

namespace walpack {

// The values of some columns, as one text; equal texts, equal values.
struct KeyImage {
    enum class Form : std::uint8_t {
        none,       // there is no such row: before an insert, after a delete
        null,       // one of the columns is NULL
        unknown,    // the change does not tell
        unchanged,  // it does not tell either, but the value stayed as it was
        value,
    };

    Form form = Form::none;
    std::string value;

    friend bool operator==(const KeyImage&, const KeyImage&) = default;
};

class RowImages {
  public:
    // `found`: what is known besides of the row before the change. Both must outlive this object.
    explicit RowImages(const RowChange& change, const HeldTuple* found = nullptr)
        : change_(change), found_(found) {}

    KeyImage before(const std::vector<std::string>& columns) const;
    KeyImage after(const std::vector<std::string>& columns) const;
    // The same, where NULL is a value like any other.
    KeyImage row_before(const std::vector<std::string>& columns) const;
    KeyImage row_after(const std::vector<std::string>& columns) const;

  private:
    struct Part {
        KeyImage::Form form = KeyImage::Form::unknown;
        std::string text;
    };
    Part part_before(const std::string& column) const;
    Part part_after(const std::string& column) const;
    std::optional<std::size_t> attribute_of(const std::string& column) const;
    Part part_of(std::size_t attribute, const Value& value) const;
    Part found(const std::string& column) const;

    template <typename PartOf>
    static KeyImage image(const std::vector<std::string>& columns, bool has_nulls, PartOf part_of);

    const RowChange& change_;
    const HeldTuple* found_;
};

}  // namespace walpack
