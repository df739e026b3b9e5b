#include <gtest/gtest.h>

#include "src/dkm/conv_op.hpp"
#include "src/dkm/layer_ops.hpp"
#include "tests/dkm/conv_support.hpp"

namespace widegram::dkm::test {
namespace {

/// ti and t of some samples, filled with noise; rows beyond the points are zero.
struct Numbers {
  ValueShape shape;
  Index samples;
  AlignedVector<double> ti, t;

  Numbers(const ValueShape& of, Index count, std::uint32_t stream)
      : shape(of),
        samples(count),
        ti(static_cast<std::size_t>(of.rows() * of.positions() * count)),
        t(static_cast<std::size_t>(of.positions() * count)) {
    const Matrix<double> values = noise(of.points + 1, of.positions() * count, stream);
    for (Index n = 0; n < values.cols(); ++n) {
      std::copy_n(values.column(n), of.points, ti.data() + n * of.rows());
      t[static_cast<std::size_t>(n)] = values(of.points, n);
    }
  }
  Block<double> block() { return {ti.data(), t.data(), samples}; }
};

double inner(const Numbers& a, const Numbers& b, bool with_t = true) {
  double sum = 0;
  for (Index n = 0; n < a.samples * a.shape.positions(); ++n) {
    for (Index i = 0; i < a.shape.points; ++i) {
      const auto at = static_cast<std::size_t>(n * a.shape.rows() + i);
      sum += a.ti[at] * b.ti[at];
    }
    if (with_t) sum += a.t[static_cast<std::size_t>(n)] * b.t[static_cast<std::size_t>(n)];
  }
  return sum;
}

TEST(ConvolutionLayer, AdjointIsThatOfInnerProducts) {
  for (const Index stride : {1, 2, 3})
    for (const Index size : {1, 3, 5}) {
      SCOPED_TRACE(testing::Message() << "size " << size << ", stride " << stride);
      const ValueShape in{5, 9, 6};
      const Slice weights{"W", 0, 18 * 5 * size * size, 1};
      const auto op = make_conv_op<double>({.points = 18, .size = size, .stride = stride}, in, weights);
      std::vector<double> parameters(static_cast<std::size_t>(weights.count()));
      op->initialise(parameters, {}, 4);
      Chain chain;
      const Gram ii = noise(5, 5, 9);
      op->chain(parameters, ii, {}, chain);
      Numbers x(in, 3, 1), y(op->out, 3, 2), ax(op->out, 3, 3), aty(in, 3, 4);
      AlignedVector<double> sums(static_cast<std::size_t>(op->sum_count()));
      op->forward(x.block(), {}, ax.block());
      op->adjoint(x.block(), {}, ax.block(), y.block(), aty.block(), {}, sums);
      EXPECT_NEAR(inner(ax, y), inner(x, aty), 1e-12 * std::abs(inner(ax, y)) + 1e-12);
      // And by the weights, in which ti is linear too.
      std::vector<double> gradient(parameters.size());
      Gram d_in(5, 5), none;
      op->chain_adjoint(parameters, {sums.data(), sums.size()}, Gram(18, 18), d_in, none, chain, gradient);
      double by_weights = 0;
      for (std::size_t k = 0; k < gradient.size(); ++k) by_weights += gradient[k] * parameters[k];
      EXPECT_NEAR(by_weights, inner(ax, y, false), 1e-12 * std::abs(by_weights) + 1e-12);
      // The inducing points' own products are quadratic in the weights and linear in ii.
      const Gram d_out = symmetrised(noise(18, 18, 8)), symmetric = symmetrised(ii);
      const Gram out = op->chain(parameters, symmetric, {}, chain);
      op->chain_adjoint(parameters, std::vector<double>(sums.size()), d_out, d_in, none, chain, gradient);
      EXPECT_NEAR(dot(out, d_out), dot(symmetric, d_in), 1e-12 * std::abs(dot(out, d_out)) + 1e-12);
    }
}

TEST(ResidualSum, AdjointIsThatOfInnerProducts) {
  const ValueShape shape{7, 2, 3};
  const auto op = make_sum_op<double>(shape, 0.3, 0.7);
  Numbers x(shape, 2, 1), z(shape, 2, 2), y(shape, 2, 3), out(shape, 2, 4), d_x(shape, 2, 5),
      d_z(shape, 2, 6);
  op->forward(x.block(), z.block(), out.block());
  op->adjoint(x.block(), z.block(), out.block(), y.block(), d_x.block(), d_z.block(), {});
  EXPECT_NEAR(inner(out, y), inner(x, d_x) + inner(z, d_z), 1e-12);
}

/// A product by panels beside three loops, for widths and lengths that fill no register.
template <class Real>
void check_panels(double tolerance) {
  for (const Index rows : {16, 32, 48})
    for (const Index width : {1, 3, 8, 13}) {
      const Index length = 9, segments = 2, count = 2 * 3 * width;
      const Columns columns{.images = 2,
                            .height = 3,
                            .width = width,
                            .image_step = 5 * (width + 4) * 9,
                            .row_step = (width + 4) * 9,
                            .column_step = 9,
                            .segments = segments,
                            .segment_step = 2 * 9 + 1,
                            .length = length};
      const Matrix<double> a = noise(rows, segments * length, 1),
                           values = noise(2 * 5 * (width + 4) * 9, 1, 2), d = noise(rows, count, 3);
      Panels<Real> panels;
      panels.resize(rows, segments * length);
      for (Index k = 0; k < segments * length; ++k)
        for (Index i = 0; i < rows; ++i) panels.set(i, k, a(i, k));
      const std::vector<Real> b(values.data(), values.data() + values.rows()),
          d_real(d.data(), d.data() + rows * count);
      AlignedVector<Real> c(static_cast<std::size_t>(rows * count), Real{1}),
          sums(static_cast<std::size_t>(rows * segments * length));
      panel_kernels<Real>().multiply(panels.data(), rows, b.data(), columns, c.data(), rows, true);
      panel_kernels<Real>().outer(d_real.data(), rows, b.data(), columns, sums.data());
      Matrix<double> expected(rows, count), expected_sums(rows, segments * length);
      for (Index n = 0; n < count; ++n) {
        const Index image = n / (3 * width), y = n / width % 3, x = n % width;
        for (Index k = 0; k < segments * length; ++k) {
          const double value = values.data()[image * columns.image_step + y * columns.row_step + x * 9 +
                                             k / length * columns.segment_step + k % length];
          for (Index i = 0; i < rows; ++i) {
            expected(i, n) += a(i, k) * value;
            expected_sums(i, k) += d(i, n) * value;
          }
        }
      }
      for (Index k = 0; k < rows * count; ++k)
        EXPECT_NEAR(c[static_cast<std::size_t>(k)], 1 + expected.data()[k], tolerance);
      for (Index k = 0; k < expected_sums.rows() * expected_sums.cols(); ++k)
        EXPECT_NEAR(sums[static_cast<std::size_t>(k)], expected_sums.data()[k], tolerance);
    }
}

TEST(Panels, AreThePlainProduct) {
  check_panels<double>(1e-12);
  check_panels<float>(1e-4);
}

}  // namespace
}  // namespace widegram::dkm::test
