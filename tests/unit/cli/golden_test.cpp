// The wire samples of tests/golden, whole and cut: what was sent once must decode for ever.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "cli/inspect.h"
#include "support/record_log.h"
#include "support/wire_builder.h"

namespace walpack {
namespace {

using namespace wire;

const std::filesystem::path kDirectory =
    std::filesystem::path(WALPACK_SOURCE_DIR) / "tests" / "golden" / "v1";

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file.is_open()) << path;
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
}

std::vector<std::string> sample_names() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(kDirectory))
        if (entry.path().extension() == ".bin") names.push_back(entry.path().stem());
    std::sort(names.begin(), names.end());
    return names;
}

class GoldenSample : public testing::TestWithParam<std::string> {
  protected:
    std::string sample() const { return read_file(kDirectory / (GetParam() + ".bin")); }
    std::string lines() const { return read_file(kDirectory / (GetParam() + ".jsonl")); }
};

TEST_P(GoldenSample, PrintsTheLinesBesideIt) {
    std::istringstream in(sample());
    std::ostringstream out;
    EXPECT_EQ(error_of([&] { run_inspect(in, out); }), "no error");
    EXPECT_EQ(out.str(), lines());
}

// Whatever the byte, and nothing is printed that the whole sample does not print.
TEST_P(GoldenSample, IsAnErrorOrAPrefixWhenCutAnywhere) {
    const std::string whole = sample();
    for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
        std::istringstream in(whole.substr(0, bytes));
        std::ostringstream out;
        const std::string error = error_of([&] { run_inspect(in, out); });
        EXPECT_THAT(lines(), testing::StartsWith(out.str())) << bytes << " bytes: " << error;
    }
}

INSTANTIATE_TEST_SUITE_P(Of, GoldenSample, testing::ValuesIn(sample_names()),
                         [](const auto& param_info) { return param_info.param; });

// Run by name to write the samples that a server does not send on demand.
TEST(GoldenSamples, DISABLED_AreMade) {
    const Bytes row_record = insert(1, {row({integer(1), str("a long text")})});
    std::vector<Bytes> messages = {hello() + begin() + relation()};
    messages.push_back(fragments_of(row_record, 8)[0]);
    messages.push_back(fragment(WALPACK_FRAGMENT_ABANDONED, ""));
    for (const Bytes& piece : fragments_of(row_record, 8)) messages.push_back(piece);
    messages.push_back("");
    std::ofstream file(kDirectory / "fragment_abandoned.bin", std::ios::binary);
    for (const Bytes& message : with_commit(messages, {.changes = 1})) file << message << '\n';
}

}  // namespace
}  // namespace walpack
