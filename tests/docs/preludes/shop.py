"""The shop of the examples, under the name that the README's program gives it."""

from examples.shop import Receipt as Receipt
from examples.shop import Shop as Shop
