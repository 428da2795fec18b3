import dataclasses
import subprocess
import sys

import pytest

from headstart.errors import UnknownNameError
from headstart.tasks.registry import get_task, names


def test_tasks_are_found_by_file_name():
    assert names() == ["anomaly", "classification", "multi_label", "regression"]
    assert all(get_task(name).name == name for name in names())


def test_what_a_task_names_exists():
    from headstart.backbones.registry import get_card
    from headstart.evaluation.calibrations import CALIBRATIONS
    from headstart.evaluation.kinds.kind import known_metrics
    from headstart.heads.registry import names as heads

    for name in names():
        task = get_task(name)
        assert task.metric in task.reported
        assert set(task.reported) <= set(known_metrics())
        classics = {head for names in task.classic_heads.values() for head in names}
        assert {task.dummy_head, *task.baseline_heads, *classics} <= set(heads(name))
        assert task.calibration in CALIBRATIONS
        for modality, backbone in task.classic_backbones.items():
            assert get_card(backbone).modality == modality


def test_a_task_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError, match="metric"):
        get_task("classification").metric = "accuracy"


def test_an_unknown_task_gets_the_nearest_name():
    with pytest.raises(UnknownNameError, match="Did you mean 'classification'"):
        get_task("clasification")


def test_listing_tasks_imports_none():
    code = "import sys; from headstart.tasks.registry import names; names(); "
    code += "print('headstart.tasks.classification' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
