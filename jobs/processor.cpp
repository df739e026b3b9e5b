#include "jobs/processor.hpp"

#include <cblas.h>
#include <sched.h>
#include <unistd.h>

#include <vector>

#include "src/base/timer.hpp"

namespace widegram::jobs {
namespace {

constexpr int edge = 384;

void multiply(const std::vector<double>& a, const std::vector<double>& b, std::vector<double>& c) {
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, edge, edge, edge, 1, a.data(), edge, b.data(), edge,
              0, c.data(), edge);
}

void multiply(const std::vector<float>& a, const std::vector<float>& b, std::vector<float>& c) {
  cblas_sgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, edge, edge, edge, 1, a.data(), edge, b.data(), edge,
              0, c.data(), edge);
}

template <class Real>
double gemm_flops() {
  const std::vector<Real> a(edge * edge, Real(0.5)), b(edge * edge, Real(0.25));
  std::vector<Real> c(edge * edge);
  multiply(a, b, c);
  const Timer timer;
  int rounds = 0;
  for (; timer.seconds() < 0.2; ++rounds) multiply(a, b, c);
  return rounds * 2.0 * edge * edge * edge / timer.seconds();
}

}  // namespace

int node_processors() { return static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)); }

int open_processors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  return sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : node_processors();
}

double dgemm_flops() { return gemm_flops<double>(); }
double sgemm_flops() { return gemm_flops<float>(); }

}  // namespace widegram::jobs
