#include "io/distributed_read.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "src/mpi/agree.hpp"

namespace widegram::io {
namespace {

constexpr Index piece_bytes = Index{8} << 20;

std::vector<std::string> broadcast(const mpi::Communicator& comm, const std::vector<std::string>& texts) {
  std::vector<Index> lengths(static_cast<std::size_t>(comm.broadcast(static_cast<Index>(std::ssize(texts)))));
  std::string joined;
  if (comm.is_root())
    for (std::size_t i = 0; i < texts.size(); ++i) {
      lengths[i] = std::ssize(texts[i]);
      joined += texts[i];
    }
  comm.broadcast(std::span<Index>(lengths));
  joined = comm.broadcast(joined);
  std::vector<std::string> all;
  std::size_t begin = 0;
  for (const Index length : lengths) {
    all.push_back(joined.substr(begin, static_cast<std::size_t>(length)));
    begin += static_cast<std::size_t>(length);
  }
  return all;
}

/// The root's header on every rank.
DataHeader broadcast(const mpi::Communicator& comm, const DataHeader& header) {
  std::array<Index, 6> numbers{header.shape.channels, header.shape.height,
                               header.shape.width,    header.samples,
                               header.target_columns, static_cast<Index>(header.natural_targets)};
  comm.broadcast(std::span<Index>(numbers));
  DataHeader result;
  result.shape = {numbers[0], numbers[1], numbers[2]};
  result.samples = numbers[3];
  result.target_columns = numbers[4];
  result.natural_targets = static_cast<TargetKind>(numbers[5]);
  result.class_names = broadcast(comm, header.class_names);
  result.feature_names = broadcast(comm, header.feature_names);
  result.target_source = comm.broadcast(header.target_source);
  return result;
}

/// Each rank reads its own range.
void read_own(const mpi::Communicator& comm, DataReader& reader, LocalSamples& set) {
  mpi::collectively(comm, [&] {
    const Range own = set.partition.range(comm.rank());
    reader.read({set.slice.begin + own.begin, set.slice.begin + own.end}, set.inputs.view(),
                set.targets.view());
  });
}

/// The root reads piece after piece and sends each to its owner. The ranks agree on every piece, so that
/// nobody waits for one that the root could not read.
void read_and_scatter(const mpi::Communicator& comm, DataReader* reader, LocalSamples& set) {
  const Index features = set.inputs.rows();
  const Index columns = set.targets.rows();
  const Index samples_a_piece = std::max<Index>(1, piece_bytes / (8 * features));
  Matrix<double> inputs;
  Matrix<double> targets;
  mpi::on_root(comm, [&] {
    inputs = Matrix<double>(features, std::min(samples_a_piece, set.slice.size()));
    targets = Matrix<double>(columns, inputs.cols());
  });
  for (int owner = 0; owner < comm.size(); ++owner) {
    const Range part = set.partition.range(owner);
    for (Index begin = part.begin; begin < part.end; begin += samples_a_piece) {
      const Index count = std::min(samples_a_piece, part.end - begin);
      const Range own{begin - part.begin, begin - part.begin + count};
      const auto window = [&](Matrix<double>& held, Range cols) {
        return held.view().block({0, held.rows()}, cols);
      };
      mpi::on_root(comm, [&] {
        reader->read({set.slice.begin + begin, set.slice.begin + begin + count},
                     owner == 0 ? window(set.inputs, own) : window(inputs, {0, count}),
                     owner == 0 ? window(set.targets, own) : window(targets, {0, count}));
      });
      if (owner == 0) continue;
      const auto entries = [count](double* data, Index rows) {
        return std::span(data, static_cast<std::size_t>(rows * count));
      };
      if (comm.is_root()) {
        comm.send(std::span<const double>(entries(inputs.data(), features)), owner);
        comm.send(std::span<const double>(entries(targets.data(), columns)), owner);
      } else if (comm.rank() == owner) {
        comm.receive(entries(set.inputs.column(own.begin), features), 0);
        comm.receive(entries(set.targets.column(own.begin), columns), 0);
      }
    }
  }
}

}  // namespace

LocalSamples read_distributed(const mpi::Communicator& comm, const DataSpec& spec,
                              const std::optional<KnownTargets>& known) {
  const SourceText source = mpi::collectively(comm, [&] { return parse_source(spec.source); });
  std::string format;
  std::unique_ptr<DataReader> reader;
  mpi::on_root(comm, [&] {
    format = format_of(source, spec);
    reader = open_source(source, format, spec, known);
  });
  format = comm.broadcast(format);
  const bool seeks = comm.broadcast(reader && reader->seeks() ? 1 : 0) != 0;

  LocalSamples set;
  set.header = broadcast(comm, reader ? reader->header() : DataHeader());
  mpi::collectively(comm, [&] {
    if (seeks && !reader) {
      reader = open_source(source, format, spec, known);
      if (reader->header() != set.header)
        throw Error(ExitCode::data,
                    fmt::format("{}: rank {} sees another file there than rank 0: put it where every "
                                "node sees the same one",
                                source.name, comm.rank()));
    }
    set.slice = resolve_slice(source, set.header.samples);
    set.partition = {set.slice.size(), comm.size()};
    const Index own = set.partition.range(comm.rank()).size();
    set.inputs = Matrix<double>(set.header.shape.features(), own);
    set.targets = Matrix<double>(set.header.target_columns, own);
  });
  if (seeks)
    read_own(comm, *reader, set);
  else
    read_and_scatter(comm, reader.get(), set);
  return set;
}

}  // namespace widegram::io
