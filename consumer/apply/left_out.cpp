#include "apply/left_out.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>

namespace walpack {
namespace {

// So few are tried one by one, and two by two.
constexpr std::size_t kFew = 16;

class Search {
  public:
    Search(const std::function<bool(const LeftOut&)>& fits, std::size_t tries_max)
        : fits_(fits), tries_left_(tries_max) {}

    std::optional<LeftOut> run(const LeftOut& guess) {
        if (guess.empty() || !begin(guess)) return std::nullopt;
        if (count() > kFew) put_back_halves(0, out_.size());
        for (LeftOut before; before != out_ && !is_exhausted_;) {
            before = out_;
            put_back_each();
            if (count() <= kFew) put_back_pairs();
        }
        if (count() <= kFew) look_for_one();
        if (is_exhausted_) return std::nullopt;
        return out_;
    }

  private:
    bool begin(const LeftOut& guess) {
        out_ = guess;
        if (count() > 0 && fits(out_)) return true;
        out_.assign(out_.size(), true);
        return fits(out_);
    }

    bool fits(const LeftOut& out) {
        if (tries_left_ == 0) is_exhausted_ = true;
        if (is_exhausted_) return false;
        --tries_left_;
        return fits_(out);
    }

    std::size_t count() const {
        return static_cast<std::size_t>(std::count(out_.begin(), out_.end(), true));
    }
    std::vector<std::size_t> numbers() const {
        std::vector<std::size_t> numbers;
        for (std::size_t i = 0; i < out_.size(); ++i)
            if (out_[i]) numbers.push_back(i);
        return numbers;
    }

    bool put_back(const LeftOut& without) {
        if (without == out_ || !fits(without)) return without == out_;
        out_ = without;
        return true;
    }

    bool put_back(std::initializer_list<std::size_t> rows) {
        LeftOut without = out_;
        for (const std::size_t row : rows) without[row] = false;
        return put_back(without);
    }

    void put_back_range(std::size_t first, std::size_t last) {
        LeftOut without = out_;
        std::fill(std::next(without.begin(), static_cast<std::ptrdiff_t>(first)),
                  std::next(without.begin(), static_cast<std::ptrdiff_t>(last)), false);
        if (!put_back(without)) put_back_halves(first, last);
    }

    void put_back_halves(std::size_t first, std::size_t last) {
        if (last - first < 2 || is_exhausted_) return;
        const std::size_t middle = first + (last - first) / 2;
        put_back_range(first, middle);
        put_back_range(middle, last);
    }

    void put_back_each() {
        if (count() == 1) return;
        for (const std::size_t row : numbers()) put_back({row});
    }

    // Values that were swapped come out together, and fit only together.
    void put_back_pairs() {
        const std::vector<std::size_t> rows = numbers();
        if (rows.size() <= 2) return;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            for (std::size_t j = i + 1; j < rows.size() && out_[rows[i]]; ++j)
                if (out_[rows[j]]) put_back({rows[i], rows[j]});
        }
    }

    void look_for_one() {
        if (count() < 2) return;
        for (const std::size_t row : numbers()) {
            LeftOut one(out_.size(), false);
            one[row] = true;
            if (put_back(one)) return;
        }
    }

    const std::function<bool(const LeftOut&)>& fits_;
    std::size_t tries_left_;
    bool is_exhausted_ = false;
    LeftOut out_;
};

}  // namespace

std::optional<LeftOut> find_left_out(const LeftOut& guess,
                                     const std::function<bool(const LeftOut&)>& fits,
                                     std::size_t tries_max) {
    return Search(fits, tries_max).run(guess);
}

}  // namespace walpack
