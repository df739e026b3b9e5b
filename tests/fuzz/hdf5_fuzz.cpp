// Readers of HDF5 files: sound files as far as HDF5 goes, whose datasets and attributes have the names that
// the readers look for and any types, shapes and values, sealed as the kind that is read.
#include <array>
#include <vector>

#include "io/data_set.hpp"
#include "io/dkm_file.hpp"
#include "io/dynamics_file.hpp"
#include "io/inducing_file.hpp"
#include "io/inspect.hpp"
#include "io/model.hpp"
#include "io/result_file.hpp"
#include "io/solver_state.hpp"
#include "io/spectrum_file.hpp"
#include "io/verify.hpp"
#include "src/mpi/communicator.hpp"
#include "tests/fuzz/target.hpp"

namespace {

using namespace widegram;

constexpr std::array datasets{"/inputs", "/targets",     "/alpha", "/ridge",  "/mean",      "/class",
                              "/target", "/eigenvalues", "/nu",    "/gram/1", "/objective", "/learned",
                              "/times",  "/train",       "/x",     "/r",      "/residuals", "/test_train"};
constexpr std::array attributes{"format",
                                "format_version",
                                "kind",
                                "problem",
                                "kernel",
                                "function",
                                "n",
                                "m",
                                "k",
                                "classes",
                                "encoding",
                                "train_hash",
                                "target_hash",
                                "test_hash",
                                "complete",
                                "iterations",
                                "noise",
                                "jitter",
                                "depth",
                                "end",
                                "tolerance",
                                "layers",
                                "points",
                                "seconds",
                                "gradient_norm",
                                "method",
                                "precision",
                                "created",
                                "relative_residual"};
constexpr std::array texts{"", "0123456789abcdef", "ntk", "centered", "digits", "full", "\xff\xfe", "1e400"};
constexpr std::array numbers{0.0, 1.0, -1.0, 3.0, 1e300, -2.5, 0x1p63};

template <class T>
void put_dataset(const hdf5::File& file, const std::string& name, const std::vector<Index>& shape,
                 double value) {
  Index size = 1;
  for (const Index extent : shape) size *= extent;
  hdf5::Dataset::create<T>(file, name, {.shape = shape})
      .template write_all<T>(std::vector<T>(static_cast<std::size_t>(size), static_cast<T>(value)));
}

void fill(const hdf5::File& file, fuzz::Bytes& bytes) {
  std::vector<std::string> there;
  while (!bytes.empty()) {
    const std::uint8_t what = bytes.byte();
    const double value = numbers[bytes.below(numbers.size())];
    const Index whole = static_cast<Index>(static_cast<std::int8_t>(bytes.byte())) << bytes.below(56);
    if (what % 2 == 0) {
      const std::string name = attributes[what / 2 % attributes.size()];
      if (hdf5::has_attribute(file, "/", name)) continue;
      if (bytes.below(3) == 0)
        hdf5::write_attribute(file, "/", name, whole);
      else if (bytes.below(2) == 0)
        hdf5::write_attribute(file, "/", name, value);
      else
        hdf5::write_attribute(file, "/", name, std::string(texts[bytes.below(texts.size())]));
      continue;
    }
    const std::string name = datasets[what / 2 % datasets.size()];
    if (std::find(there.begin(), there.end(), name) != there.end()) continue;
    there.push_back(name);
    std::vector<Index> shape(bytes.below(5));
    for (Index& extent : shape) extent = static_cast<Index>(bytes.below(6));
    if (bytes.below(2) == 0)
      put_dataset<double>(file, name, shape, value);
    else
      put_dataset<std::int64_t>(file, name, shape, static_cast<double>(whole % 1000));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const mpi::Communicator self = mpi::Communicator::self();
  static const fuzz::Folder folder;
  constexpr std::array kinds{"data", "model", "spectrum", "dynamics", "dkm", "solver", "gram", "predictions"};
  fuzz::Bytes bytes(data, size);
  const std::string kind = kinds[bytes.below(kinds.size())];
  const std::string path = folder / (kind + ".h5");
  {
    hdf5::File file = hdf5::File::create(path, {.user_block = kind == "data" ? 0 : io::seal_bytes});
    fill(file, bytes);
    file.close();
  }
  if (kind != "data") io::seal_whole(path, kind);
  const auto read = [&](auto&& work) {
    fuzz::may_be_refused({ExitCode::files, ExitCode::data, ExitCode::usage}, work);
  };
  read([&] { io::inspect(path).text(); });
  if (kind == "data") {
    read([&] { io::read_data(self, {.source = path}); });
    return 0;
  }
  read([&] { io::verify(self, path); });
  if (kind == "model") read([&] { io::read_model(self, path); });
  if (kind == "spectrum") read([&] { io::read_spectrum(path); });
  if (kind == "dynamics") read([&] { io::read_dynamics(path); });
  if (kind == "dkm") read([&] { io::read_dkm(self, path); });
  if (kind == "dkm") read([&] { io::read_inducing_model(self, path); });
  if (kind == "solver") read([&] { io::solver_state_exists(self, path); });
  return 0;
}
