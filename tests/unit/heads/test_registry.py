import subprocess
import sys

import pytest

from headstart.errors import InputError, UnknownNameError
from headstart.heads.registry import head_class, make, names


def test_the_names_are_the_files():
    assert names("regression") == [
        "boosting_regression",
        "constant",
        "gated_fusion_regression",
        "kernel_ridge",
        "last_value",
        "late_fusion_regression",
        "lightgbm_regression",
        "mlp_regression",
        "neighbours_regression",
        "ridge_regression",
        "seasonal_naive",
        "tfidf_ridge",
    ]
    assert names("multi_label") == [
        "gated_fusion_labels",
        "label_frequencies",
        "late_fusion_labels",
        "multi_label_logistic",
        "multi_label_neighbours",
        "multi_label_ridge",
        "tfidf_labels",
    ]
    assert names("anomaly") == [
        "gaussian_mixture",
        "indifferent",
        "late_fusion_anomaly",
        "mahalanobis",
        "neighbour_distance",
        "tfidf_distance",
    ]
    tasks = ("classification", "regression", "multi_label", "anomaly")
    assert names() == sorted(name for task in tasks for name in names(task))
    assert names("classification") == [
        "attention_pooling",
        "boosting",
        "gated_fusion",
        "late_fusion",
        "lightgbm",
        "linear_svm",
        "logistic",
        "majority",
        "mlp",
        "neighbours",
        "prototypes",
        "rbf_svm",
        "ridge",
        "temporal",
        "tfidf_linear",
    ]


def test_listing_names_imports_nothing_heavy():
    heavy = "{'sklearn', 'scipy', 'torch'} & set(sys.modules)"
    code = f"import sys; from headstart.heads.registry import names; names(); assert not {heavy}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'logistic'"):
        make("logistik")


def test_an_unknown_setting_is_named():
    with pytest.raises(InputError, match="penalty"):
        make("logistic", penalty=3)


def test_settings_arrive():
    assert make("neighbours", n_neighbors=3).n_neighbors == 3
    assert head_class("ridge").cost_rank < head_class("logistic").cost_rank
