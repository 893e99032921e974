#include "apply/left_out.h"

#include <algorithm>
#include <iterator>

namespace walpack {
namespace {

class Search {
  public:
    Search(std::size_t count, const std::function<bool(const LeftOut&)>& fits,
           std::size_t tries_max)
        : fits_(fits), tries_left_(tries_max), out_(count, true) {}

    std::optional<LeftOut> run() {
        if (out_.empty() || !fits(out_)) return std::nullopt;
        for (LeftOut before; before != out_;) {
            before = out_;
            put_back_halves(0, out_.size());
        }
        look_for_one();
        if (is_exhausted_) return std::nullopt;
        return out_;
    }

  private:
    bool fits(const LeftOut& out) {
        if (tries_left_ == 0) {
            is_exhausted_ = true;
            return false;
        }
        --tries_left_;
        return fits_(out);
    }

    void put_back(std::size_t first, std::size_t last) {
        LeftOut out = out_;
        std::fill(std::next(out.begin(), static_cast<std::ptrdiff_t>(first)),
                  std::next(out.begin(), static_cast<std::ptrdiff_t>(last)), false);
        if (is_exhausted_ || out == out_) return;
        if (fits(out)) {
            out_ = out;
        } else {
            put_back_halves(first, last);
        }
    }

    void put_back_halves(std::size_t first, std::size_t last) {
        if (last - first < 2) return;
        const std::size_t middle = first + (last - first) / 2;
        put_back(first, middle);
        put_back(middle, last);
    }

    // Rows that hold each other up, as values that were swapped, came out together.
    void look_for_one() {
        if (std::count(out_.begin(), out_.end(), true) < 2) return;
        for (std::size_t i = 0; i < out_.size() && !is_exhausted_; ++i) {
            if (!out_[i]) continue;
            LeftOut one(out_.size(), false);
            one[i] = true;
            if (!fits(one)) continue;
            out_ = one;
            return;
        }
    }

    const std::function<bool(const LeftOut&)>& fits_;
    std::size_t tries_left_;
    bool is_exhausted_ = false;
    LeftOut out_;
};

}  // namespace

std::optional<LeftOut> find_left_out(std::size_t count,
                                     const std::function<bool(const LeftOut&)>& fits,
                                     std::size_t tries_max) {
    return Search(count, fits, tries_max).run();
}

}  // namespace walpack
