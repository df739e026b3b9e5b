// What the main job holds in memory: peak resident bytes over all ranks against the Gram matrix and the data.
//
//   mpirun -n 2 bench_memory [--n 10000] [--check]
//
// One JSON line. The matrix is block-cyclic in double, as ScaLAPACK factors it; the data are the n x 784
// inputs in the kernel's precision. With --check: at most 1.3 times both together.

#include <fmt/format.h>

#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "jobs/job_file.hpp"
#include "jobs/memory.hpp"
#include "jobs/pipeline.hpp"
#include "src/mpi/agree.hpp"
#include "src/mpi/session.hpp"
#include "tests/support/made_up_samples.hpp"
#include "tests/support/temp_dir.hpp"

namespace {

using namespace widegram;

constexpr Index features = 784;

/// Inputs and labels as NPY files, written piece by piece.
void write_npy(const std::string& path, const std::string& type, const std::string& shape, Index n,
               const std::function<void(std::ofstream&, Index)>& write_sample) {
  std::ofstream out(path, std::ios::binary);
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", type, shape);
  header.resize(static_cast<std::size_t>(round_up(static_cast<Index>(header.size()) + 11, 64) - 11), ' ');
  header += '\n';
  const auto length = static_cast<std::uint16_t>(header.size());
  out.write("\x93NUMPY\x01\x00", 8);
  out.put(static_cast<char>(length & 255)).put(static_cast<char>(length >> 8)) << header;
  for (Index i = 0; i < n; ++i) write_sample(out, i);
}

void write_data(const std::string& inputs, const std::string& labels, Index n) {
  write_npy(inputs, "<f4", fmt::format("{}, {}", n, features), n, [](std::ofstream& out, Index i) {
    const Matrix<double> sample = test::made_up_samples(features, {i, i + 1});
    const std::vector<float> values(sample.data(), sample.data() + features);
    out.write(reinterpret_cast<const char*>(values.data()),
              static_cast<std::streamsize>(values.size() * sizeof(float)));
  });
  write_npy(labels, "|u1", fmt::format("{},", n), n,
            [](std::ofstream& out, Index i) { out.put(static_cast<char>(i % 10)); });
}

}  // namespace

int main(int argc, char** argv) {
  mpi::Session session;
  jobs::return_freed_memory();
  const mpi::Communicator world = mpi::Communicator::world();
  Index n = 10000;
  bool check = false;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--check")
      check = true;
    else if (std::string(argv[i]) == "--n" && i + 1 < argc)
      n = std::stol(argv[++i]);
  }
  try {
    const test::TempDir scratch(world);
    mpi::on_root(world, [&] { write_data(scratch / "x.npy", scratch / "y.npy", n); });
    const jobs::Job job = jobs::parse_job(
        "kernel.preset = 'dense'\n", "memory.toml",
        std::vector<std::string>{"data.train=" + (scratch / "x.npy"), "data.labels=" + (scratch / "y.npy"),
                                 "output=" + (scratch / "out")});
    jobs::Progress silent;
    jobs::CommandLine line;
    line.command = "solve";
    jobs::run_parts({world, line, &job, silent}, {.solve = true});
    const auto peak = static_cast<double>(world.sum(jobs::peak_rss_bytes()));
    const double matrix = 8.0 * static_cast<double>(n) * static_cast<double>(n);
    const double data = 4.0 * static_cast<double>(n * features);
    const double ratio = peak / (matrix + data);
    if (world.is_root())
      fmt::print(
          "{{\"bench\": \"memory\", \"n\": {}, \"ranks\": {}, \"peak_rss_bytes\": {:.0f}, \"matrix_bytes\": "
          "{:.0f}, "
          "\"data_bytes\": {:.0f}, \"ratio\": {:.3f}, \"ok\": {}}}\n",
          n, world.size(), peak, matrix, data, ratio, ratio <= 1.3);
    return check && ratio > 1.3 ? 1 : 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "rank {}: {}\n", world.rank(), e.what());
    mpi::abort_all(2);
  }
}
