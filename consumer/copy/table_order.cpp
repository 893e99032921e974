#include "copy/table_order.h"

#include <map>

namespace walpack {
namespace {

// Depth first: a table is placed once everything that it references is.
class Ordering {
  public:
    Ordering(const std::vector<std::uint32_t>& tables, const References& references)
        : is_visited_(tables.size(), false), referenced_(tables.size()) {
        std::map<std::uint32_t, std::size_t> index_of;
        for (std::size_t index = 0; index < tables.size(); ++index) index_of[tables[index]] = index;
        for (const auto& [from, to] : references) {
            const auto referencing = index_of.find(from);
            const auto referenced = index_of.find(to);
            if (referencing == index_of.end() || referenced == index_of.end()) continue;
            referenced_[referencing->second].push_back(referenced->second);
        }
    }

    std::vector<std::size_t> run() {
        for (std::size_t table = 0; table < referenced_.size(); ++table) visit(table);
        return std::move(order_);
    }

  private:
    // An own stack: chains of foreign keys can be as long as there are tables.
    void visit(std::size_t start) {
        std::vector<std::pair<std::size_t, std::size_t>> path;  // table, next reference to follow
        enter(start, path);
        while (!path.empty()) {
            auto& [table, next] = path.back();
            if (next < referenced_[table].size()) {
                enter(referenced_[table][next++], path);
                continue;
            }
            order_.push_back(table);
            path.pop_back();
        }
    }

    void enter(std::size_t table, std::vector<std::pair<std::size_t, std::size_t>>& path) {
        if (is_visited_[table]) return;
        is_visited_[table] = true;
        path.emplace_back(table, 0);
    }

    std::vector<bool> is_visited_;
    std::vector<std::vector<std::size_t>> referenced_;
    std::vector<std::size_t> order_;
};

}  // namespace

std::vector<std::size_t> referenced_first(const std::vector<std::uint32_t>& tables,
                                          const References& references) {
    return Ordering(tables, references).run();
}

}  // namespace walpack
