// `walpack run` at a terminal: a live view of the copy below the log, which it does not damage.
#include <csignal>

#include "support/child.h"
#include "support/scenario.h"
#include "support/scratch.h"

namespace walpack::e2e {
namespace {

// What a terminal shows of the lines and the two sequences that the view uses: up by some lines,
// and away with everything from here on.
std::vector<std::string> screen(const std::string& output) {
    std::vector<std::string> lines = {""};
    for (std::size_t at = 0; at < output.size(); ++at) {
        if (output[at] == '\n') {
            lines.emplace_back();
        } else if (output.compare(at, 2, "\x1b[") == 0) {
            const std::size_t end = output.find_first_of("AJ", at);
            if (end == std::string::npos) break;
            if (output[end] == 'A')
                lines.resize(lines.size() - std::stoul(output.substr(at + 2, end - at - 2)));
            if (output[end] == 'A') lines.back().clear();
            at = end;
        } else if (output[at] != '\r') {
            lines.back() += output[at];
        }
    }
    return lines;
}

class CopyView : public Scenario {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both("CREATE TABLE t (id int PRIMARY KEY, v text)");
        source().execute(
            "INSERT INTO t SELECT g, repeat('x', 100) FROM generate_series(1, 20000) g");
        consumer().set("copy_rate_limit", "\"1MB\"");
        consumer().set("copy_chunk_bytes", "\"256kB\"");
        consumer().init();
    }
};

TEST_F(CopyView, IsBelowTheLogAndGoesAwayWithTheCopy) {
    const std::string typed = new_scratch_path("typescript");
    std::string command;
    for (const std::string& part : consumer().run_arguments()) command += part + " ";
    {
        Child terminal({{"script", "-qfec", command, typed}, {{"TERM", "xterm"}}}, "/dev/null");
        wait_until("the view is shown", seconds(20), [&] {
            return read_file(typed).find("public.t") != std::string::npos &&
                   read_file(typed).find("B/s, about ") != std::string::npos;
        });
        EXPECT_TRUE(contains(read_file(typed), " tables, "));
        EXPECT_TRUE(contains(read_file(typed), "copying"));
        wait_until("the log says that it is complete", seconds(60), [&] {
            return read_file(typed).find("initial copy is complete") != std::string::npos;
        });
        terminal.signal(SIGTERM);
        (void)terminal.wait_exit(seconds(10));
    }
    const std::string output = read_file(typed);
    EXPECT_TRUE(contains(output, "A\r\x1b[J"));
    bool is_complete = false;
    for (const std::string& line : screen(output)) {
        is_complete = is_complete || line.find("initial copy is complete") != std::string::npos;
        const bool is_of_log = line.empty() || line.find("] info: ") != std::string::npos ||
                               line.starts_with("Script ") || line.find("Session ") == 0;
        EXPECT_TRUE(is_of_log) << line;
    }
    EXPECT_TRUE(is_complete) << output;
}

TEST_F(CopyView, IsNotInALogThatIsAFile) {
    consumer().start();
    wait_until_copied();
    EXPECT_FALSE(contains(consumer().log(), "\x1b["));
}

}  // namespace
}  // namespace walpack::e2e
