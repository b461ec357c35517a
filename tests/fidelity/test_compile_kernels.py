"""Kernels compiled ahead are those that scoring runs."""

from numba.core.registry import CPUDispatcher

from neurolect.fidelity import fitting_kernels
from neurolect.fidelity.compile_kernels import compile_kernels
from neurolect.statistics import metric_kernels


def test_every_kernel_is_compiled() -> None:
    compile_kernels()
    for module in (fitting_kernels, metric_kernels):
        for name, kernel in vars(module).items():
            if isinstance(kernel, CPUDispatcher):
                assert kernel.overloads or name.startswith("_"), name
