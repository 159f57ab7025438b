"""The demo's plan of the training, loaded by its path.

The recorders run where neither torch nor torchweights is installed, in Pythons down to 3.6, so they cannot import the
package that the plan belongs to. Everything in ``torchweights/demo/plan.py`` is a name of this module too.
"""

import importlib.util
import os

_HERE = os.path.dirname(os.path.abspath(__file__))
_PATH = os.path.join(_HERE, os.pardir, os.pardir, "torchweights", "demo", "plan.py")
_SPEC = importlib.util.spec_from_file_location("torchweights_demo_plan", os.path.normpath(_PATH))
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)

globals().update({name: value for name, value in vars(_MODULE).items() if not name.startswith("_")})
