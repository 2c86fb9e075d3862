"""Pages of people, and the paragraph of methods: all that lies in the folder, escaped, and exactly what was done."""

import xml.etree.ElementTree as ET

import pytest
from output_folder import BAD, NAMES, PROCESSING, write_output

from pydra_diffconn.bids.pages.methods import methods
from pydra_diffconn.bids.pages.references import CITED, references
from pydra_diffconn.bids.pages.subject import write_subject
from pydra_diffconn.confound_models import strategies

LEARNED = {"low_pass": {"start": 0.08, "value": 0.123, "unit": "Hz"}}


@pytest.mark.slow
def test_a_page_shows_every_run_and_is_light_and_whole(tmp_path):
    out = write_output(tmp_path, figures=True, learned=LEARNED, missing=(0,))
    page = write_subject(out, "01").read_text(encoding="utf-8")
    for title in ("Before denoising", "Censoring", "Confounds", "After denoising", "Coverage", "Connectivity"):
        assert page.count(f">{title}<") >= 2  # for each session
    assert "0.123" in page and "1 parcel missing" in page and "BibTeX" in page
    assert len(page) < 1.5e6 and 'src="http' not in page and "<link" not in page and "<script" not in page


@pytest.mark.slow
def test_markup_in_names_and_reasons_stays_text(tmp_path):
    out = write_output(tmp_path, figures=True, missing=(0,))
    for person in ("01", "04"):
        page = write_subject(out, person).read_text(encoding="utf-8")
        assert (
            BAD not in page
            and NAMES[0] not in page
            and "<b>" not in page.replace("<b>", "", page.count('class="card"'))
        )
    assert "&lt;script&gt;" in page  # the reason of the run that failed
    for path in out.rglob("*.svg"):
        ET.fromstring(path.read_text(encoding="utf-8"))  # well formed, whatever the names


def test_what_must_not_be_overlooked_stands_on_top(tmp_path):
    out = write_output(tmp_path)
    page = write_subject(out, "sub-04").read_text(encoding="utf-8")
    assert "1 run failed" in page and page.index("1 run failed") < page.index("Summary")
    with pytest.raises(ValueError, match=r"has no run of sub-9"):
        write_subject(out, "9")


@pytest.mark.parametrize(
    ("changed", "said", "unsaid"),
    [
        ({}, ["of XCP-D", "0.01–0.08 Hz", "more than 0.3 mm", "first 2 frames"], []),  # noqa: RUF001
        ({"fd_threshold": None}, ["No frame was censored"], ["more than 0.3 mm"]),
        ({"head_radius": "auto"}, ["the radius of a ball as large as the brain"], ["50 mm"]),
        ({"fd_threshold_final": 0.2}, ["connectomes are of the frames that moved at most 0.2 mm"], []),
        ({"dvars_threshold": 1.5, "exceeds": "all"}, ["and a standardised DVARS of more than 1.5"], [" or a stand"]),
        ({"order": "nilearn"}, ["nilearn"], ["of XCP-D"]),
        ({"ends": "cut"}, ["took no part in trends and filters"], ["held at the first"]),
        ({"ends": None, "order": "nilearn"}, ["which went on before the first"], ["held at the first"]),
        ({"order": "simultaneous"}, ["one projection"], ["of XCP-D"]),
        ({"high_pass": None, "low_pass": None}, [], ["Hz"]),
        ({"dummy_scans": 3, "dummy_scans_asked": "auto"}, ["called non-steady"], ["first 3 frames"]),
        ({"learned": LEARNED}, ["0.08 at the start, 0.123 Hz"], []),
        ({"columns": []}, [], ["regressed out 3"]),
        ({"motion_filter": "notch", "band_stop_min": 12, "band_stop_max": 18}, ["12", "18"], []),
    ],
)
def test_the_paragraph_says_what_was_done(changed, said, unsaid):
    text, bibtex = methods({**PROCESSING, **changed}, "36P", ["Demo"], ["MNI"])
    for part in said:
        assert part in text, text
    for part in unsaid:
        assert part not in text, text
    for key in CITED.findall(text):
        assert f"{{{key}," in bibtex


def test_every_citation_of_a_strategy_has_its_entry():
    for name in strategies.names():
        for key in strategies.strategy(name).cite:
            assert key in references(), (name, key)
    for one in references().values():
        assert one.short and one.line and one.fields["year"].isdigit()
