from headstart.bundle.load import load_bundle as load
from headstart.bundle.model import Model as Model
from headstart.errors import HeadstartError as HeadstartError
from headstart.features.cache import FeatureCache as FeatureCache
from headstart.features.encoder import Encoder as Encoder
from headstart.run.fit import Run as Run
from headstart.run.fit import fit as fit
from headstart.selection.diagnose import diagnose as diagnose
from headstart.selection.search import search as search
from headstart.strategies.feature.aligned import Aligned as Aligned
from headstart.strategies.feature.coral import Coral as Coral
from headstart.strategies.instance.kmm import KMM as KMM
from headstart.strategies.instance.reweighted import Reweighted as Reweighted
from headstart.strategies.parameter.fine_tune import FineTune as FineTune
from headstart.strategies.pipeline import make_pipeline as make_pipeline
from headstart.strategies.safe_transfer import SafeTransfer as SafeTransfer
from headstart.strategies.unlabelled import Unlabelled as Unlabelled
from headstart.types import Dataset as Dataset
from headstart.types import Score as Score

__version__: str
__all__ = [
    "Aligned",
    "Coral",
    "Dataset",
    "Encoder",
    "FeatureCache",
    "FineTune",
    "HeadstartError",
    "KMM",
    "Model",
    "Reweighted",
    "Run",
    "SafeTransfer",
    "Score",
    "Unlabelled",
    "__version__",
    "diagnose",
    "fit",
    "load",
    "make_pipeline",
    "search",
]
