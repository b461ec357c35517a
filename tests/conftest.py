"""One thread: on networks this small, threads wait for each other longer than they work.

Set before anything imports PyTorch; processes that tests start inherit it. Set it yourself to have another number.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
