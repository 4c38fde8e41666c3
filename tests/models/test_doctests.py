"""Every worked example in a docstring of this room, and of the assessment, is run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import assess
import models.airborne
import models.calculator
import models.heat
import models.limits
import models.noise

PACKAGES = (models.heat, models.noise, models.airborne, models.calculator, models.limits, assess)
MODULES = ["models.arrays", *sorted(info.name for package in PACKAGES for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."))]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_hold(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
