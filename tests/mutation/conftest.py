"""Where there is no mutmut (it does not run on Windows), what imports it is not collected; test_mutation.py says so."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("mutmut") else ["__main__.py", "killing.py", "mutants.py"]
