"""A study on paper: the page without its script, set by WeasyPrint."""

from __future__ import annotations

import logging

from PIL import ImageFile

from tasvir.errors import PluginError


def check_pdf() -> None:
    """See whether there is what makes a PDF, before anything is read.

    Raises:
        PluginError: It is not installed, or lacks a library of the system.
    """
    strict = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError) as problem:
        raise PluginError(
            f"a PDF needs WeasyPrint, which cannot be loaded ({problem}): pip install 'tasvir[pdf]', "
            "or leave pdf out of --format"
        ) from problem
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = strict  # it lets the whole process take pictures that are cut short


def as_pdf(page: str) -> bytes:
    """Set a page of `render_study` made for paper; nothing is fetched.

    Raises:
        PluginError: There is no WeasyPrint.
    """
    check_pdf()
    from weasyprint import HTML
    from weasyprint.urls import URLFetcher

    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # it reports each rule that is for screens
    written: bytes = HTML(string=page, url_fetcher=URLFetcher(allowed_protocols={"data"})).write_pdf()
    return written
