#pragma once

#include <span>

#include "io/data_reader.hpp"

namespace widegram::io {

/// The digits that ship inside the program (io/digits/README.md): 1,797 images of 8 x 8, counts of 0 to 16
/// divided by 16.
class DigitsReader final : public DataReader {
 public:
  static constexpr Index all = 1797;
  /// `digits:train` is what comes before, `digits:test` what comes from here on.
  static constexpr Index first_test = 1347;

  explicit DigitsReader(Range part);

  bool seeks() const override { return true; }
  void read(Range samples, MatrixView<double> inputs, MatrixView<double> targets) override;

 private:
  Range part_;
  /// A sample a column: 64 counts, then the digit.
  std::vector<unsigned char> table_;
};

/// digits.csv.gz byte by byte; the build makes the definition (io/digits/embed.cmake).
std::span<const unsigned char> embedded_digits();

}  // namespace widegram::io
