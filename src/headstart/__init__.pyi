from headstart.bundle.load import load_bundle as load
from headstart.bundle.model import Model as Model
from headstart.errors import HeadstartError as HeadstartError
from headstart.features.cache import FeatureCache as FeatureCache
from headstart.features.encoder import Encoder as Encoder
from headstart.run.fit import Run as Run
from headstart.run.fit import fit as fit
from headstart.types import Dataset as Dataset
from headstart.types import Score as Score

__version__: str
__all__ = [
    "Dataset",
    "Encoder",
    "FeatureCache",
    "HeadstartError",
    "Model",
    "Run",
    "Score",
    "__version__",
    "fit",
    "load",
]
