#include "io/spectrum_file.hpp"

#include <cstdint>
#include <span>

#include "io/provenance.hpp"
#include "io/result_file.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::io {
namespace {

constexpr Index spectrum_format_version = 1;

/// Calls visit(dataset name, vector) for each list of numbers of a spectrum, which may be const.
template <class AnySpectrum, class Visit>
void for_each_list(AnySpectrum& spectrum, Visit&& visit) {
  visit("/eigenvalues", spectrum.eigenvalues);
  visit("/residuals", spectrum.residuals);
  visit("/target_power", spectrum.target_power);
  visit("/cumulative_power", spectrum.cumulative_power);
  visit("/ridges", spectrum.ridges);
  visit("/effective_dimension", spectrum.effective_dimension);
  visit("/effective_dimension_upper", spectrum.effective_dimension_upper);
}

void write_fit(const hdf5::File& file, const char* object, const PowerLawFit& fit) {
  hdf5::write_attribute(file, object, "exponent", fit.exponent);
  hdf5::write_attribute(file, object, "exponent_error", fit.standard_error);
  hdf5::write_attribute(file, object, "scale", fit.scale);
  hdf5::write_attribute(file, object, "fit_first", fit.first);
  hdf5::write_attribute(file, object, "fit_last", fit.last);
}

PowerLawFit read_fit(const hdf5::File& file, const char* object) {
  const auto number = [&](const char* name) { return hdf5::read_attribute<double>(file, object, name); };
  const auto count = [&](const char* name) { return hdf5::read_attribute<std::int64_t>(file, object, name); };
  return {number("exponent"), number("exponent_error"), number("scale"), count("fit_first"),
          count("fit_last")};
}

void write_draft(const std::string& draft, const Spectrum& spectrum, bool with_vectors, int ranks) {
  hdf5::File file = hdf5::File::create(draft, {.user_block = seal_bytes});
  const auto attribute = [&](const char* name, const auto& value) {
    hdf5::write_attribute(file, "/", name, value);
  };
  attribute("format", std::string("widegram spectrum"));
  attribute("format_version", spectrum_format_version);
  write_model_header(file, spectrum.header);
  attribute("n", spectrum.n);
  attribute("method", spectrum.method);
  if (spectrum.condition_number) attribute("condition_number", *spectrum.condition_number);
  attribute("complete", std::int64_t{1});
  write_provenance(file, current_provenance(ranks));
  for_each_list(spectrum, [&](const char* name, const std::vector<double>& values) {
    hdf5::write_list(file, name, values);
  });
  hdf5::write_attribute(file, "/ridges", "mean_diagonal", spectrum.mean_diagonal);
  write_fit(file, "/eigenvalues", spectrum.eigenvalue_fit);
  write_fit(file, "/target_power", spectrum.target_power_fit);
  if (with_vectors)
    hdf5::Dataset::create<double>(file, "/eigenvectors",
                                  {.shape = {spectrum.n, std::ssize(spectrum.eigenvalues)}});
  file.close();
}

void write_vectors(const mpi::Communicator& comm, const std::string& draft, const EigenvectorRows& vectors) {
  hdf5::File file = hdf5::File::open_all(comm, draft, hdf5::Access::write);
  mpi::collectively(comm, [&] {
    const MatrixView<const double> rows = vectors.rows;
    std::vector<double> values;
    values.reserve(static_cast<std::size_t>(rows.rows * rows.cols));
    for (Index i = 0; i < rows.rows; ++i)
      for (Index j = 0; j < rows.cols; ++j) values.push_back(rows(i, j));
    hdf5::Dataset(file, "/eigenvectors").write<double>({{vectors.first, 0}, {rows.rows, rows.cols}}, values);
  });
  mpi::collectively(comm, [&] { file.close(); });
}

}  // namespace

void write_spectrum(const mpi::Communicator& comm, const std::string& path, const Spectrum& spectrum,
                    const std::optional<EigenvectorRows>& vectors) {
  const mpi::Communicator own = comm.duplicate();
  DraftGuard draft;
  mpi::on_root(own, [&] {
    const Index k = std::ssize(spectrum.eigenvalues);
    draft = begin_draft(path, (k * (4 + (vectors ? spectrum.n : 0)) + 3 * std::ssize(spectrum.ridges)) *
                                  Index{sizeof(double)});
    write_draft(draft_path(path), spectrum, vectors.has_value(), own.size());
  });
  if (vectors) write_vectors(own, draft_path(path), *vectors);
  mpi::on_root(own, [&] {
    seal_whole(draft_path(path), "spectrum");
    publish(path);
  });
}

Spectrum read_spectrum(const std::string& path) {
  require_seal(path, "spectrum");
  const hdf5::File file = hdf5::File::open(path);
  const auto text = [&](const char* name) { return hdf5::read_attribute<std::string>(file, "/", name); };
  const auto count = [&](const char* name) { return hdf5::read_attribute<std::int64_t>(file, "/", name); };
  require_version(path, count("format_version"), spectrum_format_version, "spectrum");
  Spectrum spectrum;
  spectrum.header = read_model_header(file);
  spectrum.n = count("n");
  spectrum.method = text("method");
  spectrum.mean_diagonal = hdf5::read_attribute<double>(file, "/ridges", "mean_diagonal");
  if (hdf5::has_attribute(file, "/", "condition_number"))
    spectrum.condition_number = hdf5::read_attribute<double>(file, "/", "condition_number");
  for_each_list(spectrum,
                [&](const char* name, std::vector<double>& values) { values = hdf5::read_list(file, name); });
  spectrum.eigenvalue_fit = read_fit(file, "/eigenvalues");
  spectrum.target_power_fit = read_fit(file, "/target_power");
  return spectrum;
}

}  // namespace widegram::io
