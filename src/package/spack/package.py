# Recipe for Spack: copy this file to REPOSITORY/packages/widegram/package.py (spack repo create; spack repo add).
from spack.package import *


class Widegram(CMakePackage):
    """Cluster solver for infinitely wide networks: NNGP and NTK Gram matrices across MPI ranks, kernel regression and
    deep kernel machines on them."""

    # No release is published yet: build from a checkout, `spack develop --path /path/to/widegram widegram@main`.
    version("main")

    variant("tests", default=False, description="Build the tests and benchmarks")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.22:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("mpi")
    depends_on("petsc@3.18:+mpi+double~complex~int64")
    depends_on("netlib-scalapack")
    depends_on("hdf5@1.10:+mpi")
    depends_on("openblas@0.3.20: threads=pthreads")
    depends_on("highway@1.0.3:")
    depends_on("xxhash")
    depends_on("fmt@9:")
    depends_on("cli11@2:", type="build")
    depends_on("tomlplusplus@3:", type="build")
    depends_on("nlohmann-json@3.11:", type="build")
    depends_on("zlib-api")
    depends_on("googletest", when="+tests", type="build")

    conflicts("%gcc@:11", msg="C++20 with ranges: GCC 12 or later")
    conflicts("%clang@:13", msg="C++20 with ranges: Clang 14 or later")

    generator("ninja")

    def cmake_args(self):
        return [self.define_from_variant("WIDEGRAM_TESTS", "tests")]
