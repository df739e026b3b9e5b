// How evenly the triangle of a Gram falls on ranks, computed: the tiles of the busiest rank over the mean.
//
//   bench_schedule [--check]
//
// One JSON line a size and rank count. With --check: at most 1.05 up to 64 ranks and 1.25 up to 4,096, from
// 50,000 samples on.

#include <fmt/format.h>

#include <cstring>

#include "src/base/timer.hpp"
#include "src/gram/schedule.hpp"
#include "src/mpi/communicator.hpp"
#include "src/mpi/session.hpp"

int main(int argc, char** argv) {
  using namespace widegram;
  const bool check = argc > 1 && std::strcmp(argv[1], "--check") == 0;
  const mpi::Session session;
  if (!mpi::Communicator::world().is_root()) return 0;
  bool good = true;
  for (const GlobalIndex n : {10000, 50000, 60000, 200000})
    for (int ranks = 4; ranks <= 4096; ranks *= 2) {
      const Timer timer;
      const gram::Layout layout = gram::choose_layout(n, 64, dist::GridShape::square(ranks));
      const double imbalance = gram::Schedule(layout).imbalance();
      fmt::print(
          "{{\"bench\": \"schedule\", \"n\": {}, \"ranks\": {}, \"grid\": \"{} x {}\", \"block\": {}, "
          "\"imbalance\": {:.4f}, "
          "\"seconds\": {:.4f}}}\n",
          n, ranks, layout.grid.rows, layout.grid.cols, layout.block, imbalance, timer.seconds());
      if (n >= 50000) good = good && imbalance <= (ranks <= 64 ? 1.05 : 1.25);
    }
  return check && !good ? 1 : 0;
}
