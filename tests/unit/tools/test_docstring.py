"""Docstrings in every style say the same."""

import pytest

from orchestra.tools.docstring import parameter_docs, summary

GOOGLE = """Looks an order up.

    It asks the shop.

    Args:
        order_id (str): the id printed
            on the receipt.
        ctx: not a parameter of ours
        limit: how many

    Returns:
        limit: nothing of the kind
    """
ONE_LINE = "Looks an order up.  Args: order_id: the id printed on the receipt. limit: how many"
NUMPY = """
    Looks an order up.

    Parameters
    ----------
    order_id : str
        the id printed
        on the receipt.
    limit
        how many

    Returns
    -------
    limit : int
        nothing of the kind
    """
SPHINX = """Looks an order up.

    :param str order_id: the id printed
        on the receipt.
    :param limit: how many
    :returns: nothing of the kind
    """


@pytest.mark.parametrize("doc", [GOOGLE, ONE_LINE, NUMPY, SPHINX])
def test_every_style_is_read(doc: str) -> None:
    assert parameter_docs(doc, ("order_id", "limit")) == {
        "order_id": "the id printed on the receipt.",
        "limit": "how many",
    }
    assert summary(doc) == "Looks an order up."


def test_a_section_on_its_own_line_may_hold_its_entries() -> None:
    doc = "Looks up.\n\nArgs: order_id: the id,\n  as printed; limit: how many\n"
    assert parameter_docs(doc, ("order_id", "limit")) == {"order_id": "the id, as printed", "limit": "how many"}


def test_a_word_with_a_colon_inside_a_description_begins_no_entry() -> None:
    doc = "Looks up.\n\nArgs:\n    order_id: one of\n        limit: 3\n    limit: how many\n"
    assert parameter_docs(doc, ("order_id", "limit")) == {"order_id": "one of limit: 3", "limit": "how many"}


@pytest.mark.parametrize("doc", [None, "", "One line.", "Note: order_id: not a section of parameters"])
def test_nothing_is_made_up(doc: str | None) -> None:
    assert parameter_docs(doc, ("order_id",)) == {}


def test_the_summary_is_one_line() -> None:
    assert summary("\n    Looks an order\n    up.\n\n    More.\n    ") == "Looks an order up."
    assert summary(None) == ""
