"""The errors of the package: the same objects as in ``core.errors``, under the name users import."""

from orchestra.core.errors import *  # noqa: F403
