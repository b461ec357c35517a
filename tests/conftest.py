"""One thread: on networks this small, threads wait for each other longer than they work.

Set before anything imports PyTorch; processes that tests start inherit it. Set it yourself to have another number.
"""

import os
import tempfile

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
# What is found of models is kept for this test run alone: neither does it rest on an earlier one nor leave a trace.
_cache = tempfile.TemporaryDirectory(prefix="neurolect-tests-", ignore_cleanup_errors=True)
os.environ.setdefault("NEUROLECT_CACHE", _cache.name)

# How long an example takes depends on what else the machine does.
settings.register_profile("neurolect", deadline=None)
settings.load_profile("neurolect")
