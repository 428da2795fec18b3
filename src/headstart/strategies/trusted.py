"""What a saved strategy may hold beyond what skops and the heads trust."""

from __future__ import annotations

from headstart.strategies.feature.registry import ALIGNMENTS, FEATURE_METHODS
from headstart.strategies.instance.registry import INSTANCE_METHODS, WEIGHTINGS

_PARTS = (
    "headstart.evaluation.calibration.TemperatureScaling",
    "headstart.heads.logistic.LogisticRegressionPath",
    "headstart.heads.prototypes.Prototypes",
    "headstart.heads.ridge_regression.RidgeRegression",
    "headstart.strategies._evidence.Evidence",
    "headstart.strategies._mathematics.coefficients.Coefficients",
    "headstart.strategies._mathematics.coefficients.identity",
    "headstart.strategies._mathematics.fourier.RandomFourier",
    "headstart.strategies._mathematics.kernels.Kernel",
    "headstart.strategies._mathematics.nystrom.Nystrom",
    "headstart.strategies.feature._kernel_map.KernelMap",
    "headstart.strategies.feature._kernel_map.KernelSettings",
    "headstart.strategies.feature.aligned.Aligned",
    "headstart.strategies.instance._tree_nodes.Node",
    "headstart.strategies.instance._weight_summary.WeightSummary",
    "headstart.strategies.instance.reweighted.Reweighted",
    "headstart.strategies.pipeline.TransferPipeline",
    "headstart.strategies.safe_transfer.SafeTransfer",
    "headstart.strategies.source_selection.SourceSelection",
    "headstart.strategies.transfer_head.TransferHead",
    "scipy.sparse._csr.csr_array",
    "sklearn.tree._tree.Tree",
)


def trusted_types() -> tuple[str, ...]:
    """Names of types that skops may load: the strategies found by name, and what they are made of."""
    kinds = (ALIGNMENTS, FEATURE_METHODS, INSTANCE_METHODS, WEIGHTINGS)
    classes = [members.class_of(name) for members in kinds for name in members.names()]
    return (*_PARTS, *(f"{found.__module__}.{found.__qualname__}" for found in classes))
