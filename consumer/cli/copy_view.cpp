#include "cli/copy_view.h"

#include <algorithm>

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "copy/copy_progress_text.h"

namespace walpack {
namespace {

// Half of the terminal is left to the log. A line that fills its row would wrap on some.
ViewSize view_size() {
    ViewSize size;
    winsize window{};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) != 0) return size;
    if (window.ws_row > 0) size.rows = std::max<std::size_t>(window.ws_row / 2, 3);
    if (window.ws_col > 1) size.columns = window.ws_col - std::size_t{1};
    return size;
}

}  // namespace

OnCopyProgress copy_view() {
    if (!log::is_on_terminal()) return {};
    return [](const std::optional<CopyFigures>& figures) {
        log::show_below(figures ? live_view(*figures, view_size()) : "");
    };
}

}  // namespace walpack
