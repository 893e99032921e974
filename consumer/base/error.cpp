#include "base/error.h"

namespace walpack {

std::string_view to_string(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::config:
            return "config";
        case ErrorKind::connection:
            return "connection";
        case ErrorKind::protocol:
            return "protocol";
        case ErrorKind::schema:
            return "schema";
        case ErrorKind::conflict:
            return "conflict";
        case ErrorKind::value:
            return "value";
        case ErrorKind::limit:
            return "limit";
        case ErrorKind::cancelled:
            return "cancelled";
        case ErrorKind::repeat:
            return "repeat";
    }
    return "unknown";
}

std::string Error::report() const {
    std::string text = "ERROR:  ";
    if (!sqlstate_.empty()) text += sqlstate_ + ": ";
    text += what();
    if (!lsn_.empty()) text += " (LSN " + lsn_ + ")";
    if (!detail_.empty()) text += "\nDETAIL:  " + detail_;
    if (!hint_.empty()) text += "\nHINT:  " + hint_;
    return text;
}

}  // namespace walpack
