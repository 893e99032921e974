#include "decode/fragment_buffer.h"

#include <fmt/format.h>

namespace walpack {
namespace {

constexpr std::size_t kKeptBytesMax = std::size_t{1} << 20;

}  // namespace

bool FragmentBuffer::add(const Fragment& fragment, const FieldReader& fields) {
    if (fragment.is_first && is_open_) fields.fail("first fragment stands among other fragments");
    if (!fragment.is_first && !is_open_) fields.fail("fragment has no first one before it");
    if (fragment.is_abandoned) {
        clear();
        return false;
    }
    if (fragment.bytes.size() > bytes_max_ - bytes_.size())
        fields.fail(fmt::format("record in fragments is larger than {} bytes", bytes_max_));
    bytes_ += fragment.bytes;
    is_open_ = !fragment.is_last;
    return fragment.is_last;
}

void FragmentBuffer::clear() {
    bytes_.clear();
    if (bytes_.capacity() > kKeptBytesMax) bytes_.shrink_to_fit();
    is_open_ = false;
}

}  // namespace walpack
