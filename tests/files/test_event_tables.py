import numpy as np
import pytest

from pydra_diffconn.files.events import read_events


def written(folder, text):
    path = folder / "sub-01_task-faces_events.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def test_events_are_read_by_the_names_of_their_columns(tmp_path):
    path = written(
        tmp_path,
        "trial_type\tresponse_time\tduration\tonset\nface\tn/a\t1.5\t10\nhouse\t0.7\t2\t21.25\nface\tn/a\t0\t40\n",
    )
    found = read_events(path)
    assert found.trial_type == ("face", "house", "face")
    np.testing.assert_array_equal(found.onset, [10, 21.25, 40])
    np.testing.assert_array_equal(found.duration, [1.5, 2, 0])
    np.testing.assert_array_equal(found.modulation, [1, 1, 1])


def test_a_modulation_counts_and_without_trial_types_all_are_alike(tmp_path):
    found = read_events(written(tmp_path, "onset\tduration\tmodulation\n1\t1\t.5\n3\t1\t2\n"))
    assert found.trial_type == ("event", "event")
    np.testing.assert_array_equal(found.modulation, [0.5, 2])


def test_events_without_a_type_are_left_out_with_a_warning(tmp_path):
    path = written(tmp_path, "onset\tduration\ttrial_type\n1\tn/a\tn/a\n3\t1\tgo\n")
    with pytest.warns(UserWarning, match="events.tsv: 1 of 2 events have no trial_type and are left out"):
        assert read_events(path).onset.tolist() == [3]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("onset\tduration\n1\t2\nn/a\t2\n", "events.tsv: onset is nan in line 3; expected a number"),
        ("onset\tduration\n1\tn/a\n", "events.tsv: duration is nan in line 2; expected seconds, 0 or more"),
        ("onset\tduration\n1\t-2\n", "events.tsv: duration is -2 in line 2; expected seconds, 0 or more"),
        ("onset\tduration\n1\tlong\n", r"events.tsv: column 'duration' is not numeric \(line 2: 'long'\)"),
        ("onset\tlength\n1\t2\n", "events.tsv has no column 'duration' among its 2"),
        ("onset\tduration\ttrial_type\n1\t2\tn/a\n", "trial_type is n/a for all 1 events"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line(tmp_path, text, told):
    with pytest.raises(ValueError, match=told):
        read_events(written(tmp_path, text))
