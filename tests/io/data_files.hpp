#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "io/data_set.hpp"
#include "src/mpi/agree.hpp"
#include "tests/support/temp_dir.hpp"

/// Data files of every format, written byte by byte from their specifications.
namespace widegram::test {

/// Rank 0 writes, all wait.
inline void write_file(const mpi::Communicator& comm, const std::string& path, const std::string& bytes) {
  if (comm.is_root()) std::ofstream(path, std::ios::binary) << bytes;
  comm.barrier();
}

inline std::string gzipped(const std::string& bytes) {
  std::string packed(compressBound(bytes.size()) + 64, '\0');
  z_stream stream{};
  stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<unsigned>(bytes.size());
  stream.next_out = reinterpret_cast<unsigned char*>(packed.data());
  stream.avail_out = static_cast<unsigned>(packed.size());
  deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

template <class T>
std::string bytes_of(T value, std::endian order) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  if (order != std::endian::native) std::reverse(bytes.begin(), bytes.end());
  return bytes;
}

template <class T>
std::string bytes_of(const std::vector<T>& values, std::endian order) {
  std::string bytes;
  for (const T value : values) bytes += bytes_of(value, order);
  return bytes;
}

/// `type`: IDX's code of T.
template <class T>
std::string idx_bytes(char type, const std::vector<int>& extents, const std::vector<T>& values) {
  std::string bytes{'\0', '\0', type, static_cast<char>(extents.size())};
  for (const int extent : extents) bytes += bytes_of(extent, std::endian::big);
  return bytes + bytes_of(values, std::endian::big);
}

/// `descr` as in "<f8", `shape` as in "(3, 4)".
template <class T>
std::string npy_bytes(const std::string& descr, const std::string& shape, const std::vector<T>& values,
                      bool fortran_order = false, char version = 1) {
  std::string header = "{'descr': '" + descr + "', 'fortran_order': " + (fortran_order ? "True" : "False") +
                       ", 'shape': " + shape + ", }";
  header.resize((header.size() + 12 + 63) / 64 * 64 - 12, ' ');
  header += '\n';
  std::string bytes = std::string("\x93NUMPY") + version + '\0';
  bytes += version == 1 ? bytes_of(static_cast<std::uint16_t>(header.size()), std::endian::little)
                        : bytes_of(static_cast<std::uint32_t>(header.size()), std::endian::little);
  return bytes + header + bytes_of(values, descr[0] == '>' ? std::endian::big : std::endian::little);
}

/// Numbers with nothing regular about them, the same on every rank.
template <class T>
std::vector<T> some_numbers(Index count, std::uint64_t below) {
  std::vector<T> values;
  std::uint64_t state = 12345;
  for (Index i = 0; i < count; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    values.push_back(static_cast<T>((state >> 33) % below));
  }
  return values;
}

/// What `spec` says on these ranks, held against one rank reading it alone.
inline io::DataSet read_as_alone(const mpi::Communicator& comm, const io::DataSpec& spec) {
  const io::DataSet alone = io::read_data(mpi::Communicator::self(), spec);
  io::DataSet set = io::read_data(comm, spec);
  EXPECT_EQ(set.samples(), alone.samples());
  EXPECT_EQ(comm.sum(set.inputs.cols()), set.samples());
  EXPECT_EQ(set.shape, alone.shape);
  EXPECT_EQ(set.outputs, alone.outputs);
  EXPECT_EQ(set.target_kind, alone.target_kind);
  EXPECT_EQ(set.class_names, alone.class_names);
  EXPECT_EQ(set.local, set.partition.range(comm.rank()));
  for (Index j = 0; j < set.local.size(); ++j) {
    const Index whole = set.local.begin + j;
    EXPECT_TRUE(
        std::equal(set.inputs.column(j), set.inputs.column(j) + set.features(), alone.inputs.column(whole)))
        << "sample " << whole;
    if (set.target_kind == io::TargetKind::classes)
      EXPECT_EQ(set.classes.at(static_cast<std::size_t>(j)),
                alone.classes.at(static_cast<std::size_t>(whole)));
    else
      EXPECT_TRUE(
          std::equal(set.values.column(j), set.values.column(j) + set.outputs, alone.values.column(whole)));
  }
  return set;
}

/// The message of the error that `work` must throw on every rank with this code; all ranks must say the same.
inline std::string error_of(const mpi::Communicator& comm, const std::function<void()>& work,
                            ExitCode code = ExitCode::data) {
  std::string message = "no error";
  try {
    work();
  } catch (const mpi::CollectiveError& e) {
    message = e.what();
    EXPECT_EQ(e.code(), code) << message;
  }
  EXPECT_EQ(message, comm.broadcast(message));
  return message;
}

inline std::string read_error(const mpi::Communicator& comm, const io::DataSpec& spec,
                              const io::DataSet* training = nullptr) {
  return error_of(comm, [&] { io::read_data(comm, spec, training); });
}

/// All parts occur in the text.
inline testing::AssertionResult says(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts)
    if (text.find(part) == std::string::npos)
      return testing::AssertionFailure() << "'" << text << "' does not say '" << part << "'";
  return testing::AssertionSuccess();
}

}  // namespace widegram::test
